import type { Address } from '../../src/base/address.ts'
import { formatAddress } from '../../src/base/address.ts'
import { OperatorError } from '../../src/base/errors.ts'
import type {
  CloseReason,
  Connection,
  ConnectionHandlers,
  DatagramHandlers,
  DatagramSocket,
  Listener,
  ListenHandlers,
  Sockets,
} from '../../src/net/types.ts'
import type { ManualClock } from './manual-clock.ts'

/** Milliseconds from any host to any other, unless a test wants it otherwise. */
const usual = 1

/**
 * Just enough of a network for tests of one room: hosts, ports, streams and datagrams that always arrive
 * after `latency()`, and the few kinds of trouble that links must notice.
 */
export class FakeNetwork {
  readonly clock: ManualClock
  readonly listeners = new Map<string, ListenHandlers>()
  readonly datagrams = new Map<string, DatagramHandlers>()
  readonly ends = new Set<End>()
  /** Hosts whose packets, in both directions, go nowhere. */
  readonly silent = new Set<string>()
  /** Hosts that take nothing in: what is written to them stays with the writer. */
  readonly stuck = new Set<string>()
  /** How long the next thing takes to the other end, ms. Streams stay in order all the same. */
  latency: () => number = () => usual
  readonly #processes: Process[] = []
  #port = 40_000

  constructor(clock: ManualClock) {
    this.clock = clock
  }

  sockets(host: string): Sockets {
    const process = { host, alive: true }
    this.#processes.push(process)
    return {
      bindDatagram: (at, handlers) => this.#bind(host, at, handlers),
      listen: (at, handlers) => this.#listen(host, at, handlers),
      dial: (to, handlers) => this.#dial(process, to, handlers),
    }
  }

  /** The process dies: its kernel resets what it had open. */
  kill(host: string): void {
    for (const key of [...this.listeners.keys()]) {
      if (key.startsWith(`${host}:`)) this.listeners.delete(key)
    }
    for (const process of this.#processes) if (process.host === host) process.alive = false
    for (const end of [...this.ends]) if (end.host === host) end.vanish()
  }

  freePort(): number {
    return this.#port++
  }

  #listen(host: string, at: Address, handlers: ListenHandlers): Listener {
    const bound = { host: at.host, port: at.port || this.freePort() }
    const key = formatAddress({ host, port: bound.port })
    if (this.listeners.has(key)) {
      this.clock.soon(() => handlers.failed(inUse(at)))
      return { close() {} }
    }
    this.listeners.set(key, handlers)
    this.clock.soon(() => handlers.listening(bound))
    return { close: () => void this.listeners.delete(key) }
  }

  #bind(host: string, at: Address, handlers: DatagramHandlers): DatagramSocket {
    const own = { host, port: at.port || this.freePort() }
    const key = formatAddress(own)
    if (this.datagrams.has(key)) {
      this.clock.soon(() => handlers.failed(inUse(at)))
      return { send() {}, close() {} }
    }
    this.datagrams.set(key, handlers)
    this.clock.soon(() => {
      if (this.datagrams.get(key) === handlers) handlers.bound({ host: at.host, port: own.port })
    })
    return {
      send: (to, bytes) => {
        const copy = bytes.slice()
        this.clock.after(this.latency(), () =>
          this.datagrams.get(formatAddress(to))?.received(own, copy),
        )
      },
      close: () => void this.datagrams.delete(key),
    }
  }

  #dial(process: Process, to: Address, handlers: ConnectionHandlers): Connection {
    const { host } = process
    const near = new End(this, host, to, handlers)
    this.clock.after(this.latency(), () => {
      if (!process.alive || this.silent.has(host) || this.silent.has(to.host)) return
      const listener = this.listeners.get(formatAddress(to))
      if (!listener) {
        this.clock.after(this.latency(), () =>
          near.closeNow(to.host === 'nowhere' ? 'unresolved' : 'refused'),
        )
        return
      }
      const far = new End(this, to.host, { host, port: this.freePort() }, undefined)
      far.handlers = listener.accepted(far)
      far.open(near)
      this.clock.after(this.latency(), () => near.open(far))
    })
    return near
  }
}

interface Process {
  readonly host: string
  alive: boolean
}

class End implements Connection {
  readonly host: string
  readonly remote: Address
  handlers: ConnectionHandlers | undefined
  readonly #network: FakeNetwork
  #other: End | undefined
  #closed = false
  #ended = false
  #unsent: Uint8Array[] = []
  /** When the last thing that left gets there. */
  #arrival = 0

  constructor(
    network: FakeNetwork,
    host: string,
    remote: Address,
    handlers: ConnectionHandlers | undefined,
  ) {
    this.#network = network
    this.host = host
    this.remote = remote
    this.handlers = handlers
    network.ends.add(this)
  }

  open(other: End): void {
    if (this.#closed) {
      other.hear('reset')
      return
    }
    this.#other = other
    this.handlers?.opened()
    this.flush()
  }

  write(bytes: Uint8Array): void {
    if (this.#closed || this.#ended) return
    this.#unsent.push(bytes)
    this.flush()
  }

  flush(): void {
    if (!this.#other || this.#network.stuck.has(this.remote.host)) return
    const bytes = this.#unsent
    this.#unsent = []
    for (const part of bytes) this.#carry(() => this.#other?.receive(part))
    if (this.#ended) this.#carry(() => this.#other?.hear('closed'))
    if (bytes.length > 0) this.#network.clock.soon(() => this.#closed || this.handlers?.drained())
  }

  pending(): number {
    return this.#unsent.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  end(): void {
    if (this.#closed || this.#ended) return
    this.#ended = true
    this.flush()
  }

  destroy(): void {
    if (this.#closed) return
    this.#carry(() => this.#other?.hear('closed'))
    this.#shut()
    this.#network.clock.soon(() => this.handlers?.closed('closed'))
  }

  /** The process is gone: it hears nothing, its peer hears a reset. */
  vanish(): void {
    if (this.#closed) return
    this.#carry(() => this.#other?.hear('reset'))
    this.#shut()
  }

  closeNow(why: CloseReason): void {
    if (this.#closed) return
    this.#shut()
    this.handlers?.closed(why)
  }

  receive(bytes: Uint8Array): void {
    if (!this.#closed) this.handlers?.received(bytes)
  }

  hear(why: CloseReason): void {
    if (this.#closed) return
    if (why === 'closed') this.#carry(() => this.#other?.hear('closed'))
    this.closeNow(why)
  }

  #carry(task: () => void): void {
    const { silent, clock } = this.#network
    this.#arrival = Math.max(this.#arrival, clock.now() + this.#network.latency())
    clock.after(this.#arrival - clock.now(), () => {
      if (!silent.has(this.host) && !silent.has(this.remote.host)) task()
    })
  }

  #shut(): void {
    this.#closed = true
    this.#unsent = []
    this.#network.ends.delete(this)
  }
}

function inUse(at: Address): OperatorError {
  return new OperatorError('PORT_IN_USE', `${formatAddress(at)} is in use`, 'choose another')
}
