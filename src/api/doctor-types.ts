/** What `hive doctor` shows: one node's examination. */
export interface DoctorReport {
  /** Name of the node that was examined. */
  readonly node: string
  /** The worst of its checks. */
  readonly verdict: DoctorVerdict
  readonly checks: readonly DoctorCheck[]
  /** ms that it took. */
  readonly took: number
}

export type DoctorVerdict = 'ok' | 'warn' | 'fail' | 'skipped'

export interface DoctorCheck {
  /** Stable, such as `disk-sync`. */
  readonly name: string
  readonly verdict: DoctorVerdict
  /** What was measured, in a line. */
  readonly figures: string
  /** What to do; '' where nothing is to be done. */
  readonly cure: string
  /** Where it is about other nodes: what each came to. */
  readonly peers?: readonly {
    readonly peer: string
    readonly verdict: DoctorVerdict
    readonly figures: string
  }[]
}
