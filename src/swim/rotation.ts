import type { Random } from '../base/random.ts'

/** Below this size a sample shuffles a copy; above, throwing again for a double is cheaper. */
const smallSample = 64

/**
 * Whose turn it is, in random order without repeats (SWIM §4.3: randomised round robin, which bounds
 * the time until a dead member is probed to 2n − 1 periods). The order is shuffled as it is walked: those
 * before `#cursor` had their turn in this round, each step draws one of the rest. All steps are O(1).
 */
export class Rotation<Item> {
  readonly #items: Item[] = []
  readonly #index = new Map<Item, number>()
  #cursor = 0

  get size(): number {
    return this.#items.length
  }

  has(item: Item): boolean {
    return this.#index.has(item)
  }

  /** A newcomer takes a place at random: perhaps in this round, perhaps in the next. */
  add(item: Item, random: Random): void {
    if (this.#index.has(item)) return
    const last = this.#items.length
    this.#place(item, last)
    if (random.below(last + 1) < this.#cursor) {
      this.#swap(last, this.#cursor)
      this.#cursor++
    }
  }

  remove(item: Item): void {
    let index = this.#index.get(item)
    if (index === undefined) return
    if (index < this.#cursor) {
      this.#cursor--
      this.#swap(index, this.#cursor)
      index = this.#cursor
    }
    this.#swap(index, this.#items.length - 1)
    this.#items.pop()
    this.#index.delete(item)
  }

  /** The next one of this round; a new round begins when all had their turn. */
  next(random: Random): Item | undefined {
    if (this.#items.length === 0) return undefined
    if (this.#cursor >= this.#items.length) this.#cursor = 0
    this.#swap(this.#cursor, this.#cursor + random.below(this.#items.length - this.#cursor))
    return this.#items[this.#cursor++]
  }

  /** Up to `count` different ones that `accept` likes; fewer where most are disliked. */
  sample(count: number, random: Random, accept: (item: Item) => boolean): Item[] {
    const size = this.#items.length
    const out: Item[] = []
    if (size <= smallSample) {
      const pool = this.#items.slice()
      for (let left = size; left > 0 && out.length < count; left--) {
        const pick = random.below(left)
        const item = pool[pick]!
        pool[pick] = pool[left - 1]!
        if (accept(item)) out.push(item)
      }
      return out
    }
    for (let tries = count * 4 + 8; tries > 0 && out.length < count; tries--) {
      const item = this.#items[random.below(size)]!
      if (!out.includes(item) && accept(item)) out.push(item)
    }
    return out
  }

  #place(item: Item, index: number): void {
    this.#items[index] = item
    this.#index.set(item, index)
  }

  #swap(a: number, b: number): void {
    if (a === b) return
    const x = this.#items[a]!
    const y = this.#items[b]!
    this.#place(y, a)
    this.#place(x, b)
  }
}
