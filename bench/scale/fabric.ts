import { type Random, seeded } from '../../src/base/random.ts'
import { Rings } from '../../src/base/rings.ts'
import type { Instant, Millis } from '../../src/base/time.ts'
import { headerBytes, Swim, swimDefaults, updateBytes } from '../../src/swim/swim.ts'
import type { Member, MemberInfo, Outgoing, SwimConfig, SwimInput } from '../../src/swim/types.ts'
import { bareMessageBytes } from '../../src/swim/update-size.ts'

export interface FabricOptions {
  readonly nodes: number
  /** Room for so many more that come later. */
  readonly newcomers?: number
  readonly seed?: number
  readonly loss?: number
  readonly config?: Partial<SwimConfig>
  /** After a pause the driver says how late it is. Default true. */
  readonly tellsLag?: boolean
}

export interface Traffic {
  readonly packets: Float64Array
  readonly bytes: Float64Array
}

/** IPv4 and UDP headers around each datagram. */
const wireBytes = 28
/** Events lie in buckets of a millisecond, this many ahead; nothing is due later. */
const horizon = 8192
const latency = { least: 1, most: 4 } as const

type Arrival = { readonly from: number; readonly out: Outgoing }

/**
 * Very many SWIM cores on one simulated network in one process. What is per node is kept in flat
 * arrays, time goes in steps of a millisecond, and what members say of themselves is one object for all
 * who keep it, as messages carry it.
 */
export class Fabric {
  readonly config: SwimConfig
  readonly infos: MemberInfo[] = []
  readonly cores: Swim[] = []
  readonly up: Uint8Array
  readonly rings: Rings
  now: Instant = 0
  loss: number
  /** Each change of belief, as it happens. */
  changed: (by: number, member: Member, at: Instant) => void = () => {}
  readonly #sent: Traffic
  readonly #wake: Float64Array
  readonly #pausedUntil: Float64Array
  readonly #blockedUntil: Float64Array
  readonly #waiting = new Map<number, SwimInput[]>()
  readonly #held = new Map<number, Outgoing[]>()
  readonly #arrivals: Arrival[][] = Array.from({ length: horizon }, () => [])
  readonly #timers: number[][] = Array.from({ length: horizon }, () => [])
  readonly #tasks = new Map<Instant, (() => void)[]>()
  readonly random: Random
  readonly #tellsLag: boolean

  constructor(options: FabricOptions) {
    const { nodes, newcomers = 0, seed = 1, loss = 0, config } = options
    const room = nodes + newcomers
    this.config = { ...swimDefaults, slice: 64, ...config }
    this.random = seeded(seed)
    this.loss = loss
    this.#tellsLag = options.tellsLag ?? true
    this.up = new Uint8Array(room)
    this.#wake = new Float64Array(room).fill(Number.POSITIVE_INFINITY)
    this.#pausedUntil = new Float64Array(room)
    this.#blockedUntil = new Float64Array(room)
    this.#sent = { packets: new Float64Array(room), bytes: new Float64Array(room) }
    for (let i = 0; i < nodes; i++) this.boot()
    this.rings = new Rings(this.infos.map(info => info.id))
  }

  /** Each is told its slice, as a control node tells it. */
  introduceAll(): void {
    for (let i = 0; i < this.cores.length; i++) {
      this.input(i, { type: 'introduce', members: this.slice(i).map(j => this.infos[j]!) })
    }
  }

  boot(): number {
    const i = this.cores.length
    const id = `n${i}`
    const info = {
      id,
      name: id,
      address: { host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 4483 },
      incarnation: 1,
      meta,
    }
    this.infos.push(info)
    this.cores.push(new Swim(this.config, info, this.random.fork(), this.now))
    this.up[i] = 1
    return i
  }

  kill(i: number): void {
    this.up[i] = 0
    this.rings.remove(this.infos[i]!.id)
  }

  /** Whom `i` should keep, by the full list of those who live. */
  slice(i: number): number[] {
    return this.rings.neighbours(this.infos[i]!.id, this.config.slice).map(indexOf)
  }

  /** Who should keep `i`: its own neighbours as far as they keep it too. */
  watchers(i: number): number[] {
    return this.slice(i).filter(j => this.slice(j).includes(i))
  }

  input(i: number, input: SwimInput): void {
    if (this.up[i] === 0) return
    const deaf = this.now < this.#blockedUntil[i]! && input.type === 'message'
    if (deaf || this.now < this.#pausedUntil[i]!) {
      const waiting = this.#waiting.get(i)
      if (waiting) waiting.push(input)
      else this.#waiting.set(i, [input])
      return
    }
    this.cores[i]!.step(input, this.now)
    this.#pump(i)
  }

