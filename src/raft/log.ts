/**
 * The log in memory: every entry after a snapshot, which stands for all the entries before.
 *
 * It knows nothing of commitment or of the disk. Positions are given by index; terms never decrease
 * along the log, so that a term is found by bisection.
 */
import { AssertionError, assert } from '../base/errors.ts'
import type { Configuration, Entry, Index, PeerId, SnapshotMeta, Term } from './types.ts'

/** Bytes that an entry adds to a message besides its data; generous, it only bounds. */
const entryOverhead = 24
const memberBytes = 40

/** About what an entry weighs in a message or in the queue of the uncommitted. */
export function entryBytes(entry: Entry): number {
  switch (entry.type) {
    case 'noop':
      return entryOverhead
    case 'data':
      return entryOverhead + entry.data.length
    case 'config': {
      const { voters, outgoing, learners, learnersNext } = entry.config
      const named = voters.length + outgoing.length + learners.length + learnersNext.length
      return entryOverhead + memberBytes * named
    }
    default:
      return entry satisfies never
  }
}

export class Log {
  #snapshot: SnapshotMeta
  #entries: Entry[]
  /** Where in the log the configurations are, ascending; the snapshot's comes before them all. */
  #configs: { readonly index: Index; readonly config: Configuration }[] = []
  /** The last slice given out: all followers usually want the same one. */
  #chunk: readonly Entry[] = []
  #chunkLimit = 0

  /** @param entries every entry after `snapshot.index`, without gaps */
  constructor(snapshot: SnapshotMeta, entries: readonly Entry[]) {
    this.#snapshot = snapshot
    this.#entries = []
    this.append(entries)
  }

  get snapshot(): SnapshotMeta {
    return this.#snapshot
  }

  get firstIndex(): Index {
    return this.#snapshot.index + 1
  }

  get lastIndex(): Index {
    return this.#snapshot.index + this.#entries.length
  }

  get lastTerm(): Term {
    const last = this.#entries.at(-1)
    return last === undefined ? this.#snapshot.term : last.term
  }

  get end(): { readonly index: Index; readonly term: Term } {
    return { index: this.lastIndex, term: this.lastTerm }
  }

  /** The configuration in force: the latest in the log, committed or not (thesis §4.1). */
  get config(): Configuration {
    return this.#configs.at(-1)?.config ?? this.#snapshot.config
  }

  /** Where `config` stands; the snapshot's index or less when no entry in memory holds it. */
  get configIndex(): Index {
    return this.#configs.at(-1)?.index ?? this.#snapshot.index
  }

