import type { Clock, Millis } from '../base/time.ts'

/** Work that is looked at again and again, and soon, once for all that happens in a turn. */
export class Rounds {
  readonly #clock: Clock
  readonly #pace: Millis
  readonly #look: () => void
  #planned = false

  /** `pace`: so long after each look comes the next. */
  constructor(clock: Clock, pace: Millis, look: () => void) {
    this.#clock = clock
    this.#pace = pace
    this.#look = look
  }

  start(): void {
    this.#clock.after(this.#pace, () => {
      this.#look()
      this.start()
    })
  }

  soon(): void {
    if (this.#planned) return
    this.#planned = true
    this.#clock.soon(() => {
      this.#planned = false
      this.#look()
    })
  }
}
