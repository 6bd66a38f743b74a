/**
 * What the disk has, as far as it has told.
 *
 * Batches are handed out numbered, written in that order, and reported durable in that order. Each
 * claims that, once it is durable, the log up to some index is on disk as it is in memory. If the
 * log is truncated meanwhile, the claims of the batches under way shrink with it: what an old batch
 * wrote there will be overwritten by a later one, so its report must not count, not even when the
 * same entry has come back since (a leader of an old term returned): only the batch that wrote it
 * again may claim it.
 */
import { assert } from '../base/errors.ts'
import type { Log } from './log.ts'
import type { Entry, HardState, Index, PeerId, Persist, SnapshotMeta, Term } from './types.ts'

interface Batch {
  readonly id: number
  readonly hardState: HardState
  /** The log is durable up to here when the batch is. */
  claim: Index
  /** The snapshot that the batch installs. */
  readonly snapshot: SnapshotMeta | undefined
}

const nothing: readonly Entry[] = []

export class Disk {
  /** The last entry of the log that is durable here. */
  durable: Index
  /** Term and vote that would be found after a crash. */
  term: Term
  vote: PeerId | null
  #handed: Index
  #handedHard: HardState
  #snapshot: SnapshotMeta | undefined
  #batches: Batch[] = []
  #lastId = 0

  constructor(hardState: HardState, lastIndex: Index) {
    this.durable = lastIndex
    this.term = hardState.term
    this.vote = hardState.vote
    this.#handed = lastIndex
    this.#handedHard = hardState
  }

  /** The number of the last batch handed out. */
  get lastId(): number {
    return this.#lastId
  }

  /** Whether batches are under way. */
  get busy(): boolean {
    return this.#batches.length > 0
  }

  /** The log was cut: nothing from `index` on is, or will by a batch under way be, on disk. */
  truncated(index: Index): void {
    this.#handed = Math.min(this.#handed, index - 1)
    this.durable = Math.min(this.durable, index - 1)
    for (const batch of this.#batches) batch.claim = Math.min(batch.claim, index - 1)
  }

  /** A snapshot took the place of the log; it goes out with the next batch. */
  restored(snapshot: SnapshotMeta): void {
    this.#snapshot = snapshot
    this.#handed = snapshot.index
    this.durable = 0
    for (const batch of this.#batches) batch.claim = 0
  }

  /**
   * The next batch, if anything must be written. A commit index alone is not worth a write: it goes
   * along with the next one, and until then a crash forgets only what the next leader knows.
   */
  take(log: Log, now: Required<HardState>): Persist | undefined {
    const { term, vote, commit, lineage } = now
    const fresh = log.lastIndex > this.#handed
    const before = this.#handedHard
    const moved = lineage !== (before.lineage ?? 0)
    const sworn = term !== before.term || vote !== before.vote || moved
    const snapshot = this.#snapshot
    if (!fresh && !sworn && snapshot === undefined) return undefined
    const id = ++this.#lastId
    const entries = fresh ? log.slice(this.#handed + 1, log.lastIndex) : nothing
    const hardState = { term, vote, commit, ...(lineage !== 0 && { lineage }) }
    this.#batches.push({ id, hardState, claim: log.lastIndex, snapshot })
    this.#handed = log.lastIndex
    this.#handedHard = hardState
    this.#snapshot = undefined
    return {
      id,
      entries,
      ...(sworn || commit !== before.commit ? { hardState } : undefined),
      ...(snapshot !== undefined ? { snapshot } : undefined),
    }
  }

  /** Batches up to `id` are durable. Answers the snapshot that was installed by one of them. */
  persisted(id: number): SnapshotMeta | undefined {
    assert(id <= this.#lastId, 'only what was handed out can be durable')
    let installed: SnapshotMeta | undefined
    let done = 0
    for (const batch of this.#batches) {
      if (batch.id > id) break
      this.durable = Math.max(this.durable, batch.claim)
      this.term = batch.hardState.term
      this.vote = batch.hardState.vote
      installed = batch.snapshot ?? installed
      done++
    }
    this.#batches.splice(0, done)
    return installed
  }
}
