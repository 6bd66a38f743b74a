import type { Random } from '../base/random.ts'
import type { Instant } from '../base/time.ts'
import type { Health } from './health.ts'
import type { MemberTable } from './members.ts'
import type { Probes } from './probes.ts'
import type { SwimConfig } from './types.ts'

/** Whose turn it is to be probed: one of the present members each period (SWIM §4.3). */
export class Rounds {
  readonly #config: SwimConfig
  readonly #random: Random
  readonly #table: MemberTable
  readonly #health: Health
  readonly #probes: Probes
  #nextAt: Instant | undefined

  constructor(
    config: SwimConfig,
    random: Random,
    table: MemberTable,
    health: Health,
    probes: Probes,
  ) {
    this.#config = config
    this.#random = random
    this.#table = table
    this.#health = health
    this.#probes = probes
  }

  /** There may be somebody to probe now. The start is jittered, so that nodes do not march in step. */
  wake(now: Instant): void {
    if (this.#table.present.size === 0) this.#nextAt = undefined
    else this.#nextAt ??= now + this.#random.next() * this.#config.probePeriod
  }

  next(): Instant | undefined {
    return this.#nextAt
  }

  tick(now: Instant): void {
    if (this.#nextAt === undefined || now < this.#nextAt) return
    this.#nextAt = now + this.#health.scale(this.#config.probePeriod)
    const peer = this.#table.present.next(this.#random)
    if (peer) this.#probes.begin(peer, 'turn', now)
  }
}
