import net from 'node:net'
import type { Address } from '../base/address.ts'
import { bindError, closeReason, plainHost } from './socket-errors.ts'
import type {
  CloseReason,
  Connection,
  ConnectionHandlers,
  Listener,
  ListenHandlers,
  PeerIdentity,
} from './types.ts'

/** Gathered bytes that leave at once, without waiting for the turn's end: the kernel has work then. */
const flushBytes = 256 * 1024
/** Gathered writes up to this size in all become one buffer; copying more costs more than it saves. */
const joinBytes = 64 * 1024
/** The system's own limit is over two minutes; whoever dials usually has a shorter one. */
export const dialTimeout = 15_000
/** Connections that the kernel keeps for a listener until the process takes them. */
export const backlog = 511

export function listen(at: Address, handlers: ListenHandlers): Listener {
  const server = net.createServer({ noDelay: true }, socket => accept(socket, handlers))
  server.on('error', error => handlers.failed(bindError(error, 'TCP', at)))
  server.listen({ host: at.host, port: at.port, backlog }, () => {
    const bound = server.address()
    if (bound === null || typeof bound === 'string') return
    handlers.listening({ host: at.host, port: bound.port })
  })
  return { close: () => void server.close() }
}

export function accept(socket: net.Socket, handlers: ListenHandlers): void {
  const remote = { host: plainHost(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
  const connection = new Stream(socket, remote)
  connection.handlers = handlers.accepted(connection)
  connection.opened()
}

export function dial(to: Address, handlers: ConnectionHandlers): Connection {
  const socket = net.connect({ host: to.host, port: to.port, noDelay: true })
  const connection = new Stream(socket, to)
  connection.handlers = handlers
  const timer = setTimeout(() => connection.give('timeout'), dialTimeout)
  socket.on('connect', () => {
    clearTimeout(timer)
    connection.opened()
  })
  socket.on('close', () => clearTimeout(timer))
  return connection
}

const unheard: ConnectionHandlers = { opened() {}, received() {}, drained() {}, closed() {} }

/**
 * Writes are gathered: the first of a turn of the loop leaves when the current callback is over, all others
 * when the turn ends, together. So a quiet node pays no latency and a busy one few system calls.
 */
export class Stream implements Connection {
  handlers: ConnectionHandlers = unheard
  readonly #socket: net.Socket
  readonly #dialled: Address
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #flushPlanned = false
  #flushedThisTurn = false
  #ending = false
  #why: CloseReason | undefined
  #open = false
  readonly identity?: () => PeerIdentity

  /** `proved`: by the handshake that this socket has behind it. */
  constructor(socket: net.Socket, remote: Address, proved?: PeerIdentity) {
    this.#socket = socket
    this.#dialled = remote
    if (proved) this.identity = () => proved
    socket.on('data', bytes => this.handlers.received(bytes))
    socket.on('error', error => {
      this.#why ??= closeReason(error, this.#open)
    })
    socket.on('close', () => {
      this.#drop()
      this.handlers.closed(this.#why ?? 'closed')
    })
  }

  get remote(): Address {
    const { remoteAddress, remotePort } = this.#socket
    if (remoteAddress === undefined || remotePort === undefined) return this.#dialled
    return { host: plainHost(remoteAddress), port: remotePort }
  }

  opened(): void {
    this.#open = true
    this.handlers.opened()
  }

  write(bytes: Uint8Array): void {
    if (this.#ending || this.#socket.destroyed || bytes.length === 0) return
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    if (this.#gatheredBytes >= flushBytes) this.#flush()
    else if (!this.#flushPlanned) this.#planFlush()
  }

  pending(): number {
    return this.#gatheredBytes + this.#socket.writableLength
  }

  end(): void {
    if (this.#ending) return
    this.#flush()
    this.#ending = true
    this.#socket.end()
  }

  destroy(): void {
    this.give('closed')
  }

  give(why: CloseReason): void {
    this.#why ??= why
    this.#ending = true
    this.#drop()
    this.#socket.destroy()
  }

  #planFlush(): void {
    this.#flushPlanned = true
    if (this.#flushedThisTurn) {
      setImmediate(() => this.#flush())
      return
    }
    this.#flushedThisTurn = true
    process.nextTick(() => this.#flush())
    setImmediate(() => {
      this.#flushedThisTurn = false
    })
  }

  #flush(): void {
    this.#flushPlanned = false
    const buffers = this.#gathered
    if (buffers.length === 0) return
    const bytes = this.#gatheredBytes
    this.#drop()
    if (buffers.length === 1) {
      this.#socket.write(buffers[0]!, this.#written)
    } else if (bytes <= joinBytes) {
      this.#socket.write(Buffer.concat(buffers, bytes), this.#written)
    } else {
      this.#socket.cork()
      const last = buffers.pop()!
      for (const buffer of buffers) this.#socket.write(buffer)
      this.#socket.write(last, this.#written)
      this.#socket.uncork()
    }
  }

  readonly #written = (error?: Error | null): void => {
    if (!error && this.pending() === 0) this.handlers.drained()
  }

  #drop(): void {
    this.#gathered = []
    this.#gatheredBytes = 0
  }
}
