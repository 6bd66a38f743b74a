import type { EpochMillis } from '../base/time.ts'

/** What `hive ca` and `hive keys` show: whom the cluster believes. No secret is ever part of it. */

export interface CaReport {
  /** Oldest first. */
  readonly authorities: readonly {
    /** SHA-256 of its certificate, hexadecimal. */
    readonly fingerprint: string
    readonly created: EpochMillis
    readonly notAfter: EpochMillis
    /** PEM: for clients to believe. */
    readonly certificate: string
    /** True of one: it certifies; the others are only believed still. */
    readonly certifies: boolean
  }[]
  readonly certificates: readonly {
    /** Name; the id of a node that is gone. */
    readonly node: string
    readonly serial: string
    readonly notBefore: EpochMillis
    readonly notAfter: EpochMillis
    /** Fingerprint of its authority. */
    readonly authority: string
    /** The node was taken out: its certificate is refused. */
    readonly removed: boolean
  }[]
}

export interface KeysReport {
  /** Gossip is sent under this one. */
  readonly primary: number
  readonly keys: readonly {
    readonly id: number
    readonly state: 'arriving' | 'in use' | 'leaving'
    /** The event that brought it. */
    readonly seq: number
  }[]
  /** Names of the nodes that the next step of a rotation waits for. */
  readonly waitsFor: readonly string[]
}
