import type { Instant, Millis } from './time.ts'

/**
 * How often somebody may fail from one place: an allowance each (a token bucket, as ATM's GCRA counts it). Those
 * who succeed are never held up. It keeps guesses from costing work and filling the trace; the length of tokens is
 * what keeps them from succeeding.
 */
export class Attempts {
  readonly #burst: number
  readonly #period: Millis
  readonly #most: number
  /** When the allowance of a place is whole again; in order of the last failure. */
  readonly #whole = new Map<string, Instant>()

  /**
   * After `burst` failures at once, one more each `period`; `most` places are remembered (about 150 bytes each),
   * and beyond, the one whose last failure is oldest is forgotten.
   */
  constructor(burst: number, period: Millis, most: number) {
    this.#burst = burst
    this.#period = period
    this.#most = most
  }

  failed(place: string, now: Instant): void {
    const whole = Math.max(this.#whole.get(place) ?? now, now) + this.#period
    this.#whole.delete(place)
    this.#whole.set(place, whole)
    if (this.#whole.size > this.#most) this.#whole.delete(this.#whole.keys().next().value!)
  }

  /** How long the place has to wait until it may fail again, ms; 0: it may try. */
  wait(place: string, now: Instant): Millis {
    const whole = this.#whole.get(place)
    if (whole === undefined) return 0
    if (whole <= now) {
      this.#whole.delete(place)
      return 0
    }
    return Math.max(0, Math.ceil(whole - now - (this.#burst - 1) * this.#period))
  }

  /** Places remembered. */
  get size(): number {
    return this.#whole.size
  }
}

/** The place of an address: one address of IPv4; of IPv6 the /64, for whoever has one address there has them all. */
export function placeOf(address: string | undefined): string {
  if (address === undefined) return 'local'
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? 0 : tail.split(':').length
    while (groups.length < 8 - after) groups.push('0')
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
