import type { Address } from '../base/address.ts'
import type { EpochMillis } from '../base/time.ts'

/**
 * Every typed event of the log. Adding a type: add its shape here, its checks in `codec.ts`, its rule
 * in `apply/`, its line in `README.md`; raise `eventsVersion` and propose it only once every member
 * can read it.
 */
export const eventsVersion = 5

/** Up to this version events were proposed before clusters agreed on one; beyond, `ClusterUpgraded` comes first. */
export const ungatedEvents = 3

/** From this version on, raft's entries of who votes say who asked for it. */
export const askedVoters = 5

export type NodeId = string

/** Who asked for it: an operator, a node or the control plane itself, e.g. `operator@n1`, `node:n2`, `leader:n3`. */
export type Actor = string

/** What is recorded of a node that enters. */
export interface NodeDescription {
  readonly id: NodeId
  readonly name: string
  readonly address: Address
  readonly dc: string
  readonly version: string
  readonly incarnation: number
  readonly roles: readonly string[]
  /** SHA-256 of its public key, hexadecimal: what it proves itself by. Absent: of a time before keys. */
  readonly key?: string
}

export interface EventData {
  ClusterInitialised: {
    readonly tag: string
    readonly name: string
    readonly version: string
    readonly control: readonly NodeDescription[]
    readonly settings: Readonly<Record<string, string>>
    /** The version of events that every control node reads; absent: at most `ungatedEvents`. */
    readonly events?: number
  }
  /** Every node that carries the log reads this version of events: from now on they may be proposed. */
  ClusterUpgraded: { readonly events: number }
  NodeAdmitted: {
    readonly node: NodeDescription
    /** Id of the join token that lets it in: the same event spends a use of it. */
    readonly token?: string
  }
  /** First time ready, and again after an absence. */
  NodeReady: { readonly id: NodeId; readonly incarnation: number }
  /** Address, version or datacenter changed; the id is the identity. */
  NodeUpdated: {
    readonly id: NodeId
    readonly address?: Address
    readonly version?: string
    readonly dc?: string
    /** The first time that it is known; a key never changes. */
    readonly key?: string
    readonly incarnation: number
  }
  NodeDraining: {
    readonly id: NodeId
    readonly deadline: EpochMillis | null
    readonly reason: string
  }
  NodeDrainCancelled: { readonly id: NodeId }
  NodeDrained: { readonly id: NodeId; readonly forced: boolean }
  NodeFailed: {
    readonly id: NodeId
    readonly incarnation: number
    readonly accusers: readonly NodeId[]
    /** How unwell each accuser was itself (Lifeguard's local health; 0 is well), in the same order. */
    readonly health?: readonly number[]
  }
  /** A voter that stays dead gives its vote to an observer; `VotersChanged` follows. */
  VoterReplacing: { readonly id: NodeId; readonly by: NodeId; readonly reason: string }
  NodeLeaving: { readonly id: NodeId }
  /** Out of the logical topology; leaves a tombstone. */
  NodeLeft: { readonly id: NodeId; readonly reason: string }
  RoleAssigned: { readonly id: NodeId; readonly roles: readonly string[] }
  RoleUnassigned: { readonly id: NodeId; readonly roles: readonly string[] }
  RoleReported: {
    readonly id: NodeId
    readonly role: string
    readonly state: RoleState
    readonly detail: string
  }
  /** Named settings are replaced, the others stay; an empty text removes one. */
  SettingsChanged: { readonly settings: Readonly<Record<string, string>> }
  KvPut: {
    readonly key: string
    /** As bytes all the way; only the view for people is base64. */
    readonly value: Uint8Array
    readonly flags: number
    /** Only if the key's ModifyIndex is this; 0: only if absent. */
    readonly cas?: number
  }
  KvDelete: { readonly key: string; readonly recurse?: boolean; readonly cas?: number }
  /**
   * Deletions up to the entry `through` are forgotten: who left, and when keys went. Whoever may not
   * have heard of them belongs to an older epoch from now on, and bootstraps anew.
   */
  TombstonesCollected: { readonly epoch: number; readonly through: number }
  /** A lost quorum was rescued by an operator: history goes on from the log of one survivor. */
  ClusterRecovered: {
    readonly epoch: number
    /** Above every one that a survivor knew. */
    readonly metaVersion: number
    /** Made for this rescue: tells its history from every other. */
    readonly lineage: number
    /** Control nodes from now on; those that do not vote yet get the log anew. */
    readonly voters: readonly NodeId[]
    /** Control nodes that it was done without. */
    readonly lost: readonly NodeId[]
    readonly reason: string
  }
  /** From now on this authority certifies nodes; those before it are still believed. */
  CaCreated: {
    /** PEM. */
    readonly certificate: string
    /** SHA-256 of it, hexadecimal. */
    readonly fingerprint: string
    /** Its key, sealed under the control key. */
    readonly sealedKey: string
  }
  /** No longer believed. */
  CaRetired: { readonly fingerprint: string }
  CertificateIssued: {
    readonly id: NodeId
    /** Hexadecimal. */
    readonly serial: string
    readonly notBefore: EpochMillis
    readonly notAfter: EpochMillis
    /** SHA-256 of the certificate, hexadecimal. */
    readonly fingerprint: string
    /** Fingerprint of the authority. */
    readonly ca: string
  }
  /** Nodes may receive gossip under this key from now on. Ids run from 1 to 255 and around; 0 is the secret's. */
  GossipKeyAdded: {
    readonly id: number
    /** The key, sealed under the control key. */
    readonly sealed: string
  }
  /** And send it under this key. */
  GossipKeyUsed: { readonly id: number }
  GossipKeyDropped: { readonly id: number }
  TokenCreated: {
    readonly id: string
    /** SHA-256 of its secret, hexadecimal; the secret itself is nowhere but with whoever asked for it. */
    readonly hash: string
    /** A note for people; may be empty. */
    readonly name: string
    /** null: never; join tokens always expire. */
    readonly expires: EpochMillis | null
    readonly use: TokenUse
  }
  TokenRevoked: { readonly id: string }
  /** A node asks to be let in, and waits for an operator. */
  JoinRequested: {
    readonly node: NodeDescription
    /** Id of the token that it showed. */
    readonly token?: string
  }
  /** An operator does not want that node: final until one admits it. */
  JoinRefused: { readonly id: NodeId; readonly reason: string }
  /** A snapshot is to be restored: its keys follow in pieces, and count when all have come. */
  RestoreBegun: {
    /** Made by whoever restores; a later restore takes the place of one that is under way. */
    readonly id: string
    /** The snapshot: of which cluster, and as of when. */
    readonly tag: string
    readonly name: string
    readonly index: number
    readonly taken: EpochMillis
    readonly settings: Readonly<Record<string, string>>
  }
  RestoreAdded: {
    readonly id: string
    /** From 0, in order. */
    readonly part: number
    /** As `packEntries` writes them. */
    readonly entries: Uint8Array
  }
  RestoreDropped: { readonly id: string; readonly reason: string }
  /** What was staged takes the place of all keys and settings; the epoch rises. */
  SnapshotRestored: {
    readonly id: string
    readonly parts: number
    readonly keys: number
    /** For people: of which cluster it was, and as of when. */
    readonly name: string
    readonly index: number
    readonly taken: EpochMillis
  }
}

