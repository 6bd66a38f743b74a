import type { ErrorCode, Problem } from '../base/errors.ts'
import type { ServiceDefinition, ServiceReport } from '../base/service.ts'
import type { LoggedEvent, RoleState } from '../state/events.ts'
import type { KvEntry } from '../state/types.ts'
import type { DoctorReport } from './doctor-types.ts'
import type { JoinRequestReport, NewToken, TokenReport, TokenWish } from './token-types.ts'
import type { CaReport, KeysReport } from './trust-types.ts'

/** JSON shapes of the API, shared with the client; and what the API needs from the agent, as `Backend`. */

export type { CheckDefinition, ServiceDefinition, ServiceReport } from '../base/service.ts'

export type NodeState =
  | 'zombie'
  | 'validating'
  /** For an operator to let it in. */
  | 'waiting'
  | 'recovering'
  | 'ready'
  | 'draining'
  | 'drained'
  | 'leaving'
  | 'left'
  | 'unreachable'
  | 'failed'

export interface StatusNode {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly state: NodeState
  readonly control: 'leader' | 'voter' | 'observer' | 'none'
  readonly roles: readonly {
    readonly name: string
    readonly state: RoleState
    readonly detail?: string
  }[]
  readonly dc: string
  readonly version: string
  readonly incarnation: number
  /** Names of those who cannot reach it, while suspect or unreachable. */
  readonly accusers?: readonly string[]
}

/** A control node that does not answer. */
export interface MissingVoter {
  readonly name: string
  /** `failed`: agreed. `unreachable`: whoever reports does not hear it now. */
  readonly state: 'failed' | 'unreachable'
  /** ms since 1970, by the log; null: it is not agreed that it failed. */
  readonly since: number | null
  /** Who gets its vote by itself, and from when on. */
  readonly heir?: string
  readonly heirFrom?: number
}

/** `GET /v1/hive/status`, `hive status --json`. */
export interface StatusReport {
  readonly cluster: {
    readonly name: string | null
    readonly tag: string | null
    readonly state: 'zombie' | 'active' | 'degraded'
    readonly epoch: number
    readonly metaVersion: number
    /** Its name. */
    readonly leader: string | null
    readonly term: number
    readonly commitIndex: number
    readonly quorum: {
      readonly voters: number
      readonly needed: number
      readonly reachable: number
      /** So many more control nodes may be lost before nothing can be decided. */
      readonly survives?: number
      /** Control nodes that do not answer; absent: an older agent's report. */
      readonly missing?: readonly MissingVoter[]
    }
  }
  readonly nodes: readonly StatusNode[]
  /** This agent's node name. */
  readonly self: string
  /** True: from this node's own, possibly old, knowledge, because no control node answered. */
  readonly stale: boolean
  /** The control node that remembers a stale report; absent: `self` does. */
  readonly toldBy?: string
  /** Ids of the nodes that this agent watches itself; of the others this is the control plane's word. Absent: all. */
  readonly watches?: readonly string[]
  /** There is a cluster, and it did not admit this node; a notice says why in words. */
  readonly refused?: ErrorCode
  /** Things a tired person should read: storage failure, why a join waits, foreign packets … */
  readonly notices: readonly string[]
}

export interface InitAnswer {
  readonly tag: string
  readonly name: string
  /** Names of the control nodes. */
  readonly control: readonly string[]
  /** Why these, when hive chose. */
  readonly why: string
  /** The command that adds a node; with a token, which is read from the file join.token. */
  readonly join: string
  /** Lets nodes in for a day; absent: they need none here, or the cluster could not make one yet. */
  readonly token?: NewToken
  /** The same init had already happened. */
  readonly repeated: boolean
}

export interface JoinAnswer {
  /** `waiting`: for an operator to let it in. */
  readonly state: 'zombie' | 'joined' | 'trying' | 'waiting'
  readonly cluster: string | null
  readonly detail: string
}

/** What would happen, before anything does. */
export interface DrainVerdict {
  readonly node: string
  readonly allowed: boolean
  readonly lines: readonly { readonly level: 'ok' | 'warn' | 'refuse'; readonly text: string }[]
}

export interface DrainProgress {
  readonly node: string
  readonly state: NodeState
  readonly verdict?: DrainVerdict
  /** In order: leadership first, then each role. */
  readonly steps: readonly {
    readonly what: string
    readonly state: 'waiting' | 'running' | 'done' | 'failed'
    readonly detail: string
  }[]
  /** Pass as `index` to wait for the next change. */
  readonly index: number
}

export interface RoleReport {
  readonly name: string
  readonly description: string
  readonly provides: readonly string[]
  readonly requires: readonly string[]
  readonly nodes: readonly {
    readonly node: string
    readonly state: RoleState
    readonly detail: string
  }[]
}

export interface ControlAnswer {
  readonly voters: readonly string[]
  readonly observers: readonly string[]
  readonly metaVersion: number
}

/** `GET /v1/hive/settings`. */
export interface SettingReport {
  readonly name: string
  readonly value: string
  readonly default: string
  readonly meaning: string
}

