import type { Clock, EpochMillis, Instant, Millis, Timer } from '../../src/base/time.ts'
import type { Life } from './queue.ts'
import type { Simulation } from './simulation.ts'

/** A machine's own idea of time; outlives its processes. */
export interface Watch {
  /** Local milliseconds per true millisecond: quartz is off by up to some 100 ppm. */
  readonly rate: number
  /** Wall clock minus true time, ms; jumps when somebody sets the date. */
  skew: number
}

/** True wall time when a run begins: 2026-01-01T00:00Z. */
const runsBegin: EpochMillis = 1_767_225_600_000

/** The clock that one process sees. Its monotonic time starts somewhere of its own. */
export class SimulatedClock implements Clock {
  readonly #simulation: Simulation
  readonly #watch: Watch
  readonly #life: Life
  readonly #offset: number

  constructor(simulation: Simulation, life: Life, watch: Watch = { rate: 1, skew: 0 }, offset = 0) {
    this.#simulation = simulation
    this.#life = life
    this.#watch = watch
    this.#offset = offset
  }

  now(): Instant {
    return this.#offset + this.#simulation.now * this.#watch.rate
  }

  wall(): EpochMillis {
    return Math.floor(runsBegin + this.#simulation.now * this.#watch.rate + this.#watch.skew)
  }

  after(delay: Millis, task: () => void): Timer {
    return this.#simulation.after(Math.max(0, delay) / this.#watch.rate, task, this.#life)
  }

  soon(task: () => void): void {
    this.#simulation.after(0, task, this.#life)
  }
}

export function newLife(name: string): Life {
  return { name, alive: true, frozen: false, thawing: false, deferred: [] }
}