  /** The process stands still: timers do not fire, what comes in waits. */
  pause(i: number, duration: Millis): void {
    this.#pausedUntil[i] = this.now + duration
    this.at(this.now + duration, () => {
      if (this.up[i] === 0) return
      const core = this.cores[i]!
      const waiting = this.#waiting.get(i) ?? []
      this.#waiting.delete(i)
      if (this.#tellsLag) core.step({ type: 'lag', by: duration }, this.now)
      else core.tick(this.now)
      for (const input of waiting) core.step(input, this.now)
      core.tick(this.now)
      this.#pump(i)
    })
  }

  /** Its clocks go on, and nothing leaves it or reaches it before the end: so the paper's members are slow. */
  block(i: number, duration: Millis): void {
    this.#blockedUntil[i] = this.now + duration
    this.at(this.now + duration, () => {
      if (this.up[i] === 0) return
      const held = this.#held.get(i) ?? []
      const waiting = this.#waiting.get(i) ?? []
      this.#held.delete(i)
      this.#waiting.delete(i)
      for (const out of held) this.#send(i, out)
      for (const input of waiting) this.input(i, input)
    })
  }

  /** When what it says now will leave it. */
  speaks(i: number): Instant {
    return Math.max(this.now, this.#blockedUntil[i]!, this.#pausedUntil[i]!)
  }

  isPaused(i: number): boolean {
    return this.now < this.#pausedUntil[i]!
  }

  at(when: Instant, task: () => void): void {
    const at = Math.max(Math.ceil(when), this.now + 1)
    const tasks = this.#tasks.get(at)
    if (tasks) tasks.push(task)
    else this.#tasks.set(at, [task])
  }

  run(duration: Millis): void {
    const end = this.now + duration
    while (this.now < end) {
      this.now++
      const slot = this.now % horizon
      const arrivals = this.#arrivals[slot]!
      for (const arrival of arrivals) this.#arrive(arrival)
      arrivals.length = 0
      const timers = this.#timers[slot]!
      for (const i of timers) this.#tick(i)
      timers.length = 0
      const tasks = this.#tasks.get(this.now)
      if (tasks) {
        this.#tasks.delete(this.now)
        for (const task of tasks) task()
      }
    }
  }

  /** What each sent since this was last asked. */
  takeTraffic(): Traffic {
    const { packets, bytes } = this.#sent
    const taken = { packets: packets.slice(), bytes: bytes.slice() }
    packets.fill(0)
    bytes.fill(0)
    return taken
  }

  #tick(i: number): void {
    if (this.#wake[i] !== this.now) return
    this.#wake[i] = Number.POSITIVE_INFINITY
    if (this.up[i] === 0 || this.now < this.#pausedUntil[i]!) return
    this.cores[i]!.tick(this.now)
    this.#pump(i)
  }

  #pump(i: number): void {
    const core = this.cores[i]!
    for (let ready = core.ready(); ready; ready = core.ready()) {
      for (const { member } of ready.changes) this.changed(i, member, this.now)
      for (const out of ready.send) this.#send(i, out)
    }
    const at = core.wakeAt()
    if (at === undefined) return
    const due = Math.min(Math.max(Math.ceil(at), this.now + 1), this.now + horizon - 1)
    if (due >= this.#wake[i]!) return
    this.#wake[i] = due
    this.#timers[due % horizon]!.push(i)
  }

  #send(from: number, out: Outgoing): void {
    if (this.now < this.#blockedUntil[from]!) {
      const held = this.#held.get(from)
      if (held) held.push(out)
      else this.#held.set(from, [out])
      return
    }
    const { message, via } = out
    let bytes = headerBytes + wireBytes + bareMessageBytes(message)
    for (const update of message.updates) bytes += updateBytes(update)
    this.#sent.packets[from]! += 1
    this.#sent.bytes[from]! += bytes
    let delay = latency.least + this.random.below(latency.most)
    if (via === 'datagram') {
      if (this.loss > 0 && this.random.next() < this.loss) return
    } else {
      // A stream loses nothing, it only waits: its segments are sent again, each time later.
      delay *= 3
      for (let again = 200; this.random.next() < this.loss; again *= 2) delay += again
    }
    const at = this.now + Math.min(delay, horizon - 1)
    this.#arrivals[at % horizon]!.push({ from, out })
  }

  #arrive({ from, out }: Arrival): void {
    const to = indexOf(out.to)
    if (this.up[to] === 0) return
    const info = this.infos[from]!
    this.input(to, {
      type: 'message',
      from: info.id,
      fromAddress: info.address,
      via: out.via,
      message: out.message,
    })
  }
}

const meta = new Uint8Array(24)

export function indexOf(id: string): number {
  return Number(id.slice(1))
}
