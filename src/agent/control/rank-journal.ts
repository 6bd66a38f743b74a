import type { Clock } from '../../base/time.ts'
import type { RankNote } from '../../cluster/why.ts'
import type { Ready } from '../../raft/types.ts'

/** What this control node saw of elections, which the log tells only from the winner's side; `leader` by its id. */
export type RankSeen = Omit<RankNote, 'where'>

/** Changes of leader are rare; what repeats while there is no quorum only counts. */
const maxSeen = 256

export class RankJournal {
  readonly #clock: Clock
  readonly #seen: RankSeen[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note({ rank, term, leader, why }: NonNullable<Ready['rank']>): void {
    // A candidate is a pre-candidate that got further, and back to follower when nobody was elected.
    if (rank === 'candidate') return
    const fresh = { time: this.#clock.wall(), term, rank, leader, ...(why && { why }), count: 1 }
    const nobody = rank === 'follower' && leader === null && why === undefined
    const before = this.#seen.at(-1)
    if (nobody && before?.leader === null) return
    if (before && before.rank === rank && before.leader === leader && before.why === why) {
      this.#seen[this.#seen.length - 1] = { ...fresh, count: before.count + 1 }
      return
    }
    this.#seen.push(fresh)
    if (this.#seen.length > maxSeen) this.#seen.shift()
  }

  /** Oldest first. */
  entries(): readonly RankSeen[] {
    return this.#seen
  }
}
