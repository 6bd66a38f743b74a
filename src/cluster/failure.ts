import type { Instant, Millis } from '../base/time.ts'

/**
 * From accusations to a verdict (design §4, "accusations have names"). SWIM suspects, nodes report what
 * they cannot reach, and only the leader decides: on its own probe, or on enough independent accusers.
 * An accuser that is alone, or unwell itself, is doubted.
 */
export interface FailureKnobs {
  /** Independent accusers that convince a leader that still reaches the node, or is unwell itself. Default 3. */
  readonly accusers: number
  /** An accusation that is not renewed counts for so long, ms. Default 30 000. */
  readonly memory: Millis
}

export const failureDefaults: FailureKnobs = { accusers: 3, memory: 30_000 }

interface Accusation {
  readonly incarnation: number
  /** Local health score of the accuser (Lifeguard); 0 is well. */
  readonly health: number
  readonly at: Instant
}

export interface Verdict {
  readonly incarnation: number
  readonly accusers: readonly string[]
  /** Of each accuser, when it accused. */
  readonly health: readonly number[]
}

export class Accusations {
  readonly #knobs: FailureKnobs
  /** subject → accuser → accusation */
  readonly #bySubject = new Map<string, Map<string, Accusation>>()

  constructor(knobs: FailureKnobs = failureDefaults) {
    this.#knobs = knobs
  }

  accuse(
    subject: string,
    accuser: string,
    incarnation: number,
    health: number,
    now: Instant,
  ): void {
    if (subject === accuser) return
    const accusers = this.#bySubject.get(subject) ?? new Map<string, Accusation>()
    accusers.set(accuser, { incarnation, health, at: now })
    this.#bySubject.set(subject, accusers)
  }

  withdraw(subject: string, accuser: string): void {
    const accusers = this.#bySubject.get(subject)
    accusers?.delete(accuser)
    if (accusers?.size === 0) this.#bySubject.delete(subject)
  }

  /** The node is back as this incarnation, or has refuted with it: what was said of earlier ones is answered. */
  answered(subject: string, incarnation: number): void {
    const accusers = this.#bySubject.get(subject)
    if (!accusers) return
    for (const [id, a] of accusers) if (a.incarnation < incarnation) accusers.delete(id)
    if (accusers.size === 0) this.#bySubject.delete(subject)
  }

  /** It is no member any more. */
  forget(subject: string): void {
    this.#bySubject.delete(subject)
  }

  /** A new leader starts from what it hears itself. */
  clear(): void {
    this.#bySubject.clear()
  }

  /** Who accuses `subject` now, in order of arrival. */
  accusers(subject: string, now: Instant): readonly string[] {
    return [...this.#current(subject, now).keys()]
  }

  /**
   * The verdict on `subject`, if it is ripe. `own`: the leader's own opinion of its reachability and its
   * own health; `members`: how many could accuse (alive, the subject excluded).
   */
  verdict(
    subject: string,
    leader: string,
    own: { readonly unreachable: boolean; readonly health: number },
    members: number,
    now: Instant,
  ): Verdict | undefined {
    const current = this.#current(subject, now)
    const well = [...current].filter(([id, a]) => id !== leader && a.health <= 2)
    const needed = Math.min(this.#knobs.accusers, Math.max(1, members - 1))
    const convinced = own.unreachable
      ? own.health <= 2 || well.length >= 1 || members <= 1
      : well.length >= needed && needed >= 2
    if (!convinced) return undefined
    const accusers = well.map(([id]) => id)
    const health = well.map(([, a]) => a.health)
    if (own.unreachable) {
      accusers.unshift(leader)
      health.unshift(own.health)
    }
    let incarnation = 0
    for (const [, a] of current) incarnation = Math.max(incarnation, a.incarnation)
    return { incarnation, accusers, health }
  }

  subjects(): readonly string[] {
    return [...this.#bySubject.keys()]
  }

  #current(subject: string, now: Instant): ReadonlyMap<string, Accusation> {
    const accusers = this.#bySubject.get(subject)
    if (!accusers) return new Map()
    for (const [id, a] of accusers) if (now - a.at > this.#knobs.memory) accusers.delete(id)
    if (accusers.size === 0) this.#bySubject.delete(subject)
    return accusers
  }
}