/** What a token is good for. */
export type TokenUse =
  | {
      readonly kind: 'join'
      /** Given to each node that it lets in. */
      readonly roles: readonly string[]
      /** It lets in so many nodes. */
      readonly uses: number
      /** Which names it lets in: `*` any run of characters, `?` any one. */
      readonly pattern: string
    }
  | { readonly kind: 'api'; readonly policies: readonly string[] }

export const roleStates = [
  'assigned',
  'bootstrapping',
  'running',
  'draining',
  'drained',
  'stopped',
  'failed',
] as const
export type RoleState = (typeof roleStates)[number]

export type EventType = keyof EventData

/** The version that an event needs: builds of the one before go on reading everything that they know. */
export function versionOf(type: EventType, data: object): number {
  if (type === 'ClusterUpgraded' || (type === 'ClusterInitialised' && 'events' in data)) return 4
  if (third.has(type) || 'token' in data) return 3
  if (second.has(type)) return 2
  const described = (data as { readonly node?: object }).node ?? data
  if (type === 'KvPut' || type === 'KvDelete') return 1
  return 'key' in described ? 2 : 1
}

const second: ReadonlySet<EventType> = new Set([
  'CaCreated',
  'CaRetired',
  'CertificateIssued',
  'GossipKeyAdded',
  'GossipKeyUsed',
  'GossipKeyDropped',
  'TombstonesCollected',
  'ClusterRecovered',
])

const third: ReadonlySet<EventType> = new Set([
  'VoterReplacing',
  'RestoreBegun',
  'RestoreAdded',
  'RestoreDropped',
  'SnapshotRestored',
  'TokenCreated',
  'TokenRevoked',
  'JoinRequested',
  'JoinRefused',
])

/** So that a retried request takes effect once (thesis §6.3). */
export interface RequestId {
  /** `node id/incarnation` of the agent that asks for somebody. */
  readonly client: string
  readonly serial: number
  /** Every serial below this is answered; their outcomes can be forgotten. */
  readonly acked: number
}

export type HiveEvent = {
  [T in EventType]: {
    readonly v: number
    readonly type: T
    /** The leader's wall clock when it was proposed. */
    readonly time: EpochMillis
    readonly actor: Actor
    readonly data: EventData[T]
    readonly request?: RequestId
  }
}[EventType]

/** An entry of the event log as people see it. `VotersChanged` and `LeaderElected` come from raft's own entries. */
export interface LoggedEvent {
  readonly seq: number
  readonly term: number
  readonly epoch: number
  readonly time: EpochMillis
  readonly actor: Actor
  readonly type: EventType | 'VotersChanged' | 'LeaderElected'
  readonly data: unknown
}
