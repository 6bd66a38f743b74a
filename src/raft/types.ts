/** The words of the raft room: what goes in, what comes out. Shapes only. */

import type { EpochMillis } from '../base/time.ts'

/** A node's id; raft neither knows nor needs addresses. */
export type PeerId = string
/** Position in the log, from 1; 0 is "before the first". */
export type Index = number
export type Term = number

/** Who votes (Ongaro's thesis §4.3, joint consensus; etcd's confState). */
export interface Configuration {
  readonly voters: readonly PeerId[]
  /** The old majority while a change is under way; empty when not joint. */
  readonly outgoing: readonly PeerId[]
  readonly learners: readonly PeerId[]
  /** Voters that become learners when the joint state is left. */
  readonly learnersNext: readonly PeerId[]
}

export type Entry =
  | {
      readonly index: Index
      readonly term: Term
      readonly type: 'noop'
      /** Who took office with it; absent: written before leaders said so. */
      readonly leader?: PeerId
      /** An `ElectionCause`, or the word of a newer build. */
      readonly cause?: string
      /** The leader's wall clock then, for people; raft itself does not look at it. Absent: an older build wrote it. */
      readonly time?: EpochMillis
    }
  | { readonly index: Index; readonly term: Term; readonly type: 'data'; readonly data: Uint8Array }
  | {
      readonly index: Index
      readonly term: Term
      readonly type: 'config'
      readonly config: Configuration
      /** As above. */
      readonly time?: EpochMillis
      /** Who asked for the change, for people; only beside a time. Absent: nobody said. */
      readonly by?: string
    }

/** What must survive a crash besides the entries. `commit` may lag. */
export interface HardState {
  readonly term: Term
  readonly vote: PeerId | null
  readonly commit: Index
  /** Which rescue this node's group goes back to; absent: 0, none. */
  readonly lineage?: number
}

/** What a snapshot stands for: everything up to and including `index`. */
export interface SnapshotMeta {
  readonly index: Index
  readonly term: Term
  readonly config: Configuration
}

/** What a raft starts from: read from disk, or made for a new group. */
export interface Initial {
  readonly hardState: HardState
  readonly snapshot: SnapshotMeta
  /** Every entry after `snapshot.index`, without gaps. */
  readonly entries: readonly Entry[]
  /** The driver has applied and saved up to here (≥ snapshot.index); hardState.commit may lag behind it. */
  readonly applied: Index
}

interface Envelope {
  readonly from: PeerId
  readonly to: PeerId
  readonly term: Term
  /** Of the sender; absent: 0. Whoever is of another does not listen. */
  readonly lineage?: number
}

export type Message = Envelope &
  (
    | {
        readonly type: 'pre-vote'
        readonly lastIndex: Index
        readonly lastTerm: Term
        readonly transfer: boolean
      }
    | { readonly type: 'pre-vote-response'; readonly granted: boolean }
    | {
        readonly type: 'vote'
        readonly lastIndex: Index
        readonly lastTerm: Term
        readonly transfer: boolean
      }
    | { readonly type: 'vote-response'; readonly granted: boolean }
    | {
        readonly type: 'append'
        readonly prevIndex: Index
        readonly prevTerm: Term
        readonly commit: Index
        readonly entries: readonly Entry[]
      }
    | {
        readonly type: 'append-response'
        /** Accepted: the last index known to match. Rejected: the `prevIndex` that did not match. */
        readonly index: Index
        readonly rejected: boolean
        /** Where the leader should look next (thesis §5.3's fast backtracking); 0 unless rejected. */
        readonly hintIndex: Index
        readonly hintTerm: Term
      }
    | { readonly type: 'heartbeat'; readonly commit: Index; readonly round: number }
    | { readonly type: 'heartbeat-response'; readonly round: number }
    /** The chunks went before, over the driver's own channel; this says that they are complete. */
    | { readonly type: 'snapshot'; readonly snapshot: SnapshotMeta }
    | { readonly type: 'timeout-now' }
  )

/** A batch for the disk. Batches are written in the order of `id` and become durable in that order. */
export interface Persist {
  readonly id: number
  readonly hardState?: HardState
  /** Entries from `entries[0].index` on replace whatever the log holds from there. */
  readonly entries: readonly Entry[]
  /** Replace log and state by this received snapshot, before `entries`. */
  readonly snapshot?: SnapshotMeta
}

