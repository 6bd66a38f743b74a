/**
 * Watches a simulated cluster and throws at the first broken promise: one leader per term, one log,
 * leaders that have all that was committed, acknowledged entries that stay, linearizable reads.
 */
import { assert } from '../../src/base/errors.ts'
import type { Raft } from '../../src/raft/raft.ts'
import type { Entry, PeerId, Ready, SnapshotMeta, Term } from '../../src/raft/types.ts'

export interface Figures {
  terms: number
  committed: number
  acknowledged: number
  reads: number
  configs: number
  snapshots: number
  crashes: number
}

export class Judge {
  readonly figures: Figures = {
    terms: 0,
    committed: 0,
    acknowledged: 0,
    reads: 0,
    configs: 0,
    snapshots: 0,
    crashes: 0,
  }
  /** The one log, as the first node that applied each entry saw it. */
  readonly committed: Entry[] = []
  readonly #leaders = new Map<Term, PeerId>()
  /** Proposed and not known to be committed: `index/term`. */
  readonly #proposed = new Set<string>()
  #highestAcknowledged = 0
  /** Reads under way: what they must at least see. */
  readonly #reads = new Map<number, number>()

  proposed(first: number, count: number, term: Term): void {
    for (let i = 0; i < count; i++) this.#proposed.add(`${first + i}/${term}`)
  }

  /** Whether `id` is the first to apply it. */
  applied(id: PeerId, entry: Entry): boolean {
    const known = this.committed[entry.index - 1]
    if (known === undefined) {
      assert(this.committed.length === entry.index - 1, `${id} applied ${entry.index} too early`)
      this.committed.push(entry)
      this.figures.committed++
      if (entry.type === 'config') this.figures.configs++
    } else {
      const same = known.term === entry.term && known.type === entry.type
      const equal = !(known.type === 'data' && entry.type === 'data') || known.data === entry.data
      assert(same && equal, `${id} applied another entry at ${entry.index}`)
    }
    if (this.#proposed.delete(`${entry.index}/${entry.term}`)) this.figures.acknowledged++
    this.#highestAcknowledged = Math.max(this.#highestAcknowledged, entry.index)
    return known === undefined
  }

  installed(id: PeerId, snapshot: SnapshotMeta): void {
    this.figures.snapshots++
    const entry = this.committed[snapshot.index - 1]
    assert(entry?.term === snapshot.term, `${id} installed what was never committed`)
    const config = this.committed.findLast(e => e.type === 'config' && e.index <= snapshot.index)
    if (config?.type === 'config') {
      assert(config.config === snapshot.config, `${id} installed a wrong configuration`)
    }
  }

  rank(id: PeerId, raft: Raft | undefined, { rank, term }: NonNullable<Ready['rank']>): void {
    if (rank !== 'leader') return
    const known = this.#leaders.get(term)
    assert(known === undefined || known === id, `two leaders in term ${term}: ${known}, ${id}`)
    this.#leaders.set(term, id)
    this.figures.terms = Math.max(this.figures.terms, term)
    if (raft !== undefined) this.#hasAllCommitted(id, raft)
  }

  /** Leader completeness (§5.4.3): a leader has what was committed in earlier terms. */
  #hasAllCommitted(id: PeerId, raft: Raft): void {
    const { firstIndex, term } = raft.status()
    const last = this.committed.findLast(entry => entry.term <= term)
    if (last === undefined || last.index < firstIndex) return
    const [own] = raft.entries(last.index, last.index)
    assert(own?.term === last.term, `leader ${id} of term ${term} lacks ${last.index}`)
  }

  /** A read begins: it must see all that anybody was told before. */
  asked(context: number): void {
    this.#reads.set(context, this.#highestAcknowledged)
  }

  served(id: PeerId, context: number, index: number): void {
    const atLeast = this.#reads.get(context)
    assert(atLeast !== undefined, `${id} answered read ${context} twice`)
    assert(
      index >= atLeast,
      `${id} answered a read from ${index}, when ${atLeast} was acknowledged`,
    )
    this.#reads.delete(context)
    this.figures.reads++
    this.#highestAcknowledged = Math.max(this.#highestAcknowledged, index)
  }

  refused(context: number): void {
    this.#reads.delete(context)
  }
}
