import type { Millis } from '../../base/time.ts'
import type { Failed, Premises } from '../../cluster/doctor.ts'

/** What the doctor measures a machine with. The process has real ones; a simulation makes its own. */
export interface Instruments {
  /** Writes a little and syncs it in the data directory, up to `count` times or for `most` ms. */
  syncs(count: number, most: Millis, done: (found: readonly Millis[] | Failed) => void): void
  premises(done: (found: Premises | Failed) => void): void
  /** Undefined: this system does not say. */
  files(): { readonly used: number; readonly limit: number } | undefined
}