/** What raft wants done, in one go; `raft/README.md` lists the driver's duties by number. */
export interface Ready {
  /** Write this; then `advance({persisted: id})`. */
  readonly persist?: Persist
  /** May leave at once, before the disk has answered. */
  readonly send: readonly Message[]
  /** Must not leave before `persist` is durable. Empty when there is no `persist`. */
  readonly sendAfter: readonly Message[]
  /** Committed, and durable here unless this node leads: apply in order, then `advance({applied: index})`. */
  readonly commit: readonly Entry[]
  /** Reads asked for with `readIndex` that may be served once `index` is applied. */
  readonly reads: readonly { readonly context: number; readonly index: Index }[]
  /** Reads that lost their leader: answer NOT_LEADER. */
  readonly readsRefused: readonly number[]
  /** Peers that need a snapshot: send them one in chunks, then `snapshotSent(peer, ok)`. */
  readonly snapshots: readonly PeerId[]
  /** Present when rank, term or leader changed since the last `ready`. */
  readonly rank?: {
    readonly rank: Rank
    readonly term: Term
    readonly leader: PeerId | null
    /** What brought it about, where this node knows. */
    readonly why?: ElectionCause | OfficeLost
  }
}

/**
 * Why a node stood for election: there was none before, or it heard no leader for its timeout, or had evidence that the leader's
 * process is gone, or the leader handed over to it, or an operator rescued a lost quorum.
 */
export type ElectionCause = 'first' | 'timeout' | 'evidence' | 'transfer' | 'rescue'

/** Why a leader is none any more: no quorum answered it, it is no voter any more, its disk failed. */
export type OfficeLost = 'no-quorum' | 'resigned' | 'disk'

export type Rank = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

export type Done = { readonly persisted: number } | { readonly applied: Index }

export interface RaftConfig {
  readonly id: PeerId
  /** Leader's heartbeat period, ms. Default 75. */
  readonly heartbeat: number
  /** A follower waits between this and twice this, ms, before it campaigns. Default 500. */
  readonly electionTimeout: number
  /** A commit index waits so long for entries to travel with, ms, then it goes alone. Absent: 0. */
  readonly commitDelay?: number
  /** Bytes of entries in one append message. Default 256 KiB. */
  readonly maxAppendBytes: number
  /** Append messages on their way to one follower. Default 64. */
  readonly maxInflight: number
  /** Bytes of entries proposed and not yet committed; more proposals are refused. Default 64 MiB. */
  readonly maxUncommittedBytes: number
}

export type ProposeResult =
  | { readonly ok: true; readonly first: Index; readonly term: Term }
  | { readonly ok: false; readonly why: 'not-leader' | 'transferring' | 'full' }

/** An arbitrary voter change (joint consensus). Promotion of a learner is: add it to `voters`. */
export interface ConfigChange {
  readonly voters: readonly PeerId[]
  readonly learners: readonly PeerId[]
  /** Who asked for it: goes into the entries, of which every node must be able to read that much. */
  readonly by?: string
}

export type ChangeResult =
  | { readonly ok: true; readonly index: Index; readonly term: Term }
  | {
      readonly ok: false
      readonly why: 'not-leader' | 'change-pending' | 'no-voters' | 'not-caught-up' | 'transferring'
    }

/** What `status()` shows: for operators, tests and the simulator's checkers. */
export interface RaftStatus {
  readonly id: PeerId
  readonly rank: Rank
  readonly term: Term
  readonly vote: PeerId | null
  readonly leader: PeerId | null
  readonly commit: Index
  readonly applied: Index
  /** Its commit index is what this term's leader last said, or its own as leader: no log that still arrives. */
  readonly informed: boolean
  readonly firstIndex: Index
  readonly lastIndex: Index
  readonly config: Configuration
  /** Which rescue the group goes back to; 0: none. */
  readonly lineage: number
  /** Leader only: what it knows of each peer. */
  readonly progress: readonly {
    readonly id: PeerId
    readonly match: Index
    readonly next: Index
    readonly state: 'probe' | 'replicate' | 'snapshot'
    readonly recentlyActive: boolean
    readonly learner: boolean
  }[]
}
