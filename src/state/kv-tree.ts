import { sortable } from './kv-key.ts'

/**
 * Keys in byte order, in sorted chunks: finding is two binary searches, inserting moves at most one
 * chunk's pointers, and a chunk knows its highest ModifyIndex, so that the index of a prefix needs no
 * visit to the entries inside it. Searching compares the engine's own strings (`sortable`), not bytes.
 */

export interface Keyed {
  readonly key: string
  readonly modifyIndex: number
}

interface Chunk<E> {
  /** Sortable keys, at the places of their entries: a search touches nothing else. */
  keys: string[]
  entries: E[]
  /** Exactly the highest ModifyIndex of `entries`: it must not depend on how the chunks were cut. */
  max: number
  /** What `sums` made of `entries`; undefined: they have changed since. */
  sum: unknown
}

/** Small enough to move in a microsecond, large enough that a million keys are a few thousand chunks. */
const chunkSize = 512
/** How far keys that come in order fill a chunk. */
const roomy = Math.floor(chunkSize * 0.75)

export class KvTree<E extends Keyed> implements Iterable<E> {
  #chunks: Chunk<E>[] = []
  #size = 0
  /** Where `get` looked last: a write reads its key first, and need not search it twice. */
  #last: { key: string; at: number; i: number } | null = null

  /** From entries in any order; of equal keys the last one stays. */
  static from<E extends Keyed>(entries: Iterable<E>): KvTree<E> {
    const tree = new KvTree<E>()
    for (const entry of entries) tree.append(entry)
    return tree
  }

  /** As `set`, for entries that come in the order of their keys as a rule: nothing is searched, and room is left. */
  append(entry: E): void {
    const key = sortable(entry.key)
    const chunk = this.#chunks.at(-1)
    if (chunk !== undefined && chunk.keys.at(-1)! >= key) return this.set(entry)
    this.#last = null
    this.#size++
    if (chunk === undefined || chunk.keys.length >= roomy) {
      this.#chunks.push(chunkOf([key], [entry]))
      return
    }
    chunk.keys.push(key)
    chunk.entries.push(entry)
    chunk.max = Math.max(chunk.max, entry.modifyIndex)
    chunk.sum = undefined
  }

  get size(): number {
    return this.#size
  }

  get(key: string): E | undefined {
    const sought = sortable(key)
    const at = this.#chunkAt(sought)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return undefined
    const i = lowerBound(chunk.keys, sought)
    this.#last = { key, at, i }
    return chunk.keys[i] === sought ? chunk.entries[i] : undefined
  }

