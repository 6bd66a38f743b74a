import type { Clock, Millis } from '../base/time.ts'

/** More held answers than this are given at once, unchanged: the caller just asks again. */
const maxWaiting = 10_000

/** Holds answers until a number has passed theirs, or their patience has. */
export class Watch {
  readonly #clock: Clock
  readonly #waiting = new Set<{ after: number; wake: () => void }>()
  #current = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get current(): number {
    return this.#current
  }

  /**
   * Calls `done` once: at once if there is something newer than `after`, else at the next bump, after `patience`,
   * or when `signal` aborts.
   */
  wait(after: number, patience: Millis, done: () => void, signal?: AbortSignal): void {
    const vain = patience <= 0 || signal?.aborted || this.#waiting.size >= maxWaiting
    if (vain || this.#current > after) return done()
    const waiter = {
      after,
      wake: () => {
        timer.cancel()
        signal?.removeEventListener('abort', waiter.wake)
        this.#waiting.delete(waiter)
        done()
      },
    }
    const timer = this.#clock.after(patience, waiter.wake)
    signal?.addEventListener('abort', waiter.wake)
    this.#waiting.add(waiter)
  }

  /** Another log, with numbers of its own: who waited is answered. */
  restart(): void {
    this.#current = 0
    this.stop()
  }

  /** `current` rises to `index`; never falls. */
  bump(index: number): void {
    if (index <= this.#current) return
    this.#current = index
    for (const waiter of [...this.#waiting]) if (waiter.after < index) waiter.wake()
  }

  stop(): void {
    for (const waiter of [...this.#waiting]) waiter.wake()
  }
}
