import type { Address } from '../../src/base/address.ts'
import type {
  CloseReason,
  Connection,
  ConnectionHandlers,
  PeerIdentity,
} from '../../src/net/types.ts'
import type { Machine, Network } from './network.ts'
import type { Life } from './queue.ts'

/** Bytes that a kernel takes from a process before the peer has acknowledged any. */
const sendWindow = 256 * 1024
/** First wait before TCP sends a lost segment again (RFC 6298's floor, as Linux has it), ms; doubles. */
const retransmitAfter = 200
/** Longest wait between two tries while a path is dead, ms. */
const retransmitMax = 5_000
/** Unacknowledged for so long: the connection is given up (TCP_USER_TIMEOUT), ms. */
const giveUpAfter = 20_000

type Segment = Uint8Array | 'fin' | 'reset'

/** One end of a TCP connection. What it writes arrives in order, late rather than never. */
export class StreamEnd implements Connection {
  readonly remote: Address
  readonly remoteMachine: Machine
  readonly #network: Network
  readonly #machine: Machine
  readonly #life: Life
  handlers: ConnectionHandlers
  peer: StreamEnd | undefined
  /** What the other end has proved. */
  proved: PeerIdentity | undefined
  #opened = false
  #closed = false
  #ending = false
  #finSent = false
  /** Written and still in the process. */
  readonly #queue: Uint8Array[] = []
  #queued = 0
  #flushing = false
  /** Bytes with the kernel: not yet acknowledged. */
  #flight = 0
  /** Of these, arrived, but the acknowledgement cannot come back. */
  #unacknowledged = 0
  /** Segments that met a dead path, in order. */
  #stalled: Segment[] = []
  #lastArrival = 0
  /** When the oldest trouble began; undefined: all goes well. */
  #troubleSince: number | undefined

  constructor(
    network: Network,
    ends: { machine: Machine; life: Life; remote: Address; remoteMachine: Machine },
    handlers: ConnectionHandlers,
  ) {
    this.#network = network
    this.#machine = ends.machine
    this.#life = ends.life
    this.remote = ends.remote
    this.remoteMachine = ends.remoteMachine
    this.handlers = handlers
    ends.machine.streams.add(this)
  }

  identity(): PeerIdentity | undefined {
    return this.proved
  }

  get life(): Life {
    return this.#life
  }

  get closedHere(): boolean {
    return this.#closed
  }