  /** Adds or replaces. */
  set(entry: E): void {
    const key = sortable(entry.key)
    const last = this.#last?.key === entry.key ? this.#last : null
    this.#last = null
    const at = last?.at ?? this.#chunkAt(key)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push(chunkOf([key], [entry]))
      this.#size++
      return
    }
    chunk.sum = undefined
    const i = last?.i ?? lowerBound(chunk.keys, key)
    if (chunk.keys[i] === key) {
      const old = chunk.entries[i]!
      chunk.entries[i] = entry
      if (entry.modifyIndex >= chunk.max) chunk.max = entry.modifyIndex
      else if (old.modifyIndex === chunk.max) chunk.max = highest(chunk.entries)
      return
    }
    chunk.keys.splice(i, 0, key)
    chunk.entries.splice(i, 0, entry)
    chunk.max = Math.max(chunk.max, entry.modifyIndex)
    this.#size++
    if (chunk.entries.length > chunkSize) this.#split(at)
  }

  delete(key: string): E | undefined {
    this.#last = null
    const sought = sortable(key)
    const at = this.#chunkAt(sought)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return undefined
    const i = lowerBound(chunk.keys, sought)
    if (chunk.keys[i] !== sought) return undefined
    chunk.sum = undefined
    chunk.keys.splice(i, 1)
    const old = chunk.entries.splice(i, 1)[0]!
    this.#size--
    if (chunk.entries.length === 0) this.#chunks.splice(at, 1)
    else if (old.modifyIndex === chunk.max) chunk.max = highest(chunk.entries)
    return old
  }

  /** Removes every key under the prefix, and returns what was removed, in order. */
  deletePrefix(prefix: string): E[] {
    this.#last = null
    const removed: E[] = []
    for (const { chunk, from, to } of this.#under(prefix)) {
      chunk.keys.splice(from, to - from)
      for (const entry of chunk.entries.splice(from, to - from)) removed.push(entry)
      chunk.sum = undefined
      chunk.max = highest(chunk.entries)
    }
    this.#size -= removed.length
    this.#chunks = this.#chunks.filter(chunk => chunk.entries.length > 0)
    return removed
  }

  /** At most `limit` entries under the prefix, in order. */
  list(prefix: string, limit = Number.POSITIVE_INFINITY): E[] {
    const found: E[] = []
    for (const { chunk, from, to } of this.#under(prefix)) {
      for (let i = from; i < to; i++) {
        if (found.length >= limit) return found
        found.push(chunk.entries[i]!)
      }
    }
    return found
  }

  /** Entries under the prefix, in order; of these the ones behind `after`, if that is given. */
  *walk(prefix: string, after?: string): Iterable<E> {
    const behind = after === undefined ? '' : sortable(after)
    for (const { chunk, from, to } of this.#under(prefix, behind)) {
      let i = Math.max(from, lowerBound(chunk.keys, behind))
      if (chunk.keys[i] === behind) i++
      for (; i < to; i++) yield chunk.entries[i]!
    }
  }

  /** Highest ModifyIndex under the prefix; 0: nothing there. */
  maxIndex(prefix: string): number {
    let max = 0
    for (const { chunk, from, to } of this.#under(prefix)) {
      const whole = to - from === chunk.entries.length
      if (whole) max = Math.max(max, chunk.max)
      else if (chunk.max > max) max = Math.max(max, highest(chunk.entries.slice(from, to)))
    }
    return max
  }

  /**
   * What `add` makes of the entries of one chunk after the other, made anew only where they have changed since; `add`
   * has to be the same one each time. A change between two of them does no harm.
   */
  *sums<S>(add: (entries: readonly E[]) => S): Iterable<S> {
    for (let at = 0; at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]!
      chunk.sum ??= add(chunk.entries)
      yield chunk.sum as S
    }
  }

  *[Symbol.iterator](): Iterator<E> {
    for (const chunk of this.#chunks) yield* chunk.entries
  }

  /** The part of each chunk that is under the prefix, in order; without chunks that end before `start`. */
  *#under(prefix: string, start = ''): Iterable<{ chunk: Chunk<E>; from: number; to: number }> {
    const sought = sortable(prefix)
    const chunks = this.#chunks
    for (let at = this.#chunkAt(start > sought ? start : sought); at < chunks.length; at++) {
      const chunk = chunks[at]!
      const length = chunk.keys.length
      const from = lowerBound(chunk.keys, sought)
      const to = pastPrefix(chunk.keys, from, sought)
      if (to > from) yield { chunk, from, to }
      if (to < length) return
    }
  }

  /** The only chunk that can hold `key`: the last one that begins at or before it. */
  #chunkAt(key: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#chunks[middle]!.keys[0]! <= key) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  #split(at: number): void {
    const chunk = this.#chunks[at]!
    // Keys that arrive in order only ever fill the last chunk: leave the full ones full.
    const last = at === this.#chunks.length - 1
    const cut = last ? Math.floor(chunkSize * 0.9) : chunkSize >>> 1
    const right = chunkOf(chunk.keys.splice(cut), chunk.entries.splice(cut))
    chunk.max = highest(chunk.entries)
    chunk.sum = undefined
    this.#chunks.splice(at + 1, 0, right)
  }
}

function chunkOf<E extends Keyed>(keys: string[], entries: E[]): Chunk<E> {
  return { keys, entries, max: highest(entries), sum: undefined }
}

function highest(entries: readonly Keyed[]): number {
  let max = 0
  for (const entry of entries) if (entry.modifyIndex > max) max = entry.modifyIndex
  return max
}

/** Where the first key ≥ `key` is. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}

/** Where the run of keys with the prefix that begins at `from` ends. */
function pastPrefix(keys: readonly string[], from: number, prefix: string): number {
  if (keys.at(-1)?.startsWith(prefix)) return keys.length
  let low = from
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keys[middle]!.startsWith(prefix)) low = middle + 1
    else high = middle
  }
  return low
}
