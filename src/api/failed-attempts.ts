import type { Instant, Millis } from '../base/time.ts'

/** Wrong tokens that one source may send in a row… */
const burst = 10
/** …and how long until it may send one more. */
const again: Millis = 6_000
/** Sources remembered; beyond, the one whose last failure is oldest is forgotten. About 150 bytes each. */
const maxSources = 4096

/**
 * Who failed to prove himself, by source address: an allowance each (a token bucket, as ATM's GCRA counts it). It
 * keeps guesses from costing work and filling the trace; the length of tokens is what keeps them from succeeding.
 */
export class FailedAttempts {
  /** When the allowance of a source is whole again; in order of the last failure. */
  readonly #whole = new Map<string, Instant>()

  failed(source: string, now: Instant): void {
    const whole = Math.max(this.#whole.get(source) ?? now, now) + again
    this.#whole.delete(source)
    this.#whole.set(source, whole)
    if (this.#whole.size > maxSources) this.#whole.delete(this.#whole.keys().next().value!)
  }

  /** How long the source has to wait; 0: it may try. */
  wait(source: string, now: Instant): Millis {
    const whole = this.#whole.get(source)
    if (whole === undefined) return 0
    if (whole <= now) {
      this.#whole.delete(source)
      return 0
    }
    return Math.max(0, whole - now - (burst - 1) * again)
  }

  get sources(): number {
    return this.#whole.size
  }
}

/** One address of IPv4; of IPv6 the /64, for whoever has one address there has them all. */
export function sourceOf(address: string | undefined): string {
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