  write(bytes: Uint8Array): void {
    if (this.#closed || this.#ending || !this.#life.alive || bytes.length === 0) return
    this.#network.simulation.trace.mixBytes(bytes)
    this.#queue.push(bytes)
    this.#queued += bytes.length
    this.#flushSoon()
  }

  pending(): number {
    return this.#queued
  }

  end(): void {
    if (this.#closed || this.#ending || !this.#life.alive) return
    this.#ending = true
    this.#flushSoon()
  }

  destroy(): void {
    if (this.#closed || !this.#life.alive) return
    const unsent = this.#queued > 0
    this.#close('closed')
    this.#transmit(unsent ? 'reset' : 'fin')
  }

  /** The handshake is complete at this end. */
  open(earliestArrival: number): void {
    this.#opened = true
    this.#lastArrival = earliestArrival
    if (this.#queued > 0 || this.#ending) this.#flushSoon()
  }

  /** This end cannot go on. */
  fail(why: CloseReason): void {
    if (this.#closed) return
    this.#forget()
    this.#close(why)
  }

  /** The process is gone; with power, its kernel says so, else it says nothing. */
  vanish(how: 'fin' | 'reset' | 'silent'): void {
    const wasClosed = this.#closed
    this.#shut()
    if (how === 'silent') {
      this.#stalled = []
      this.#forget()
    } else if (!wasClosed) this.#transmit(how)
  }

  /** A path between the two machines works again: TCP notices at its next retransmission. */
  pathOpened(): void {
    if (this.#troubleSince === undefined) return
    const { simulation, dice } = this.#network
    const elapsed = simulation.now - this.#troubleSince
    const wait = dice.next() * Math.min(Math.max(elapsed, retransmitAfter), retransmitMax)
    simulation.after(wait, () => this.#retry())
  }

  #retry(): void {
    const network = this.#network
    const { machine, remoteMachine } = { machine: this.#machine, remoteMachine: this.remoteMachine }
    if (!network.reaches(machine, remoteMachine)) return
    const stalled = this.#stalled
    this.#stalled = []
    if (network.reaches(remoteMachine, machine)) {
      this.#troubleSince = undefined
      this.#flight -= this.#unacknowledged
      this.#unacknowledged = 0
    }
    for (const segment of stalled) this.#land(segment)
    this.#flush()
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#network.simulation.after(
      0,
      () => {
        this.#flushing = false
        this.#flush()
      },
      this.#life,
    )
  }

  #flush(): void {
    if (this.#closed || !this.#opened || this.#finSent) return
    const had = this.#queued > 0
    while (this.#queue.length > 0 && this.#flight < sendWindow) {
      const bytes = this.#queue.shift()!
      this.#queued -= bytes.length
      this.#flight += bytes.length
      this.#transmit(bytes)
    }
    if (this.#queue.length > 0) return
    if (this.#ending) {
      this.#finSent = true
      this.#transmit('fin')
    }
    if (had) this.#network.simulation.enter(this.#life, () => this.handlers.drained())
  }

  #transmit(segment: Segment): void {
    const network = this.#network
    const { simulation } = network
    let delay = network.latency(this.#machine, this.remoteMachine)
    for (let wait = retransmitAfter; wait <= retransmitMax; wait *= 2) {
      if (!network.lost(this.#machine, this.remoteMachine)) break
      delay += wait
    }
    this.#lastArrival = Math.max(this.#lastArrival, simulation.now + delay)
    simulation.at(this.#lastArrival, () => this.#arrive(segment))
  }

  #arrive(segment: Segment): void {
    if (this.#stalled.length > 0) this.#stalled.push(segment)
    else if (this.#network.reaches(this.#machine, this.remoteMachine)) this.#land(segment)
    else {
      this.#stalled.push(segment)
      this.#trouble()
    }
  }

  /** The segment is with the kernel of the other machine. */
  #land(segment: Segment): void {
    const peer = this.peer
    if (typeof segment === 'string') this.#forget()
    const size = typeof segment === 'string' ? 0 : segment.length
    if (this.#network.reaches(this.remoteMachine, this.#machine)) {
      this.#flight -= size
      if (this.#queue.length > 0) this.#flushSoon()
    } else {
      this.#unacknowledged += size
      if (size > 0) this.#trouble()
    }
    if (peer === undefined || peer.closedHere) {
      if (segment !== 'reset') this.#resetByPeer()
      return
    }
    if (segment === 'reset') peer.#hear('reset')
    else if (segment === 'fin') peer.#hear('closed')
    else peer.#receive(segment)
  }

  #receive(bytes: Uint8Array): void {
    const { simulation, dice } = this.#network
    // A stream has no edges: now and then a segment comes in two reads.
    const cut = bytes.length > 1 && dice.next() < 0.1 ? 1 + dice.below(bytes.length - 1) : 0
    simulation.enter(this.#life, () => {
      if (this.#closed) return
      if (cut > 0) this.handlers.received(bytes.subarray(0, cut))
      if (!this.#closed) this.handlers.received(bytes.subarray(cut))
    })
  }

  /** The other end said that it is over. What this end still had on its way arrives all the same. */
  #hear(why: 'closed' | 'reset'): void {
    this.#network.simulation.enter(this.#life, () => {
      if (this.#closed) return
      this.#closeNow(why)
      if (why === 'reset') this.#forget()
      else if (!this.#finSent) this.#transmit('fin')
    })
  }

  /** Nobody has this connection any more over there, and its kernel says so. */
  #resetByPeer(): void {
    if (this.#closed || !this.#network.reaches(this.remoteMachine, this.#machine)) return
    const back = this.#network.latency(this.remoteMachine, this.#machine)
    this.#network.simulation.after(
      back,
      () => this.fail(this.#finSent ? 'closed' : 'reset'),
      this.#life,
    )
  }

  #trouble(): void {
    if (this.#troubleSince !== undefined) return
    const since = this.#network.simulation.now
    this.#troubleSince = since
    this.#network.simulation.after(giveUpAfter, () => {
      if (this.#troubleSince !== since || this.#closed) return
      this.#stalled = []
      this.#transmit('reset')
      this.#forget()
      this.#network.simulation.enter(this.#life, () => this.#closed || this.#closeNow('timeout'))
    })
  }

  #close(why: CloseReason): void {
    this.#shut()
    this.#network.simulation.after(0, () => this.handlers.closed(why), this.#life)
  }

  #closeNow(why: CloseReason): void {
    this.#shut()
    this.handlers.closed(why)
  }

  #shut(): void {
    this.#closed = true
    this.#queue.length = 0
    this.#queued = 0
  }

  /** The kernel keeps a closed connection until what it had to say has arrived; no longer. */
  #forget(): void {
    this.#machine.streams.delete(this)
  }
}
