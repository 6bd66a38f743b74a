import { type Random, seeded } from '../../src/base/random.ts'
import type { Instant, Millis } from '../../src/base/time.ts'
import { Deadlines } from '../../src/swim/deadlines.ts'
import { headerBytes, Swim, swimDefaults, updateBytes } from '../../src/swim/swim.ts'
import type {
  MemberId,
  MemberStatus,
  Outgoing,
  SwimConfig,
  SwimInput,
} from '../../src/swim/types.ts'
import { bareMessageBytes } from '../../src/swim/update-size.ts'

export interface WorldOptions {
  readonly seed: number
  readonly nodes: number
  readonly config?: Partial<SwimConfig>
  /** Share of datagrams lost at the beginning. */
  readonly loss?: number
  readonly duplication?: number
  readonly latency?: { readonly min: Millis; readonly max: Millis }
  /** Whether the host of a dead process answers "nobody listens" to a dial. */
  readonly refusals?: boolean
  /** Whether the driver tells of lag after a pause, and reads its input before it ticks. */
  readonly tellsLag?: boolean
}

export interface Change {
  readonly at: Instant
  readonly by: MemberId
  readonly about: MemberId
  readonly before: MemberStatus | undefined
  readonly after: MemberStatus
}

interface Node {
  readonly id: MemberId
  swim: Swim
  up: boolean
  incarnation: number
  /** Asleep until then: input waits. */
  pausedUntil: Instant
  waiting: SwimInput[]
}

type Task = () => void

/** N swims on one simulated network, all from one seed. */
export class World {
  readonly options: WorldOptions
  readonly config: SwimConfig
  readonly random: Random
  readonly nodes = new Map<MemberId, Node>()
  readonly changes: Change[] = []
  readonly #agenda = new Deadlines<number>()
  readonly #tasks = new Map<number, Task>()
  #taskSeq = 0
  now: Instant = 0
  messages = 0
  /** Share of datagrams lost. */
  loss: number
  /** Whether a packet from a to b gets through, apart from chance. */
  open: (from: MemberId, to: MemberId) => boolean = () => true
  /** Whether streams work; without them there is no fallback and no exchange. */
  streams = true
  /** How much longer a node takes to handle what comes in, while its timers run on time. */
  readonly backlog = new Map<MemberId, Millis>()

  constructor(options: WorldOptions) {
    this.options = options
    this.config = { ...swimDefaults, ...options.config }
    this.random = seeded(options.seed)
    this.loss = options.loss ?? 0
    for (let i = 1; i <= options.nodes; i++) this.boot(`n${String(i).padStart(2, '0')}`, 1)
  }

  ids(): MemberId[] {
    return [...this.nodes.keys()]
  }

  up(): MemberId[] {
    return this.ids().filter(id => this.nodes.get(id)!.up)
  }

  swim(id: MemberId): Swim {
    return this.nodes.get(id)!.swim
  }

  /** Starts a process, new or again. It knows nobody. */
  boot(id: MemberId, incarnation = (this.nodes.get(id)?.incarnation ?? 0) + 1): void {
    const info = {
      id,
      name: id,
      address: { host: id, port: 4483 },
      incarnation,
      meta: new Uint8Array(24),
    }
    const swim = new Swim(this.config, info, this.random.fork(), this.now)
    this.nodes.set(id, { id, swim, up: true, incarnation, pausedUntil: 0, waiting: [] })
    this.#pump(this.nodes.get(id)!)
  }

  kill(id: MemberId): void {
    this.nodes.get(id)!.up = false
  }

  /** A handshake between the two: each introduces the other. */
  join(a: MemberId, b: MemberId): void {
    this.input(a, { type: 'introduce', members: [this.swim(b).self] })
    this.input(b, { type: 'introduce', members: [this.swim(a).self] })
  }

  /** All others join through the first. */
  joinAll(): void {
    const [first, ...rest] = this.ids()
    for (const id of rest) this.join(first!, id)
  }

