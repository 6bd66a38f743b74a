import type { Raft } from '../../raft/raft.ts'
import type { Entry, Index, SnapshotMeta } from '../../raft/types.ts'
import {
  type Compaction,
  type GroupStore,
  type Loaded,
  usualCompaction,
} from '../../store/types.ts'

/** What the log still holds, who was in the group along it, and how far it may be cut. */
export class LogTail {
  readonly #store: Pick<GroupStore, 'compaction'>
  /** Newest last: which configuration was in force from which index on, as far as entries are applied. */
  #configs: { readonly index: Index; readonly config: SnapshotMeta['config'] }[]
  #bytes = 0
  #firstIndex: Index

  constructor({ snapshot, entries, applied }: Loaded, store: Pick<GroupStore, 'compaction'>) {
    this.#store = store
    this.#configs = [{ index: snapshot.index, config: snapshot.config }]
    this.#firstIndex = snapshot.index + 1
    this.grew(entries)
    for (const entry of entries) if (entry.index <= applied) this.passed(entry)
  }

  /** First entry still in memory. */
  get firstIndex(): Index {
    return this.#firstIndex
  }

  /** In force after the last entry applied. */
  get config(): SnapshotMeta['config'] {
    return this.#configs.at(-1)!.config
  }

  get #compaction(): Compaction {
    return this.#store.compaction ?? usualCompaction
  }

  grew(entries: readonly Entry[]): void {
    for (const entry of entries) this.#bytes += entrySize(entry)
  }

  /** It is applied. */
  passed(entry: Entry): void {
    if (entry.type === 'config') this.#configs.push({ index: entry.index, config: entry.config })
  }

  /** A snapshot took the place of log and state. */
  restored({ index, config }: SnapshotMeta): void {
    this.#configs = [{ index, config }]
    this.#firstIndex = index + 1
    this.#bytes = 0
  }

  /** What the log is to start after from now on; undefined: it is not long enough to be cut. */
  due(raft: Raft, applied: Index): SnapshotMeta | undefined {
    const length = applied - this.#firstIndex
    const { entries, bytes, margin: kept } = this.#compaction
    if (length < entries && this.#bytes < bytes) return undefined
    const margin = Math.min(kept, Math.ceil(length / 2))
    const through = Math.min(applied - margin, this.#neededAfter(raft, length))
    // In large steps only: what is kept is counted anew each time.
    if (through - this.#firstIndex < length / 4) return undefined
    const [entry] = raft.entries(through, through)
    if (!entry) return undefined
    const { config } = this.#configs.findLast(({ index }) => index <= through) ?? this.#configs[0]!
    return { index: through, term: entry.term, config }
  }

  /** `rest`: what is left, as far as it is applied. */
  cut({ index: through }: SnapshotMeta, rest: readonly Entry[]): void {
    while (this.#configs.length > 1 && this.#configs[1]!.index <= through) this.#configs.shift()
    this.#firstIndex = through + 1
    this.#bytes = 0
    this.grew(rest)
  }

  /** Where the log of the slowest follower that answers ends: a snapshot is worth little without what follows it. */
  #neededAfter(raft: Raft, length: number): Index {
    const { entries, bytes, patience } = this.#compaction
    const enough = length >= entries * patience || this.#bytes >= bytes * patience
    if (enough) return Number.POSITIVE_INFINITY
    const answering = raft.status().progress.filter(peer => peer.recentlyActive)
    return Math.min(...answering.map(peer => peer.match))
  }
}

function entrySize(entry: Entry): number {
  return entry.type === 'data' ? entry.data.length + 64 : 256
}
