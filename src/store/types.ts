import type { Contact } from '../cluster/contact.ts'
import type { Entry, HardState, Index, Persist, SnapshotMeta, Term } from '../raft/types.ts'
import type { EventData, NodeDescription } from '../state/events.ts'
import type { Row } from '../state/types.ts'

/** The seam under the agent: bytes at rest. SQLite implements it, and the simulator's disk does; both pass test/contract. */

/** By whom and with what an init was asked of a voter. */
export interface PreparedInit {
  readonly coordinator: string
  readonly name: string
  readonly voters: readonly Contact[]
  /** Wall clock, ms. */
  readonly at: number
  /** False: raft has not been started, so nothing was voted or promised: may be dropped safely. */
  readonly started: boolean
  /** Nodes that are new wait for an operator, from the first event on. */
  readonly approve?: boolean
  /** Once started: who the control nodes are, for the first event. */
  readonly control?: readonly NodeDescription[]
}

/** What a node knows of itself, besides log and state. Small, written whole, durable on return. */
export interface NodeFacts {
  readonly id: string
  readonly name: string
  /** +1 at each boot and each refutation. */
  readonly incarnation: number
  /** Absent: an empty node. */
  readonly cluster?: {
    readonly tag: string
    readonly name: string
    readonly epoch: number
    readonly metaVersion: number
    /** Which rescue of a lost quorum the history goes back to; absent: none. */
    readonly lineage?: number
    /** Deletions up to this event are forgotten in this epoch; absent: none. */
    readonly horizon?: number
    /** What this node knows of the event log, for one that does not carry it; may lag by a minute. */
    readonly seen?: number
    /** Where the control nodes were last seen, and the fingerprints of the keys that they are known by. */
    readonly control: readonly (Contact & { readonly key?: string })[]
  }
  /** Present: this node is or is about to be part of a raft group. */
  readonly group?: {
    readonly tag: string
    /** A rescue that this node begins, until its event is agreed. */
    readonly rescue?: EventData['ClusterRecovered'] & { readonly actor: string }
    /** Still waiting for `ClusterInitialised`. */
    readonly prepared?: PreparedInit
  }
  /**
   * What it had promised in the log that it laid down last: whoever still counts it there, and gives it that log anew,
   * must not find a voter that has forgotten.
   */
  readonly promised?: {
    readonly tag: string
    readonly lineage: number
    readonly term: number
    readonly vote: string | null
  }
  /** An init that this node gave up before it began: nothing was promised, so it may begin yet if another voter has. */
  readonly abandoned?: { readonly tag: string; readonly prepared: PreparedInit }
  /** Peers to try at the next boot, besides the configured seeds, and the keys that they are known by. */
  readonly known: readonly (Contact & { readonly key?: string })[]
  /** Operator's wish `hive join ADDR`, kept until in the logical topology. */
  readonly joining: readonly string[]
  /**
   * It belonged to that cluster in an epoch that is over, and bootstraps anew: as the node that it was, or
   * not at all.
   */
  readonly returning?: {
    readonly tag: string
    readonly name: string
    /** The one that refused it; older ones, and others of the same number, are not what it looks for. */
    readonly epoch: number
    readonly lineage: number
  }
  /** It left its cluster on an operator's word: seeds are not dialled until `hive join`. */
  readonly left?: boolean
}

/** The rows that a run of applied entries changed; one transaction together with `index`. */
export interface StateBatch {
  readonly index: Index
  readonly term: Term
  /** Configuration in force at `index`. */
  readonly config: SnapshotMeta['config']
  readonly rows: readonly Row[]
}

/** What a raft node finds on its disk. */
export interface Loaded {
  readonly hardState: HardState
  /** What the log starts after: {index: 0, term: 0} in a new one. */
  readonly snapshot: SnapshotMeta
  readonly entries: readonly Entry[]
  /** How far the rows go. */
  readonly applied: Index
  readonly rows: Iterable<Row>
}

/** Why the disk does not do what it should. After one of these a group's store writes nothing more. */
export interface StorageFailure {
  readonly kind: 'full' | 'io' | 'corrupt'
  readonly message: string
}

