import type { Clock, EpochMillis, Instant, Millis, Timer } from '../../base/time.ts'

const never: Timer = { cancel() {} }

/**
 * An agent's own time, which ends before its process does: what was planned is not done any more, and nothing
 * more is planned. So no part of it has to remember to call off its timers, or to arm none, when the agent stops.
 */
export class Lifetime implements Clock {
  readonly #clock: Clock
  #over = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): Instant {
    return this.#clock.now()
  }

  wall(): EpochMillis {
    return this.#clock.wall()
  }

  after(delay: Millis, task: () => void): Timer {
    return this.#over ? never : this.#clock.after(delay, () => this.#live(task))
  }

  soon(task: () => void): void {
    if (!this.#over) this.#clock.soon(() => this.#live(task))
  }

  /** `task` again and again, with so much time between. */
  every(period: Millis, task: () => void): void {
    this.after(period, () => {
      task()
      this.every(period, task)
    })
  }

  end(): void {
    this.#over = true
  }

  #live(task: () => void): void {
    if (!this.#over) task()
  }
}
