import type { Instant } from '../../src/base/time.ts'
import type { Member } from '../../src/swim/types.ts'
import type { Fabric } from './fabric.ts'
import { spread } from './spread.ts'

/** The control plane as members see it: the third accuser convinces it, and what it agreed reaches the keepers. */
export const agreement = { accusers: 3, commit: 20, notice: 50 } as const

interface Death {
  readonly at: Instant
  accusers: number
  /** Keepers that have not heard. */
  readonly left: Set<number>
}

/** Who died when, and who came to know of it when; times in ms from the kill. */
export class Obituaries {
  /** Of keepers and the members they kept. */
  pairs = 0
  readonly #fabric: Fabric
  readonly #deathOf = new Map<string, Death>()
  readonly #suspects = new Set<string>()
  readonly #suspected: number[] = []
  readonly #first: number[] = []
  readonly #agreed: number[] = []
  readonly #known: number[] = []

  constructor(fabric: Fabric) {
    this.#fabric = fabric
  }

  get known(): number {
    return this.#known.length
  }

  get agreed(): number {
    return this.#agreed.length
  }

  die(i: number): void {
    const fabric = this.#fabric
    const left = new Set(fabric.watchers(i))
    this.#deathOf.set(`n${i}`, { at: fabric.now, accusers: 0, left })
    fabric.kill(i)
    // Whoever died itself has nothing to learn.
    for (const death of this.#deathOf.values()) death.left.delete(i)
    this.pairs += left.size
  }

  /** A change of belief; true: about somebody who is dead. */
  hear(by: number, member: Member, now: Instant): boolean {
    const death = this.#deathOf.get(member.id)
    if (!death) return false
    if (member.status === 'suspect' && !this.#suspects.has(member.id)) {
      this.#suspects.add(member.id)
      this.#suspected.push(now - death.at)
    }
    if (member.status !== 'unreachable' && member.status !== 'failed') return true
    if (death.left.delete(by)) this.#known.push(now - death.at)
    if (member.status === 'unreachable') this.#accuse(death, member, now)
    return true
  }

  #accuse(death: Death, { id, incarnation }: Member, now: Instant): void {
    death.accusers++
    if (death.accusers === 1) this.#first.push(now - death.at)
    if (death.accusers !== agreement.accusers) return
    this.#agreed.push(now + agreement.commit - death.at)
    const fabric = this.#fabric
    for (const i of death.left) {
      const heard = now + agreement.commit + 1 + fabric.random.below(agreement.notice)
      fabric.at(heard, () =>
        fabric.input(i, { type: 'verdict', id, incarnation, verdict: 'failed' }),
      )
    }
  }

  figures() {
    return {
      firstSuspicion: spread(this.#suspected),
      firstGivesUp: spread(this.#first),
      agreed: spread(this.#agreed),
      keepersKnow: spread(this.#known),
      ...this.#unaware(),
      pairs: this.pairs,
    }
  }

  /** Of the keepers that were not seen to learn of it: who forgot the dead member, and who still takes it for alive. */
  #unaware() {
    let forgot = 0
    let mistaken = 0
    for (const [id, { left }] of this.#deathOf) {
      for (const i of left) {
        if (this.#fabric.cores[i]!.member(id) === undefined) forgot++
        else mistaken++
      }
    }
    return { forgot, mistaken }
  }
}
