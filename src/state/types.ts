import type { Address } from '../base/address.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { EpochMillis } from '../base/time.ts'
import type {
  Actor,
  HiveEvent,
  LoggedEvent,
  NodeDescription,
  NodeId,
  RoleState,
  TokenUse,
} from './events.ts'

/** What the agreed events add up to. Shapes only. */

/** An event that this build cannot read, and the events' version that can. */
export interface UnknownEvent {
  readonly unknown: { readonly type: string; readonly needs: number }
}

/** An entry of the agreed log as this room sees it: raft's own, with the data decoded. */
export type EntryLike = { readonly index: number; readonly term: number } & (
  | {
      readonly type: 'noop'
      readonly leader?: NodeId
      readonly cause?: string
      readonly time?: EpochMillis
    }
  | {
      readonly type: 'config'
      readonly time?: EpochMillis
      readonly by?: string
      readonly config: {
        readonly voters: readonly NodeId[]
        readonly outgoing: readonly NodeId[]
        readonly learners: readonly NodeId[]
        readonly learnersNext: readonly NodeId[]
      }
    }
  | { readonly type: 'data'; readonly event: HiveEvent | UnknownEvent }
)

/** How far a node is in the logical topology, as the log says. */
export type NodePhase = 'recovering' | 'ready' | 'draining' | 'drained' | 'leaving' | 'failed'

export interface NodeRecord {
  readonly id: NodeId
  readonly name: string
  readonly address: Address
  readonly dc: string
  readonly version: string
  readonly incarnation: number
  readonly phase: NodePhase
  /** What it was before it failed or began to drain, to return to. */
  readonly before: NodePhase | null
  readonly drainDeadline: EpochMillis | null
  /** While it has failed: when that was agreed. */
  readonly failedAt?: EpochMillis
  readonly roles: readonly {
    readonly name: string
    readonly state: RoleState
    readonly detail: string
  }[]
  readonly admittedAt: number
  readonly changedAt: number
  /** SHA-256 of its public key; absent until it is known. */
  readonly key?: string
  /** Id of the token that let it in; absent: none did. */
  readonly token?: string
}

/** Kept for a while after it expired or was revoked, so that who comes with it reads what is wrong. */
export interface TokenRecord {
  readonly id: string
  /** SHA-256 of its secret, hexadecimal. */
  readonly hash: string
  readonly name: string
  readonly expires: EpochMillis | null
  readonly use: TokenUse
  /** Nodes that it let in. */
  readonly used: number
  readonly revoked: EpochMillis | null
  readonly by: Actor
  readonly createdAt: number
  readonly time: EpochMillis
}

/** A node that an operator has to decide about, or has refused. */
export interface JoinRequest {
  readonly node: NodeDescription
  readonly token?: string
  readonly requestedAt: number
  readonly since: EpochMillis
  /** null: it waits. */
  readonly refused: {
    readonly reason: string
    readonly by: Actor
    readonly time: EpochMillis
  } | null
}

/** An authority that is believed; the one created last certifies. */
export interface CaRecord {
  readonly fingerprint: string
  readonly certificate: string
  readonly sealedKey: string
  readonly createdAt: number
  readonly time: EpochMillis
}

/** A node's latest certificate; kept while it is valid, though the node is gone. */
export interface CertificateRecord {
  readonly id: NodeId
  readonly serial: string
  readonly notBefore: EpochMillis
  readonly notAfter: EpochMillis
  readonly fingerprint: string
  readonly ca: string
}

export interface GossipKeyRecord {
  readonly id: number
  /** Empty for key 0, which is derived from the secret. */
  readonly sealed: string
  readonly addedAt: number
}

export interface Tombstone {
  readonly id: NodeId
  readonly name: string
  /** The one that left: only a later one may come back. */
  readonly incarnation: number
  readonly leftAt: number
  readonly time: EpochMillis
  readonly reason: string
}

export interface ClusterRecord {
  readonly tag: string
  readonly name: string
  readonly epoch: number
  readonly metaVersion: number
  /** Product version that ran `init`. */
  readonly version: string
  readonly settings: Readonly<Record<string, string>>
  /** Which rescue of a lost quorum this history goes back to; absent: none. */
  readonly lineage?: number
  /** Deletions up to this index are forgotten; absent: none. */
  readonly horizon?: number
  /** Events up to this version may be proposed; absent: `ungatedEvents`. */
  readonly events?: number
}

/** Consul's shape of an entry (`/v1/kv`), value as bytes. */
export interface KvEntry {
  readonly key: string
  readonly value: Uint8Array
  readonly flags: number
  readonly createIndex: number
  readonly modifyIndex: number
  readonly lockIndex: number
}

/**
 * What an entry came to. Kept for retried requests, and handed to whoever proposed it; so `value` is
 * plain JSON. `index` is the entry's own, for KvPut the key's ModifyIndex after it.
 */
export type Outcome =
  | { readonly ok: true; readonly index: number; readonly value?: unknown }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly remedy?: string
    }

/** One applied entry: its outcome, and what to show in the event log if it is to be shown. */
export interface Applied {
  readonly outcome: Outcome
  readonly event?: LoggedEvent
}

/** A row of the applied state: what `state` says changed, and what it is loaded from. */
export interface Row {
  readonly table: string
  readonly key: string
  /** null: the row is gone. */
  readonly json: string | null
  /** Only with `json`, which then describes it. */
  readonly blob: Uint8Array | null
}
