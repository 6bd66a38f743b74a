import type { Clock, Instant } from '../../base/time.ts'

/**
 * Peers that claim a larger meta version than this node knows (design §4, the two cases that stay open in
 * the seeds). Either this node is behind, or the peer comes from a future that the cluster lost. A
 * linearizable read tells: if it was begun after the claim was heard and the cluster's version is still
 * smaller, the claim was never part of this history.
 */
export interface ClaimsParts {
  readonly clock: Clock
  /** Asks the control plane for the meta version, linearizably; undefined: nobody could say. */
  ask(done: (metaVersion: number | undefined) => void): void
  /** These peers come from a lost future: links to them are to go. */
  diverged(id: string): void
}

export type Claim = 'unchecked' | 'confirmed' | 'diverged'

/** Peers with a claim under examination or found false; far more than a cluster has diverged nodes. */
const maxClaims = 256
/** Between two questions that nobody could answer. */
const pause = 500

interface Heard {
  readonly metaVersion: number
  readonly at: Instant
  diverged: boolean
}

export class Claims {
  readonly #parts: ClaimsParts
  readonly #heard = new Map<string, Heard>()
  #cluster: { readonly metaVersion: number; readonly askedAt: Instant } | undefined
  #asking = false
  #notBefore: Instant = Number.NEGATIVE_INFINITY

  constructor(parts: ClaimsParts) {
    this.#parts = parts
  }

  /** What is known of the claim now; starts to find out what is not. `ours`: what this node knows itself. */
  judge(id: string, metaVersion: number, ours: number): Claim {
    const before = this.#heard.get(id)
    if (before?.diverged && before.metaVersion === metaVersion) return 'diverged'
    if (metaVersion <= ours) {
      this.#heard.delete(id)
      return 'confirmed'
    }
    const heard = before?.metaVersion === metaVersion ? before : this.#hear(id, metaVersion)
    if (this.#cluster === undefined || this.#cluster.askedAt < heard.at) {
      this.#ask()
      return 'unchecked'
    }
    return metaVersion > this.#cluster.metaVersion ? 'diverged' : 'confirmed'
  }

  /** It came without the claim: what it knew then it has given up. */
  withdrawn(id: string): void {
    this.#heard.delete(id)
  }

  /** This node belongs to another history now. */
  forget(): void {
    this.#heard.clear()
    this.#cluster = undefined
  }

  #hear(id: string, metaVersion: number): Heard {
    const heard = { metaVersion, at: this.#parts.clock.now(), diverged: false }
    this.#heard.delete(id)
    this.#heard.set(id, heard)
    if (this.#heard.size > maxClaims) this.#heard.delete(this.#heard.keys().next().value!)
    return heard
  }

  #ask(): void {
    const { clock } = this.#parts
    const askedAt = clock.now()
    if (this.#asking || askedAt < this.#notBefore) return
    this.#asking = true
    this.#parts.ask(metaVersion => {
      this.#asking = false
      if (metaVersion === undefined) {
        this.#notBefore = clock.now() + pause
        return
      }
      this.#cluster = { metaVersion, askedAt }
      for (const [id, heard] of this.#heard) {
        if (heard.at > askedAt || heard.metaVersion <= metaVersion) continue
        heard.diverged = true
        this.#parts.diverged(id)
      }
    })
  }
}