/** `GET /v1/hive/recover`: what a rescue of a lost quorum would do. */
export interface RecoveryPlan {
  /** Its name, to be typed by whoever means it. */
  readonly cluster: string
  readonly possible: boolean
  readonly why: string
  /** Names. */
  readonly leader: string | null
  readonly voters: readonly string[]
  readonly lost: readonly string[]
  /** The new one. */
  readonly epoch: number
  readonly consequences: readonly string[]
  readonly control: readonly {
    readonly name: string
    readonly address: string
    readonly votes: boolean
    readonly answers: boolean
    readonly epoch?: number
    readonly term?: number
    readonly lastTerm?: number
    readonly lastIndex?: number
    readonly commitIndex?: number
    /** ms since it heard a leader; null: not since it started. */
    readonly leaderless?: number | null
    /** ms since the last event that it applied. */
    readonly lastEvent?: number | null
    readonly disk?: boolean
  }[]
}

export interface RecoveryAnswer {
  readonly epoch: number
  readonly metaVersion: number
  readonly leader: string
  readonly voters: readonly string[]
  /** Wanted as voters, and not there yet. */
  readonly missing: readonly string[]
}

/** `GET /v1/hive/why`, `hive why --json`: what happened, newest last, and what it comes to. */
export interface WhyReport {
  /** A node's name, or `election` or `epoch`. */
  readonly subject: string
  readonly lines: readonly {
    /** Of the event; absent: of a node's own journal. */
    readonly seq?: number
    /** ms since 1970. */
    readonly time: number
    /** Whose journal says so. */
    readonly where?: string
    readonly text: string
    readonly actor?: string
  }[]
  readonly conclusion: string
  /** Control nodes whose journals are missing because they did not answer. */
  readonly silent: readonly string[]
  /** Nobody leads: the control node whose log this is, which may be behind. */
  readonly toldBy?: string
}

/** `hive log --file`: a log that was set aside. */
export interface KeptEvents {
  /** Null: of a node that never applied an event. */
  readonly cluster: string | null
  readonly epoch: number
  /** What comes after was not known to be agreed by the node that wrote it. */
  readonly commitIndex: number
  readonly lastIndex: number
  /** By node id. */
  readonly names: Readonly<Record<string, string>>
  readonly events: readonly LoggedEvent[]
}

export interface SnapshotStream {
  /** The cluster's. */
  readonly name: string
  readonly index: number
  /** Bytes, about. */
  readonly size: number
  readonly pieces: AsyncIterable<Uint8Array>
}

/** `GET /v1/hive/snapshots`, `hive snapshot list`: what this node keeps of its own making. */
export interface SnapshotList {
  readonly node: string
  readonly folder: string
  /** ms; null: none are made. */
  readonly every: number | null
  readonly keep: number
  /** Wall clock, ms; null: none is due. */
  readonly next: number | null
  /** Why the last one failed. */
  readonly failure: string | null
  /** Oldest first. */
  readonly snapshots: readonly {
    readonly name: string
    readonly bytes: number
    readonly cluster: string
    readonly index: number
    /** Wall clock, ms. */
    readonly taken: number
  }[]
}

/** `POST /v1/hive/snapshot/restore` */
export interface RestoreAnswer {
  /** Of the event from which on the data is that of the snapshot. */
  readonly index: number
  /** The new one. */
  readonly epoch: number
  readonly keys: number
  readonly added: number
  readonly changed: number
  readonly removed: number
}

export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    readonly remedy: string
    /** What is wrong with the request, piece by piece, where that is the trouble. */
    readonly problems?: readonly Problem[]
  }
}

/** How fresh a read must be: linearizable unless said otherwise. */
export type Consistency = 'default' | 'consistent' | 'stale'

export interface KvRead {
  readonly entries: readonly KvEntry[]
  /** X-Consul-Index: for a blocking query. */
  readonly index: number
  readonly leaderKnown: boolean
}

export interface KvQuery {
  readonly key: string
  readonly recurse: boolean
  /** With recurse: the keys are wanted, and every value comes empty. */
  readonly bare?: boolean
  readonly consistency: Consistency
  /** Blocking: wait until the index passes this… */
  readonly index?: number
  /** …at most this long, ms. */
  readonly wait?: number
  /** Blocking: nobody wants the answer any more; stop waiting. */
  readonly signal?: AbortSignal
}

