import { formatAddress } from '../base/address.ts'
import { isFailed } from '../state/apply/health.ts'
import { sliceSize } from '../state/settings.ts'
import type { ClusterRecord, NodeRecord } from '../state/types.ts'
import { type Contact, contactOf } from './contact.ts'
import { Slices } from './slices.ts'

/**
 * What one node needs to know of the cluster to do its work: its own record, who the control nodes
 * are, and its slice of the others. A control node computes it from the state; any other node is sent it.
 */
export interface ClusterView {
  /** Index of the last administrative event that changed it: views of a node are ordered by it. */
  readonly version: number
  readonly cluster: ClusterRecord
  /** null: not in the logical topology. */
  readonly self: NodeRecord | null
  readonly control: readonly Contact[]
  readonly voters: readonly string[]
  readonly observers: readonly string[]
  readonly leader: string | null
  /** Nodes of the roles that this node's roles need to begin (design §7, needsForBootstrap); some of each. */
  readonly peers: readonly {
    readonly role: string
    readonly id: string
    readonly name: string
    readonly address: string
  }[]
  /** How many nodes the cluster has; absent: an older control node sent it. */
  readonly size?: number
  /** The slice: bounded, so that a view does not grow with the cluster. */
  readonly members: readonly (Contact & {
    readonly incarnation: number
    readonly failed: boolean
  })[]
  /** What a member needs to believe the others; absent: connections prove nothing. For the node itself, never shown. */
  readonly trust?: ViewOfTrust
}

export interface ViewOfTrust {
  /** Certificates of the authorities, oldest first; the last one certifies. */
  readonly authorities: readonly string[]
  /** Keys in base64url; null: there are none of the cluster's own, or the control node has not got them yet. */
  readonly gossip: {
    readonly primary: number
    readonly keys: readonly { readonly id: number; readonly key: string }[]
  } | null
  /** Fingerprints of the keys of control nodes and slice, by id. */
  readonly keys: Readonly<Record<string, string>>
  /** Nodes that are gone while somebody might still believe their certificate. */
  readonly removed: readonly string[]
}

/** Enough of each role to begin with; it learns of the others from them. */
const peersPerRole = 8

export interface ViewSource {
  readonly cluster: ClusterRecord | null
  readonly nodes: ReadonlyMap<string, NodeRecord>
  readonly voters: readonly string[]
  readonly observers: readonly string[]
  readonly version: number
  /** Who keeps whom, if somebody keeps account of it. */
  readonly slices?: Pick<Slices, 'of' | 'version'>
  /** Roles whose nodes a role wants named. */
  needs(role: string): readonly string[]
}

export function viewFor(
  source: ViewSource,
  id: string,
  leader: string | null,
): ClusterView | undefined {
  if (!source.cluster) return undefined
  const control = [...source.voters, ...source.observers]
    .map(v => source.nodes.get(v))
    .filter(n => n !== undefined)
    .map(contactOf)
  const self = source.nodes.get(id) ?? null
  return {
    // Who was admitted by the very entry that is being applied knows of it, though the accounts do not yet.
    version: Math.max(source.slices?.version(id) ?? source.version, self?.changedAt ?? 0),
    cluster: source.cluster,
    self,
    control,
    voters: source.voters,
    observers: source.observers,
    leader,
    peers: peersOf(source, id),
    size: source.nodes.size,
    members: slice(source, source.cluster, id).map(n => ({
      ...contactOf(n),
      incarnation: n.incarnation,
      failed: isFailed(n),
    })),
  }
}

function peersOf(source: ViewSource, id: string): ClusterView['peers'] {
  const needed = new Set(source.nodes.get(id)?.roles.flatMap(r => source.needs(r.name)))
  const peers: { role: string; id: string; name: string; address: string }[] = []
  for (const role of needed) {
    const having = [...source.nodes.values()].filter(
      n => n.id !== id && n.phase === 'ready' && n.roles.some(r => r.name === role),
    )
    for (const n of having.slice(0, peersPerRole)) {
      peers.push({ role, id: n.id, name: n.name, address: formatAddress(n.address) })
    }
  }
  return peers
}

/** A small cluster's slice is simply everybody; a large one's the neighbours on the rings. */
function slice(source: ViewSource, cluster: ClusterRecord, id: string): readonly NodeRecord[] {
  const slices = source.slices ?? reckoned(source, cluster)
  return slices
    .of(id)
    .map(other => source.nodes.get(other))
    .filter(n => n !== undefined)
}

function reckoned({ nodes, version }: ViewSource, { settings }: ClusterRecord): Slices {
  const slices = new Slices()
  slices.learn(nodes, sliceSize(settings), version, 'all')
  return slices
}