/** A consistent copy of the applied state, to be sent in chunks. */
export interface SnapshotSource {
  readonly meta: SnapshotMeta
  /** Total bytes. */
  readonly size: number
  /** At most `length` bytes from `offset`. */
  read(offset: number, length: number): Uint8Array
  /** Frees it. */
  close(): void
}

/** A consistent copy of the applied state, to be read row by row. */
export interface RowsCopy {
  readonly meta: SnapshotMeta
  /** On disk, about: what somebody who waits may be told. */
  readonly size: number
  find(table: string, key: string): Row | undefined
  /** The next rows by table and key, about so many bytes of them; none: that was all. */
  next(bytes: number): readonly Row[]
  /** Frees it. */
  close(): void
}

/** A snapshot that this node keeps for its operator. */
export interface BackupFile {
  readonly name: string
  readonly bytes: number
}

/** Files of whole snapshots; every callback comes later, and a failure says why in words. */
export interface Backups {
  /** Where they are, for people. */
  readonly folder: string
  list(done: (failure: string | undefined, files: readonly BackupFile[]) => void): void
  /** A file that is there whole, synced and private, or not at all: named when `finish` is done. */
  write(name: string): BackupWriter
  read(
    name: string,
    offset: number,
    length: number,
    done: (failure: string | undefined, bytes: Uint8Array) => void,
  ): void
  remove(name: string, done: (failure?: string) => void): void
}

/** One thing at a time: the next is asked for when the one before is done. */
export interface BackupWriter {
  append(bytes: Uint8Array, done: (failure?: string) => void): void
  finish(done: (failure?: string) => void): void
  drop(): void
}

/** When the log in memory and on disk is cut, and what is left of it. */
export interface Compaction {
  /** Once it is so many entries long or so many bytes large… */
  readonly entries: number
  readonly bytes: number
  /** …and so many entries are kept for followers that are a little behind; */
  readonly margin: number
  /** one that is answering but slow is waited for until the log is so many times as long. */
  readonly patience: number
}

export const usualCompaction: Compaction = {
  entries: 20_000,
  bytes: 16 * 1024 * 1024,
  margin: 5_000,
  patience: 8,
}

/** Log and applied state of one raft group on this node. */
export interface GroupStore {
  /** Undefined: the usual. */
  readonly compaction?: Compaction
  /**
   * Writes a batch and calls `done` when it is durable. Batches queue and are grouped; `done`s
   * come in order. With `batch.snapshot`, the received snapshot takes the place of log and state first.
   */
  write(batch: Persist, done: (failure?: StorageFailure) => void): void
  /** Lazily durable; never overtakes the log. `failed` hears of trouble. */
  save(batch: StateBatch): void
  /** Drops entries up to and including `through` (≤ the saved state's index), lazily. */
  compact(through: Index, term: Term): void
  /** A copy of the saved state. `done` in any case, also when the group is closed or set aside meanwhile. */
  takeSnapshot(done: (failure: StorageFailure | undefined, source?: SnapshotSource) => void): void
  /** The same, for who wants its rows. */
  copyRows(done: (failure: StorageFailure | undefined, copy?: RowsCopy) => void): void
  /** Chunks of a snapshot from the leader, in order from offset 0; 0 starts anew. Throws on a full disk. */
  receiveChunk(offset: number, bytes: Uint8Array): void
  /** The received snapshot's rows, after `write` with it was durable. */
  installed(): { readonly applied: Index; readonly rows: Iterable<Row> }
  /** Bytes of the log on disk, about. */
  logBytes(): number
  close(done: () => void): void
}

export interface Storage {
  readFacts(): NodeFacts | undefined
  /** Durable on return; throws StorageFailure-like OperatorError STORAGE. */
  writeFacts(facts: NodeFacts): void
  /** Is there a group on disk? */
  hasGroup(): boolean
  /** Opens or creates the raft group's log and state. `failed`: an asynchronous failure. */
  openGroup(failed: (failure: StorageFailure) => void): {
    readonly loaded: Loaded
    readonly store: GroupStore
  }
  /** A new group's first configuration (before any entry); overwrites nothing. */
  createGroup(first: SnapshotMeta, hardState: HardState, rows: readonly Row[]): void
  /** Sets log and state, where there are any, aside under `label` (a folder, not deleted) and says where; `facts` beside them. */
  setAside(label: string, facts?: NodeFacts): string
  readonly backups: Backups
  close(done: () => void): void
}
