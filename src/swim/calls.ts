import type { Random } from '../base/random.ts'
import type { Instant } from '../base/time.ts'
import { limits, rhythm } from './config.ts'
import type { MemberTable, Peer } from './members.ts'
import type { Probes } from './probes.ts'
import type { SwimConfig } from './types.ts'

/**
 * Probes outside the rotation. A second opinion: whoever hears of a suspicion looks for itself, which
 * tells the suspect at once, confirms a death soon, and lets a dead process refuse the connection. A last
 * call before somebody is given up: it may have refuted without this node hearing. And calls to absent members,
 * seldom and for ever: after a partition of any length the halves find each other again.
 */
export class Calls {
  readonly #config: SwimConfig
  readonly #random: Random
  readonly #table: MemberTable
  readonly #probes: Probes
  #nextAt: Instant | undefined
  #count = 0

  constructor(config: SwimConfig, random: Random, table: MemberTable, probes: Probes) {
    this.#config = config
    this.#random = random
    this.#table = table
    this.#probes = probes
  }

  secondOpinion(peer: Peer, now: Instant): void {
    if (this.#lot(limits.secondOpinions)) this.#probes.begin(peer, 'look', now)
  }

  lastCall(peer: Peer, now: Instant): void {
    if (this.#lot(limits.lastCalls)) this.#probes.begin(peer, 'stream-call', now)
  }

  /** There may be somebody to call now. */
  wake(now: Instant): void {
    if (this.#table.absent.size === 0) this.#nextAt = undefined
    else this.#nextAt ??= now + this.#period() * (0.5 + this.#random.next() / 2)
  }

  next(): Instant | undefined {
    return this.#nextAt
  }

  tick(now: Instant): void {
    if (this.#nextAt === undefined || now < this.#nextAt) return
    this.#nextAt = now + this.#period()
    const peer = this.#table.absent.next(this.#random)
    const byStream = this.#count++ % rhythm.callsPerStreamCall === 0
    if (peer) this.#probes.begin(peer, byStream ? 'stream-call' : 'call', now)
  }

  #period(): number {
    return rhythm.call * this.#config.probePeriod
  }

  /** In a large cluster only so many ask, about, drawn by lot: a suspect must not drown in questions. */
  #lot(askers: number): boolean {
    const others = this.#table.clusterSize - 1
    return others <= askers || this.#random.below(others) < askers
  }
}
