/** Monotonic milliseconds of one process; only differences mean anything. May be fractional. */
export type Instant = number

/** A length of time in milliseconds. */
export type Millis = number

/** Milliseconds since 1970-01-01T00:00Z, as the machine's wall clock says; may jump. */
export type EpochMillis = number

/** Something scheduled that can still be called off. */
export interface Timer {
  cancel(): void
}

/** The only door through which time enters. The process lends a real one, the simulator its own. */
export interface Clock {
  now(): Instant
  wall(): EpochMillis
  /** Runs `task` once, `delay` ms from now, never before the current turn ends. */
  after(delay: Millis, task: () => void): Timer
  /** Runs `task` once the input of the current turn has been taken in (setImmediate). */
  soon(task: () => void): void
}
