import type { Instant } from './time.ts'

/**
 * A room that decides: told what happened, it says what it wants done, and is told when that is
 * done. It touches nothing itself. One driver drives every machine; the simulator is one more driver.
 */
export interface Machine<Input, Ready, Done> {
  /** Time has passed. May be called at any time, often or seldom. */
  tick(now: Instant): void
  /** Something happened. */
  step(input: Input, now: Instant): void
  /** What it wants done now; undefined: at rest. Taking it empties it. */
  ready(): Ready | undefined
  /** Work of an earlier `ready` finished. */
  advance(done: Done, now: Instant): void
  /** When `tick` next has something to do; undefined: never. */
  wakeAt(): Instant | undefined
}