/** What the API asks of the agent. Every method rejects with OperatorError; nothing blocks for ever. */
export interface Backend {
  status(): Promise<StatusReport>
  init(request: {
    name?: string
    control?: readonly string[]
    /** Nodes that are new wait for an operator. */
    approve?: boolean
    actor: string
  }): Promise<InitAnswer>
  /** `token`: as `hive token create` printed it. */
  join(request: { address: string; token?: string; actor: string }): Promise<JoinAnswer>
  drain(request: {
    node: string
    cancel: boolean
    dryRun: boolean
    force: boolean
    /** ms from now; null: none. */
    deadline: number | null
    reason: string
    actor: string
  }): Promise<DrainProgress>
  /** Resolves at the next change after `index`, or after `wait` ms with what there is. */
  drainProgress(request: {
    node: string
    index: number
    wait: number
    signal?: AbortSignal
  }): Promise<DrainProgress>
  /** `seq` of the event; null: the node has all of them already, and nothing was written. */
  assignRoles(request: {
    node: string
    roles: readonly string[]
    actor: string
  }): Promise<{ seq: number | null }>
  unassignRoles(request: {
    node: string
    roles: readonly string[]
    actor: string
  }): Promise<{ seq: number }>
  roles(): Promise<readonly RoleReport[]>
  /** A page of the event log from `from`; with `wait`, resolves empty after so many ms if nothing came. */
  log(request: {
    from: number
    limit: number
    type?: string
    /** The epoch of what the caller has read: where a rescue threw some of it away, the page begins with the rescue. */
    epoch?: number
    wait?: number
    signal?: AbortSignal
  }): Promise<{
    events: readonly LoggedEvent[]
    next: number
    /** To be given with `next`; absent: of an agent of a time before. */
    epoch?: number
    /** By id, of nodes in these events that are in the cluster no longer. */
    names?: Readonly<Record<string, string>>
  }>
  /** `node`: another node, that cannot say it itself; default: this one. */
  leave(request: {
    node?: string
    force: boolean
    actor: string
  }): Promise<{ left: true; advice?: string }>
  reset(request: { actor: string }): Promise<{ setAside: string }>
  promote(request: {
    node: string
    observer: boolean
    force: boolean
    actor: string
  }): Promise<ControlAnswer>
  demote(request: { node: string; force: boolean; actor: string }): Promise<ControlAnswer>
  /** Of this node, or of the one named. Changes nothing. */
  doctor(request: { node?: string }): Promise<DoctorReport>
  why(request: {
    about: 'node' | 'election' | 'epoch' | 'join'
    /** Node or joiner; '' otherwise. */
    name: string
  }): Promise<WhyReport>
  recoverPlan(request: { voters?: readonly string[] }): Promise<RecoveryPlan>
  /** `name`: the cluster's, as typed by whoever means it. */
  recoverApply(request: {
    name: string
    reason: string
    voters?: readonly string[]
    actor: string
  }): Promise<RecoveryAnswer>
  recoverYield(request: { actor: string }): Promise<{ setAside: string }>
  settings(): Promise<readonly SettingReport[]>
  /** An empty value: the default again. */
  changeSettings(request: {
    settings: Readonly<Record<string, string>>
    actor: string
  }): Promise<{ seq: number }>
  /** All of the replicated state at one index, as a snapshot file. `stale`: of a control node without a quorum. */
  snapshot(request: { stale: boolean }): Promise<SnapshotStream>
  snapshots(): Promise<SnapshotList>
  /** `name`: of this cluster, as typed by whoever means it. */
  restoreSnapshot(request: {
    bytes: AsyncIterable<Uint8Array>
    name: string
    /** The snapshot may be of another cluster. */
    fromAnother: boolean
    actor: string
  }): Promise<RestoreAnswer>
  kvRead(query: KvQuery): Promise<KvRead>
  /** `ok: false`: the cas index did not match. */
  kvPut(request: {
    key: string
    value: Uint8Array
    flags: number
    cas?: number
    actor: string
  }): Promise<{ ok: boolean; index: number }>
  kvDelete(request: {
    key: string
    recurse: boolean
    cas?: number
    actor: string
  }): Promise<{ ok: boolean; index: number }>
  registerService(definition: ServiceDefinition): Promise<void>
  deregisterService(id: string): Promise<void>
  services(): Promise<readonly ServiceReport[]>
  /** A TTL check reports. */
  reportCheck(request: {
    id: string
    status: 'passing' | 'warning' | 'critical'
    output: string
  }): Promise<void>
  ca(): Promise<CaReport>
  rotateCa(request: { actor: string }): Promise<CaReport>
  keys(): Promise<KeysReport>
  rotateKeys(request: { actor: string }): Promise<KeysReport>
  tokens(): Promise<readonly TokenReport[]>
  createToken(request: TokenWish & { readonly actor: string }): Promise<NewToken>
  /** `id`: or its beginning. */
  revokeToken(request: { id: string; actor: string }): Promise<{ id: string }>
  joinRequests(): Promise<readonly JoinRequestReport[]>
  /** `node`: name, id, or the beginning of one, of a node that asks to be let in. */
  admitNode(request: { node: string; actor: string }): Promise<JoinRequestReport>
  refuseNode(request: { node: string; reason: string; actor: string }): Promise<JoinRequestReport>
  /** Read-only: leader's address and the control nodes' addresses, Consul's `/v1/status/*`. */
  leaderAddress(): string
  peerAddresses(): readonly string[]
}

/** Key and value limits of the KV store, shown in every error about them. */
export const kvLimits = {
  keyBytes: 512,
  valueBytes: 512 * 1024,
  /**
   * Values in one answer. They come in base64 and are one string on the way out, which cannot be longer than half a
   * gigabyte; and who asks for so much at once seldom means to.
   */
  answerBytes: 256 * 1024 * 1024,
} as const
