import type { Instant, Millis } from '../base/time.ts'
import { Deadlines } from './deadlines.ts'
import type { MemberId, SwimConfig } from './types.ts'

export interface SuspicionTerms {
  /** Duration once enough others confirm, ms. */
  readonly min: Millis
  /** Duration while nobody confirms, ms. */
  readonly max: Millis
  /** Confirmations, beyond the first accuser, that bring it down to `min`. */
  readonly expected: number
}

/** The terms on which a member of a cluster of `size` (this node and the suspect included) is suspected. */
export function suspicionTerms(config: SwimConfig, size: number): SuspicionTerms {
  const min = config.suspicionMultiplier * Math.max(1, Math.log10(size)) * config.probePeriod
  return {
    min,
    max: config.suspicionMaxFactor * min,
    // Nobody can wait for more confirmations than there are others to give them.
    expected: Math.max(0, Math.min(config.suspicionMultiplier - 2, size - 2)),
  }
}

/** How long a suspicion lasts after so many confirmations (Lifeguard §IV-B). */
export function suspicionDuration(terms: SuspicionTerms, confirmations: number): Millis {
  const { min, max, expected } = terms
  if (expected < 1) return min
  const share = Math.log(confirmations + 1) / Math.log(expected + 1)
  return Math.max(min, max - (max - min) * share)
}

interface Suspicion {
  readonly terms: SuspicionTerms
  began: Instant
}

/** The suspicions that run, and when each ends. */
export class Suspicions {
  readonly #running = new Map<MemberId, Suspicion>()
  readonly #ends = new Deadlines<MemberId>()

  begin(id: MemberId, terms: SuspicionTerms, now: Instant): void {
    this.#running.set(id, { terms, began: now })
    this.#ends.set(id, now + suspicionDuration(terms, 0))
  }

  /** Confirmations still wanted: news of further ones is passed on no more. */
  wants(id: MemberId, confirmations: number): boolean {
    const suspicion = this.#running.get(id)
    return suspicion !== undefined && confirmations <= suspicion.terms.expected
  }

  confirm(id: MemberId, confirmations: number): void {
    const suspicion = this.#running.get(id)
    if (suspicion === undefined) return
    this.hurry(id, suspicion.began + suspicionDuration(suspicion.terms, confirmations))
  }

  /** It ends at `at`, unless it would have ended before. */
  hurry(id: MemberId, at: Instant): void {
    const end = this.#ends.at(id)
    if (end !== undefined && at < end) this.#ends.set(id, at)
  }

  end(id: MemberId): void {
    this.#running.delete(id)
    this.#ends.delete(id)
  }

  /** Takes out one that nobody refuted in time. */
  due(now: Instant): MemberId | undefined {
    const id = this.#ends.due(now)
    if (id !== undefined) this.#running.delete(id)
    return id
  }

  next(): Instant | undefined {
    return this.#ends.next()
  }

  extend(by: Millis): void {
    this.#ends.shift(by)
    for (const suspicion of this.#running.values()) suspicion.began += by
  }
}
