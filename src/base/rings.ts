import { hash } from './random.ts'

/**
 * Pseudo-random rings over ids (the overlay of Rapid, Suresh et al. 2018 §4.1, with several neighbours a
 * side): each ring has its own order, so neighbours on one are strangers on the others. Everybody computes
 * the same rings from the ids alone. Their union is an expander with high probability, so that it stays
 * in one piece when many nodes go at once.
 */
export const ringCount = 4

const circumference = 2 ** 32

/** Where `id` stands on a ring, in [0, 2³²). */
export function ringPosition(id: string, ring: number): number {
  return positionOf(hash(id), ring)
}

/** The same from the id's `hash`, for whoever asks often. */
export function positionOf(idHash: number, ring: number): number {
  // The finaliser of MurmurHash3: ids that differ in one place must not stand side by side.
  let h = idHash ^ Math.imul(ring + 1, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The way from one position to another, onwards round the ring; a full round from each to itself. */
export function onwards(from: number, to: number): number {
  return (to - from) >>> 0 || circumference
}

interface Spot {
  readonly id: string
  readonly at: number
}

/**
 * All rings of a known set of ids, for whoever holds the full list. Finding neighbours costs what they
 * are in number, whatever the size of the set.
 */
export class Rings {
  readonly #rings: Spot[][] = Array.from({ length: ringCount }, () => [])
  readonly #ids = new Set<string>()

  constructor(ids: Iterable<string> = []) {
    for (const id of ids) this.#ids.add(id)
    for (const [ring, spots] of this.#rings.entries()) {
      for (const id of this.#ids) spots.push({ id, at: ringPosition(id, ring) })
      spots.sort(inOrder)
    }
  }

  get size(): number {
    return this.#ids.size
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(id: string): void {
    if (this.#ids.has(id)) return
    this.#ids.add(id)
    for (const [ring, spots] of this.#rings.entries()) {
      const spot = { id, at: ringPosition(id, ring) }
      spots.splice(lowerBound(spots, spot), 0, spot)
    }
  }

  remove(id: string): void {
    if (!this.#ids.delete(id)) return
    for (const [ring, spots] of this.#rings.entries()) {
      spots.splice(lowerBound(spots, { id, at: ringPosition(id, ring) }), 1)
    }
  }

  /**
   * The `size` ids that stand nearest to `id`, which need not be in the set: the first on each side of
   * each ring, then the second, and so on; nearest first.
   */
  neighbours(id: string, size: number): string[] {
    const out = new Set<string>()
    const here = this.#rings.map((spots, ring) =>
      lowerBound(spots, { id, at: ringPosition(id, ring) }),
    )
    const own = this.#ids.has(id) ? 1 : 0
    const others = this.#ids.size - own
    for (let rank = 0; rank < others && out.size < size; rank++) {
      for (const [ring, spots] of this.#rings.entries()) {
        const n = spots.length
        const after = spots[(here[ring]! + own + rank) % n]!
        const before = spots[(here[ring]! - 1 - rank + 2 * n) % n]!
        if (out.size < size) out.add(after.id)
        if (out.size < size) out.add(before.id)
      }
    }
    return [...out]
  }
}

function inOrder(a: Spot, b: Spot): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

function lowerBound(spots: readonly Spot[], wanted: Spot): number {
  let low = 0
  let high = spots.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (inOrder(spots[middle]!, wanted) < 0) low = middle + 1
    else high = middle
  }
  return low
}
