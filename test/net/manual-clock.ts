import type { Clock, Millis, Timer } from '../../src/base/time.ts'

interface Entry {
  readonly at: number
  readonly serial: number
  readonly task: () => void
}

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now = 0
  #serial = 0
  #tasks: Entry[] = []

  now(): number {
    return this.#now
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now
  }

  after(delay: Millis, task: () => void): Timer {
    const entry = { at: this.#now + delay, serial: this.#serial++, task }
    this.#tasks.push(entry)
    return {
      cancel: () => {
        this.#tasks = this.#tasks.filter(other => other !== entry)
      },
    }
  }

  soon(task: () => void): void {
    this.after(0, task)
  }

  get planned(): number {
    return this.#tasks.length
  }

  /** Runs everything that is due within the next `ms`, in order. */
  advance(ms: Millis): void {
    const until = this.#now + ms
    for (;;) {
      let next: Entry | undefined
      for (const entry of this.#tasks) {
        if (entry.at > until) continue
        if (!next || entry.at < next.at || (entry.at === next.at && entry.serial < next.serial)) {
          next = entry
        }
      }
      if (!next) break
      this.#tasks = this.#tasks.filter(entry => entry !== next)
      this.#now = Math.max(this.#now, next.at)
      next.task()
    }
    this.#now = until
  }
}
