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
  end: Instant
  /** The last call went out. */
  called: boolean
}

/** What became of a suspicion: it is time for the last call, or nobody refuted in time. */
export interface Due {
  readonly id: MemberId
  readonly over: boolean
}

/** The suspicions that run, and when each ends. Some time before that there is a last call. */
export class Suspicions {
  readonly #running = new Map<MemberId, Suspicion>()
  /** The last call where it is still to come, else the end. */
  readonly #due = new Deadlines<MemberId>()

  /** `notice`: the time between last call and end, ms. */
  begin(id: MemberId, terms: SuspicionTerms, notice: Millis, now: Instant): void {
    const end = now + suspicionDuration(terms, 0)
    this.#running.set(id, { terms, began: now, end, called: false })
    this.#due.set(id, end - notice)
  }

  /** Confirmations still wanted: news of further ones is passed on no more. */
  wants(id: MemberId, confirmations: number): boolean {
    const suspicion = this.#running.get(id)
    return suspicion !== undefined && confirmations <= suspicion.terms.expected
  }

  confirm(id: MemberId, confirmations: number, notice: Millis): void {
    const suspicion = this.#running.get(id)
    if (suspicion === undefined) return
    const end = suspicion.began + suspicionDuration(suspicion.terms, confirmations)
    this.hurry(id, end, notice)
  }

  /** It ends at `at`, unless it would have ended before. */
  hurry(id: MemberId, at: Instant, notice: Millis): void {
    const suspicion = this.#running.get(id)
    if (suspicion === undefined || suspicion.called || at >= suspicion.end) return
    suspicion.end = at
    this.#due.set(id, at - notice)
  }

  end(id: MemberId): void {
    this.#running.delete(id)
    this.#due.delete(id)
  }

  /** Takes out what is due. However late the last call, a full `notice` follows it. */
  due(notice: Millis, now: Instant): Due | undefined {
    const id = this.#due.due(now)
    if (id === undefined) return undefined
    const suspicion = this.#running.get(id)!
    if (suspicion.called) {
      this.#running.delete(id)
      return { id, over: true }
    }
    suspicion.called = true
    this.#due.set(id, Math.max(suspicion.end, now + notice))
    return { id, over: false }
  }

  next(): Instant | undefined {
    return this.#due.next()
  }

  /** Some that run, others each time. */
  some(count: number): MemberId[] {
    const ids: MemberId[] = []
    for (const id of this.#running.keys()) {
      if (ids.length === count) break
      ids.push(id)
    }
    for (const id of ids) {
      const suspicion = this.#running.get(id)!
      this.#running.delete(id)
      this.#running.set(id, suspicion)
    }
    return ids
  }

  extend(by: Millis): void {
    this.#due.shift(by)
    for (const suspicion of this.#running.values()) {
      suspicion.began += by
      suspicion.end += by
    }
  }
}
