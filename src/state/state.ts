import type { Entry } from '../raft/types.ts'
import type { HiveEvent, LoggedEvent, NodeId } from './events.ts'
import type { Applied, ClusterRecord, KvEntry, NodeRecord, Row, Tombstone } from './types.ts'

// Contract of the room; the body is to be written (apply.ts, kv.ts, … as rooms of their own).
// Raft's Entry is only looked at through `EntryLike` so that state does not import raft.
export type EntryLike = Pick<Entry, 'index' | 'term' | 'type'>
export interface StateContract {
  readonly cluster: ClusterRecord | null
  readonly nodes: ReadonlyMap<NodeId, NodeRecord>
  readonly tombstones: ReadonlyMap<NodeId, Tombstone>
  /** Last entry applied. */
  readonly applied: number
  readonly term: number
  /** Set when an unknown event type or newer version stopped application: the version needed. */
  readonly stopped: { readonly at: number; readonly type: string; readonly needs: number } | null
  nodeByName(name: string): NodeRecord | undefined
  /** Administrative events (everything but Kv*), newest last, bounded (10 000). */
  history(from: number, limit: number): readonly LoggedEvent[]
  kvGet(key: string): KvEntry | undefined
  /** In key order, from `prefix`; at most `limit`. */
  kvList(prefix: string, limit?: number): readonly KvEntry[]
  /** Highest ModifyIndex under the prefix, deletions included (tombstone index): for blocking queries. */
  kvIndex(prefix: string, recurse: boolean): number
  /** Deterministic; the outcome of a retried request is the first one's. */
  apply(entry: EntryLike & { event?: HiveEvent }): Applied
  /** Rows changed since the last call; empties. */
  takeRows(): Row[]
  /** A digest of everything applied, for the simulator: equal state at equal index. */
  fingerprint(): string
}
