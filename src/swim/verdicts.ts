import type { Instant, Millis } from '../base/time.ts'
import { limits } from './config.ts'
import { Deadlines } from './deadlines.ts'
import type { MemberId } from './types.ts'

export interface Sentence {
  readonly verdict: 'failed' | 'left'
  readonly incarnation: number
}

/**
 * What the control plane decided, kept long after, so that old gossip cannot bring back who is gone.
 * It also holds verdicts about nodes never met. Hearing one again does not prolong the memory: otherwise
 * nodes would remind each other for ever.
 */
export class VerdictMemory {
  readonly #duration: Millis
  readonly #sentences = new Map<MemberId, Sentence>()
  readonly #ends = new Deadlines<MemberId>()

  constructor(duration: Millis) {
    this.#duration = duration
  }

  get(id: MemberId): Sentence | undefined {
    return this.#sentences.get(id)
  }

  remember(id: MemberId, sentence: Sentence, now: Instant): void {
    const known = this.#sentences.has(id)
    if (!known && this.#sentences.size >= limits.members) return
    this.#sentences.set(id, sentence)
    if (!known) this.#ends.set(id, now + this.#duration)
  }

  forget(id: MemberId): void {
    this.#sentences.delete(id)
    this.#ends.delete(id)
  }

  /** Takes out one whose time is over. */
  due(now: Instant): MemberId | undefined {
    const id = this.#ends.due(now)
    if (id !== undefined) this.#sentences.delete(id)
    return id
  }

  next(): Instant | undefined {
    return this.#ends.next()
  }
}
