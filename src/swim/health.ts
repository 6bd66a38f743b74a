import type { Millis } from '../base/time.ts'

/**
 * How far this node should trust its own ears (Lifeguard §IV-A, local health multiplier). 0 is
 * healthy. Probes that fail without the nacks that were due, accusations against oneself and a late
 * crank raise it; answered probes lower it. Probe period and timeout grow with it, so that a starved node
 * listens longer before it accuses.
 */
export class Health {
  readonly #max: number
  #score = 0

  constructor(max: number) {
    this.#max = max
  }

  get score(): number {
    return this.#score
  }

  change(by: number): void {
    this.#score = Math.min(this.#max, Math.max(0, this.#score + by))
  }

  scale(duration: Millis): Millis {
    return duration * (1 + this.#score)
  }
}