  pause(id: MemberId, duration: Millis): void {
    const node = this.nodes.get(id)!
    node.pausedUntil = this.now + duration
    this.after(duration, () => this.#awake(node, duration))
  }

  input(id: MemberId, input: SwimInput): void {
    const node = this.nodes.get(id)!
    if (!node.up) return
    if (this.now < node.pausedUntil) {
      node.waiting.push(input)
      return
    }
    node.swim.step(input, this.now)
    this.#pump(node)
  }

  after(delay: Millis, task: Task): void {
    const seq = this.#taskSeq++
    this.#tasks.set(seq, task)
    this.#agenda.set(seq, this.now + delay)
  }

  run(duration: Millis): void {
    this.runUntil(() => false, duration)
  }

  /** Runs until `done` or the time is over; answers how long it took, undefined: it never was. */
  runUntil(done: () => boolean, limit: Millis): Millis | undefined {
    const start = this.now
    const end = start + limit
    while (!done()) {
      const next = this.#agenda.next()
      if (next === undefined || next > end) {
        this.now = end
        return undefined
      }
      this.now = Math.max(this.now, next)
      const seq = this.#agenda.due(this.now)!
      const task = this.#tasks.get(seq)!
      this.#tasks.delete(seq)
      task()
    }
    return this.now - start
  }

  /** What each running node thinks of `about`. */
  opinions(about: MemberId): (MemberStatus | undefined)[] {
    return this.up()
      .filter(id => id !== about)
      .map(id => this.swim(id).member(about)?.status)
  }

  /** Every running node thinks every other running one alive. */
  whole(): boolean {
    return this.up().every(id => this.opinions(id).every(status => status === 'alive'))
  }

  #awake(node: Node, lag: Millis): void {
    if (!node.up) return
    const waiting = node.waiting
    node.waiting = []
    const tells = this.options.tellsLag ?? true
    if (tells) node.swim.step({ type: 'lag', by: lag }, this.now)
    else node.swim.tick(this.now)
    for (const input of waiting) node.swim.step(input, this.now)
    node.swim.tick(this.now)
    this.#pump(node)
  }

  #pump(node: Node): void {
    for (let ready = node.swim.ready(); ready; ready = node.swim.ready()) {
      for (const { member, before } of ready.changes) {
        const { id, status } = member
        this.changes.push({ at: this.now, by: node.id, about: id, before, after: status })
      }
      if (ready.incarnation !== undefined) node.incarnation = ready.incarnation
      for (const out of ready.send) this.#send(node, out)
    }
    this.#schedule(node)
  }

  #schedule(node: Node): void {
    const at = node.swim.wakeAt()
    if (at === undefined) return
    const swim = node.swim
    const key = -1 - [...this.nodes.keys()].indexOf(node.id)
    this.#agenda.set(key, at)
    this.#tasks.set(key, () => {
      if (!node.up || node.swim !== swim || this.now < node.pausedUntil) return
      swim.tick(this.now)
      this.#pump(node)
    })
  }

  #send(from: Node, out: Outgoing): void {
    this.messages++
    if (out.via === 'stream') this.#stream(from, out)
    else this.#datagram(from, out)
  }

  #datagram(from: Node, out: Outgoing): void {
    const { message } = out
    const sizes = message.updates.map(updateBytes)
    const bytes = sizes.reduce((sum, size) => sum + size, headerBytes + bareMessageBytes(message))
    if (bytes > this.config.packetBytes) throw new Error(`a packet of ${bytes} bytes`)
    const copies = this.random.next() < (this.options.duplication ?? 0) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      if (this.random.next() < this.loss) continue
      if (!this.open(from.id, out.address.host)) continue
      this.after(this.#latency(), () => this.#arrive(from.id, out))
    }
  }

  /**
   * TCP: loss becomes delay; a one-way path carries nothing. The handshake of a new link introduces both
   * ends to each other, so whoever was forgotten is known again.
   */
  #stream(from: Node, out: Outgoing): void {
    if (!this.streams) return
    const host = out.address.host
    if (!this.open(from.id, host) || !this.open(host, from.id)) return
    let delay = this.#latency() * 3
    for (let resend = 200; this.random.next() < this.loss; resend *= 2) delay += resend
    this.after(delay, () => {
      const peer = this.nodes.get(host)
      if (peer?.up) {
        const members = [from.swim.self]
        if (!peer.swim.member(from.id)) this.input(host, { type: 'introduce', members })
        this.#arrive(from.id, out)
      } else if (this.options.refusals) {
        this.input(from.id, { type: 'refused', id: out.to })
      }
    })
  }

  #arrive(from: MemberId, out: Outgoing): void {
    const { address, via, message } = out
    const input = {
      type: 'message',
      from,
      fromAddress: { host: from, port: 4483 },
      via,
      message,
    } as const
    const backlog = this.backlog.get(address.host) ?? 0
    if (backlog === 0) this.input(address.host, input)
    else this.after(backlog, () => this.input(address.host, input))
  }

  #latency(): Millis {
    const { min, max } = this.options.latency ?? { min: 0.2, max: 3 }
    return min + this.random.next() * (max - min)
  }
}
