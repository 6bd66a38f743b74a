import type { StatusReport } from '../api/types.ts'
import type { Millis } from '../base/time.ts'

/** What a live view shows: the last report, and why there is no newer one. */
export interface Frame {
  readonly report: StatusReport | null
  /** Null: the report is fresh. */
  readonly problem: string | null
  /** Lines of whoever owns the view, below the report. */
  readonly footer: readonly string[]
}

export const refreshPeriod: Millis = 1000

/** Asks again and again; a failure keeps the last report on the screen. */
export class StatusSource {
  readonly #ask: () => Promise<StatusReport>
  readonly #footer: () => readonly string[]
  #last: StatusReport | null = null

  constructor(ask: () => Promise<StatusReport>, footer: () => readonly string[] = () => []) {
    this.#ask = ask
    this.#footer = footer
  }

  get last(): StatusReport | null {
    return this.#last
  }

  async next(): Promise<Frame> {
    try {
      this.#last = await this.#ask()
      return { report: this.#last, problem: null, footer: this.#footer() }
    } catch (error) {
      return { report: this.#last, problem: (error as Error).message, footer: this.#footer() }
    }
  }
}
