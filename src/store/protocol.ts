import type { Index, SnapshotMeta, Term } from '../raft/types.ts'
import type { StorageFailure } from './types.ts'

/**
 * What the main thread and the log thread say to each other. Bytes are handed over, not copied;
 * nothing is an object per entry.
 */
export type ToThread =
  /** `bytes`: entry-codec.ts. `received`: the file of the snapshot that the batch installs. */
  | {
      readonly op: 'write'
      readonly serial: number
      readonly bytes: Uint8Array
      readonly received?: string
    }
  /** `bytes`: row-codec.ts. */
  | { readonly op: 'save'; readonly bytes: Uint8Array }
  | { readonly op: 'compact'; readonly through: Index; readonly term: Term }
  | { readonly op: 'copy'; readonly serial: number; readonly path: string }
  /** Answered when nothing is left to do. */
  | { readonly op: 'flush'; readonly serial: number }
  | { readonly op: 'close' }

export type FromThread =
  /** Every write up to this serial is durable. `logBytes`: of the entries kept. */
  | { readonly op: 'durable'; readonly serial: number; readonly logBytes: number }
  | {
      readonly op: 'copied'
      readonly serial: number
      readonly meta: SnapshotMeta
      readonly size: number
    }
  | { readonly op: 'not-copied'; readonly serial: number; readonly failure: StorageFailure }
  /** A compaction is finished. */
  | { readonly op: 'dropped'; readonly logBytes: number }
  | { readonly op: 'flushed'; readonly serial: number }
  /** Nothing is written any more. */
  | { readonly op: 'failed'; readonly failure: StorageFailure }
  | { readonly op: 'closed' }

/** What the log thread starts from. */
export interface ThreadSetup {
  readonly dir: string
  /** Of the entries kept, as counted when they were loaded. */
  readonly logBytes: number
  /** Set to 1, and notified, once the files are closed: for who must wait without turning the loop. */
  readonly closed: Int32Array
  readonly tuning: StoreTuning
}

export interface StoreTuning {
  /** The applied state may lag so long, ms. Default 200. */
  readonly saveDelay?: number
  /** A write-ahead log is moved into its database when it has grown by so many bytes. Default 8 or 16 MiB… */
  readonly walBytes?: number
  /** …or by so many, if nothing is asked of the disk for a while. Default 512 KiB. */
  readonly quietWalBytes?: number
  /** log.db and state.db may not grow beyond so many pages of 4 KiB: a full disk for tests. */
  readonly maxLogPages?: number
  readonly maxStatePages?: number
}