  /** The term of the entry at `index`; undefined when compacted away or beyond the end. */
  term(index: Index): Term | undefined {
    if (index === this.#snapshot.index) return this.#snapshot.term
    return this.#entries[index - this.#snapshot.index - 1]?.term
  }

  /** Whether an entry of `term` is at `index` (§5.3, the log matching property). */
  matches(index: Index, term: Term): boolean {
    return this.term(index) === term
  }

  /** Whether a log that ends so is at least as complete as this one (§5.4.1). */
  isUpToDate(lastIndex: Index, lastTerm: Term): boolean {
    if (lastTerm !== this.lastTerm) return lastTerm > this.lastTerm
    return lastIndex >= this.lastIndex
  }

  /** Adds entries that follow the last one. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) this.push(entry)
  }

  push(entry: Entry): void {
    if (entry.index !== this.lastIndex + 1 || entry.term < this.lastTerm) {
      const { index, term } = this.end
      throw new AssertionError(`${entry.index}/${entry.term} after ${index}/${term}`)
    }
    this.#entries.push(entry)
    if (entry.type === 'config') this.#configs.push({ index: entry.index, config: entry.config })
  }

  /** Drops the entries from `index` on; configurations among them fall back to the one before. */
  truncate(index: Index): void {
    assert(index > this.#snapshot.index, `truncating into the snapshot at ${index}`)
    this.#entries.length = Math.min(this.#entries.length, index - this.#snapshot.index - 1)
    while (this.#configs.length > 0 && this.#configs.at(-1)!.index >= index) this.#configs.pop()
    this.#forgetChunk()
  }

  /**
   * How many of `entries`, which start right after an entry that matches, are in this log already.
   * The rest is new, or contradicts what is here.
   */
  countKnown(entries: readonly Entry[]): number {
    let known = 0
    while (known < entries.length) {
      const entry = entries[known]!
      if (entry.index > this.lastIndex || !this.matches(entry.index, entry.term)) break
      known++
    }
    return known
  }

  /**
   * The last position up to `index` whose term is at most `term`: no position after it can match a
   * log that has `term` at `index`, so one rejection skips a whole term (§5.3). When the answer lies
   * in what was compacted away: the last position there.
   */
  lastWithTermAtMost(index: Index, term: Term): Index {
    if (index < this.#snapshot.index) return index
    if (this.#snapshot.term > term) return Math.max(0, this.#snapshot.index - 1)
    let low = this.#snapshot.index
    let high = Math.min(index, this.lastIndex)
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.term(middle)! <= term) low = middle
      else high = middle - 1
    }
    return low
  }

  /** The entries from `from` to `to`, both included, as far as they are in memory. */
  slice(from: Index, to: Index): Entry[] {
    const before = this.#snapshot.index + 1
    return this.#entries.slice(Math.max(0, from - before), Math.max(0, to - before + 1))
  }

  at(index: Index): Entry | undefined {
    return this.#entries[index - this.#snapshot.index - 1]
  }

  /** Entries from `from` on of about `maxBytes` together; at least one if there is one. Shared: read only. */
  chunk(from: Index, maxBytes: number): readonly Entry[] {
    if (from > this.lastIndex) return []
    // A chunk that stopped at its limit stays right when entries are added behind it.
    const end = this.#chunk.length === 0 ? 0 : this.#chunk.at(-1)!.index
    if (this.#chunk[0]?.index === from && (end === this.lastIndex || this.#chunkLimit === end)) {
      return this.#chunk
    }
    let bytes = 0
    let to = from
    for (; to <= this.lastIndex; to++) {
      bytes += entryBytes(this.at(to)!)
      if (bytes > maxBytes && to > from) break
    }
    this.#chunk = this.slice(from, to - 1)
    this.#chunkLimit = to <= this.lastIndex ? to - 1 : 0
    return this.#chunk
  }

  /** Forgets the entries up to `index`, which a snapshot now stands for. */
  compact(index: Index): void {
    const term = this.term(index)
    if (index <= this.#snapshot.index || term === undefined) return
    const config = this.configAt(index)
    this.#entries.splice(0, index - this.#snapshot.index)
    this.#configs = this.#configs.filter(at => at.index > index)
    this.#snapshot = { index, term, config }
    this.#forgetChunk()
  }

  /** The configuration that the log up to `index` ends in. */
  configAt(index: Index): Configuration {
    return this.#configs.findLast(at => at.index <= index)?.config ?? this.#snapshot.config
  }

  /** Whether `test` holds for `id` in the configuration at `index` or in any later one. */
  someConfigSince(
    index: Index,
    test: (config: Configuration, id: PeerId) => boolean,
    id: PeerId,
  ): boolean {
    for (let i = this.#configs.length - 1; i >= 0; i--) {
      const at = this.#configs[i]!
      if (test(at.config, id)) return true
      if (at.index <= index) return false
    }
    return test(this.#snapshot.config, id)
  }

  /** Puts a snapshot in the place of everything. */
  restore(snapshot: SnapshotMeta): void {
    this.#snapshot = snapshot
    this.#entries = []
    this.#configs = []
    this.#forgetChunk()
  }

  #forgetChunk(): void {
    this.#chunk = []
    this.#chunkLimit = 0
  }
}
