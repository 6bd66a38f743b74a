import type { ErrorCode } from '../../base/errors.ts'
import type { EpochMillis } from '../../base/time.ts'
import type { NodeId } from '../events.ts'
import type { Kv } from '../kv.ts'
import type { Meta } from '../meta.ts'
import type { Nodes } from '../nodes.ts'
import type { Restoring } from '../restoring.ts'
import type { Table } from '../table.ts'
import type {
  CaRecord,
  CertificateRecord,
  ClusterRecord,
  GossipKeyRecord,
  JoinRequest,
  NodeRecord,
  Outcome,
  TokenRecord,
  Tombstone,
} from '../types.ts'

/** What the rules read and change. */
export interface Parts {
  readonly cluster: Table<ClusterRecord>
  readonly nodes: Nodes
  readonly tombstones: Table<Tombstone>
  readonly meta: Meta
  readonly kv: Kv
  readonly authorities: Table<CaRecord>
  readonly certificates: Table<CertificateRecord>
  readonly gossipKeys: Table<GossipKeyRecord>
  readonly tokens: Table<TokenRecord>
  readonly joinRequests: Table<JoinRequest>
  readonly restoring: Restoring
}

/** Where in the log, and when by the wall clock of the leader who proposed it. */
export interface At {
  readonly index: number
  readonly time: EpochMillis
}

/** What a rule says: the outcome, and whether something came to pass that people should read of. */
export interface Ruling {
  readonly outcome: Outcome
  readonly happened: boolean
}

export function done(at: At, value?: unknown): Ruling {
  const outcome = { ok: true as const, index: at.index }
  return { outcome: value === undefined ? outcome : { ...outcome, value }, happened: true }
}

/** It is so already: a success without an effect. */
export function repeated(at: At): Ruling {
  return { outcome: { ok: true, index: at.index, value: { repeated: true } }, happened: false }
}

export function refused(code: ErrorCode, message: string, remedy = ''): Ruling {
  return { outcome: { ok: false, code, message, remedy }, happened: false }
}

export function unknownNode(parts: Parts, id: NodeId): Ruling {
  const tombstone = parts.tombstones.get(id)
  const message = tombstone
    ? `${tombstone.name} (${id}) has left the cluster`
    : `no node with the id ${id} is in the cluster`
  return refused('UNKNOWN_NODE', message, 'see `hive status` for the nodes of the cluster')
}

/** Replaces a node's record, changed now. */
export function change(parts: Parts, at: At, node: NodeRecord, by: Partial<NodeRecord>): void {
  parts.nodes.set(node.id, { ...node, ...by, changedAt: at.index })
}
