import type { Instant, Millis } from '../base/time.ts'

interface Entry<Key> {
  readonly key: Key
  at: Instant
}

/**
 * What is due when: a binary heap that knows where each key is, so that a deadline can be moved or
 * called off in O(log n). One deadline per key.
 */
export class Deadlines<Key> {
  readonly #heap: Entry<Key>[] = []
  readonly #index = new Map<Key, number>()

  get size(): number {
    return this.#heap.length
  }

  /** The earliest deadline. */
  next(): Instant | undefined {
    return this.#heap[0]?.at
  }

  at(key: Key): Instant | undefined {
    const index = this.#index.get(key)
    return index === undefined ? undefined : this.#heap[index]!.at
  }

  set(key: Key, at: Instant): void {
    let index = this.#index.get(key)
    if (index === undefined) {
      index = this.#heap.length
      this.#heap.push({ key, at })
      this.#index.set(key, index)
    } else {
      this.#heap[index]!.at = at
    }
    this.#sink(this.#rise(index))
  }

  delete(key: Key): void {
    const index = this.#index.get(key)
    if (index === undefined) return
    this.#index.delete(key)
    const last = this.#heap.pop()!
    if (index === this.#heap.length) return
    this.#heap[index] = last
    this.#index.set(last.key, index)
    this.#sink(this.#rise(index))
  }

  /** Takes out the earliest key that is due by `now`. */
  due(now: Instant): Key | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return undefined
    this.delete(first.key)
    return first.key
  }

  /** Everything outstanding gets `by` more; the order stays. */
  shift(by: Millis): void {
    for (const entry of this.#heap) entry.at += by
  }

  #rise(index: number): number {
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.#heap[parent]!.at <= this.#heap[index]!.at) break
      this.#swap(parent, index)
      index = parent
    }
    return index
  }

  #sink(index: number): void {
    for (;;) {
      const left = index * 2 + 1
      if (left >= this.#heap.length) return
      const right = left + 1
      const least =
        right < this.#heap.length && this.#heap[right]!.at < this.#heap[left]!.at ? right : left
      if (this.#heap[index]!.at <= this.#heap[least]!.at) return
      this.#swap(index, least)
      index = least
    }
  }

  #swap(a: number, b: number): void {
    const x = this.#heap[a]!
    const y = this.#heap[b]!
    this.#heap[a] = y
    this.#heap[b] = x
    this.#index.set(y.key, a)
    this.#index.set(x.key, b)
  }
}
