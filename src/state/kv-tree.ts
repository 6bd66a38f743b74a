import { compareKeys } from './kv-key.ts'

/**
 * Keys in byte order, in sorted chunks: finding is two binary searches, inserting moves at most one
 * chunk's pointers, and a chunk knows its highest ModifyIndex, so that the index of a prefix needs no
 * visit to the entries inside it.
 */

export interface Keyed {
  readonly key: string
  readonly modifyIndex: number
}

interface Chunk<E> {
  entries: E[]
  /** Exactly the highest ModifyIndex of `entries`: it must not depend on how the chunks were cut. */
  max: number
}

/** Small enough to move in a microsecond, large enough that a million keys are a few thousand chunks. */
const chunkSize = 512

export class KvTree<E extends Keyed> implements Iterable<E> {
  #chunks: Chunk<E>[] = []
  #size = 0
  /** What `get` found last: a write reads its key first, and need not search it twice. */
  #last: { key: string; at: number; i: number } | null = null

  /** From entries in any order; of equal keys the last one stays. */
  static from<E extends Keyed>(entries: readonly E[]): KvTree<E> {
    const tree = new KvTree<E>()
    if (!inOrder(entries)) {
      for (const entry of entries) tree.set(entry)
      return tree
    }
    const step = Math.floor(chunkSize * 0.75)
    for (let i = 0; i < entries.length; i += step) {
      tree.#chunks.push(chunkOf(entries.slice(i, i + step)))
    }
    tree.#size = entries.length
    return tree
  }

  get size(): number {
    return this.#size
  }

  get(key: string): E | undefined {
    const at = this.#chunkAt(key)
    const entries = this.#chunks[at]?.entries
    if (entries === undefined) return undefined
    const i = lowerBound(entries, key)
    this.#last = { key, at, i }
    const entry = entries[i]
    return entry?.key === key ? entry : undefined
  }

  /** Adds or replaces. */
  set(entry: E): void {
    const last = this.#last?.key === entry.key ? this.#last : null
    this.#last = null
    const at = last?.at ?? this.#chunkAt(entry.key)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push(chunkOf([entry]))
      this.#size++
      return
    }
    const i = last?.i ?? lowerBound(chunk.entries, entry.key)
    const old = chunk.entries[i]
    if (old?.key === entry.key) {
      chunk.entries[i] = entry
      if (entry.modifyIndex >= chunk.max) chunk.max = entry.modifyIndex
      else if (old.modifyIndex === chunk.max) chunk.max = highest(chunk.entries)
      return
    }
    chunk.entries.splice(i, 0, entry)
    chunk.max = Math.max(chunk.max, entry.modifyIndex)
    this.#size++
    if (chunk.entries.length > chunkSize) this.#split(at)
  }

  delete(key: string): E | undefined {
    this.#last = null
    const at = this.#chunkAt(key)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return undefined
    const i = lowerBound(chunk.entries, key)
    const old = chunk.entries[i]
    if (old?.key !== key) return undefined
    chunk.entries.splice(i, 1)
    this.#size--
    if (chunk.entries.length === 0) this.#chunks.splice(at, 1)
    else if (old.modifyIndex === chunk.max) chunk.max = highest(chunk.entries)
    return old
  }

  /** Removes every key under the prefix, and returns what was removed, in order. */
  deletePrefix(prefix: string): E[] {
    this.#last = null
    const removed: E[] = []
    let at = this.#chunkAt(prefix)
    let emptied = 0
    for (let chunk = this.#chunks[at]; chunk !== undefined; chunk = this.#chunks[++at]) {
      const from = lowerBound(chunk.entries, prefix)
      const to = pastPrefix(chunk.entries, from, prefix)
      const more = to === chunk.entries.length
      if (to > from) {
        for (const entry of chunk.entries.splice(from, to - from)) removed.push(entry)
        if (chunk.entries.length === 0) emptied++
        else chunk.max = highest(chunk.entries)
      }
      if (!more) break
    }
    this.#size -= removed.length
    if (emptied > 0) this.#chunks = this.#chunks.filter(chunk => chunk.entries.length > 0)
    return removed
  }

  /** At most `limit` entries under the prefix, in order. */
  list(prefix: string, limit = Number.POSITIVE_INFINITY): E[] {
    const found: E[] = []
    for (let at = this.#chunkAt(prefix); at < this.#chunks.length; at++) {
      const entries = this.#chunks[at]!.entries
      for (let i = lowerBound(entries, prefix); i < entries.length; i++) {
        const entry = entries[i]!
        if (found.length >= limit || !entry.key.startsWith(prefix)) return found
        found.push(entry)
      }
    }
    return found
  }

  /** Highest ModifyIndex under the prefix; 0: nothing there. */
  maxIndex(prefix: string): number {
    let max = 0
    for (let at = this.#chunkAt(prefix); at < this.#chunks.length; at++) {
      const { entries, max: chunkMax } = this.#chunks[at]!
      const whole = entries[0]!.key.startsWith(prefix) && entries.at(-1)!.key.startsWith(prefix)
      if (whole) {
        max = Math.max(max, chunkMax)
        continue
      }
      const from = lowerBound(entries, prefix)
      const to = pastPrefix(entries, from, prefix)
      if (chunkMax > max)
        for (let i = from; i < to; i++) max = Math.max(max, entries[i]!.modifyIndex)
      if (to < entries.length) break
    }
    return max
  }

  *[Symbol.iterator](): Iterator<E> {
    for (const chunk of this.#chunks) yield* chunk.entries
  }

  /** The only chunk that can hold `key`: the last one that begins at or before it. */
  #chunkAt(key: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys(this.#chunks[middle]!.entries[0]!.key, key) <= 0) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }

  #split(at: number): void {
    const chunk = this.#chunks[at]!
    // Keys that arrive in order only ever fill the last chunk: leave the full ones full.
    const last = at === this.#chunks.length - 1
    const cut = last ? Math.floor(chunkSize * 0.9) : chunkSize >>> 1
    const right = chunkOf(chunk.entries.splice(cut))
    chunk.max = highest(chunk.entries)
    this.#chunks.splice(at + 1, 0, right)
  }
}

function chunkOf<E extends Keyed>(entries: E[]): Chunk<E> {
  return { entries, max: highest(entries) }
}

function highest(entries: readonly Keyed[]): number {
  let max = 0
  for (const entry of entries) if (entry.modifyIndex > max) max = entry.modifyIndex
  return max
}

/** Where the first key ≥ `key` is. */
function lowerBound(entries: readonly Keyed[], key: string): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeys(entries[middle]!.key, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Where the run of keys with the prefix that begins at `from` ends. */
function pastPrefix(entries: readonly Keyed[], from: number, prefix: string): number {
  let low = from
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle]!.key.startsWith(prefix)) low = middle + 1
    else high = middle
  }
  return low
}

function inOrder(entries: readonly Keyed[]): boolean {
  for (let i = 1; i < entries.length; i++) {
    if (compareKeys(entries[i - 1]!.key, entries[i]!.key) >= 0) return false
  }
  return true
}
