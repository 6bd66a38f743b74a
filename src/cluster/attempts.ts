import type { Instant, Millis } from '../base/time.ts'

/**
 * How often somebody may fail from one place: so many times in a row, then once in a while. Those who succeed
 * are never held up. Bounded: a place that has long been quiet makes room for a new one.
 */
export class Attempts {
  readonly #burst: number
  readonly #period: Millis
  readonly #most: number
  /** Failures that still count against a place, and as of when; longest untouched first. */
  readonly #places = new Map<string, { level: number; at: Instant }>()

  /** After `burst` failures at once, one more each `period`; at most `most` places are remembered. */
  constructor(burst: number, period: Millis, most: number) {
    this.#burst = burst
    this.#period = period
    this.#most = most
  }

  /** How long to wait until the next may fail, ms; 0: it may. */
  wait(place: string, now: Instant): Millis {
    const over = this.#level(place, now) - (this.#burst - 1)
    return over > 0 ? Math.ceil(over * this.#period) : 0
  }

  failed(place: string, now: Instant): void {
    const level = this.#level(place, now) + 1
    this.#places.delete(place)
    this.#places.set(place, { level: Math.min(level, this.#burst), at: now })
    if (this.#places.size > this.#most) this.#places.delete(this.#places.keys().next().value!)
  }

  /** Places remembered. */
  get size(): number {
    return this.#places.size
  }

  #level(place: string, now: Instant): number {
    const known = this.#places.get(place)
    return known ? Math.max(0, known.level - (now - known.at) / this.#period) : 0
  }
}
