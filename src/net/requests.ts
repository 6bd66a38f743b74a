import type { Clock, Millis, Timer } from '../base/time.ts'
import type { Answer, RequestOutcome } from './link-types.ts'

/**
 * Requests to one peer that have no answer yet. They belong to the peer and not to a connection: when two
 * connections of the same two processes compete, the answer may come over either.
 */
interface Pending {
  readonly done: Answer
  readonly timer: Timer
  /** What it was sent over. */
  over: object | undefined
}

export class Requests {
  readonly #clock: Clock
  readonly #peerName: () => string
  readonly #pending = new Map<number, Pending>()

  constructor(clock: Clock, peerName: () => string) {
    this.#clock = clock
    this.#peerName = peerName
  }

  get size(): number {
    return this.#pending.size
  }

  open(id: number, timeout: Millis, done: Answer): void {
    const timer = this.#clock.after(timeout, () => this.#late(id, timeout))
    this.#pending.set(id, { done, timer, over: undefined })
  }

  sent(id: number, over: object): void {
    const pending = this.#pending.get(id)
    if (pending) pending.over = over
  }

  /** An answer that nobody waits for any more is dropped. */
  settle(id: number, outcome: RequestOutcome): void {
    const pending = this.#pending.get(id)
    if (!pending) return
    this.#pending.delete(id)
    pending.timer.cancel()
    pending.done(outcome)
  }

  settleAll(ids: readonly number[], outcome: RequestOutcome): void {
    for (const id of ids) this.settle(id, outcome)
  }

  /** Ids of those that the peer may have seen, or of those that it cannot have seen. */
  ids(which: 'sent' | 'unsent'): number[] {
    const wanted = which === 'sent'
    return this.#those(({ over }) => (over !== undefined) === wanted)
  }

  /** Ids of those that went over that connection, and no answer to which has come over any. */
  over(connection: object): number[] {
    return this.#those(({ over }) => over === connection)
  }

  #those(wanted: (pending: Pending) => boolean): number[] {
    return [...this.#pending].filter(([, pending]) => wanted(pending)).map(([id]) => id)
  }

  #late(id: number, timeout: Millis): void {
    const unsent = this.#pending.get(id)?.over === undefined
    const why = unsent ? 'could not be reached' : 'did not answer'
    this.settle(id, {
      ok: false,
      code: 'TIMEOUT',
      message: `${this.#peerName()} ${why} within ${Math.round(timeout)} ms`,
      ...(unsent && { unsent }),
    })
  }
}
