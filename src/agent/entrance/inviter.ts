import type { Links } from '../../net/link-types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { Gossip } from '../membership/gossip.ts'
import { decodeMeta } from '../membership/member-meta.ts'
import type { Self } from '../self.ts'

/** Invited at a time: they invite others in turn. */
const most = 8
/** ms until it counts as unheard. */
const patience = 2_000

/**
 * The leader invites whom it sees in the physical topology only. Where it keeps but a slice, each
 * node of the cluster invites those that it keeps itself: so the invitation goes round all rings.
 */
export function inviteNeighbours(self: Self, gossip: Gossip, links: Links): void {
  const { cluster } = self.facts
  if (!cluster || !gossip.partial) return
  const strangers = gossip
    .members()
    .filter(member => member.status === 'alive' && !decodeMeta(member.meta).initialised)
  for (const { id, address } of strangers.slice(0, most)) {
    links.setAddress(id, address)
    links.request(id, 'invite', { tag: cluster.tag, name: cluster.name }, patience, () => {})
  }
}

/**
 * A node that is agreed to have failed and answers gossip should have said that it is back. The leader asks for a link, or
 * for a new one where the two have met as of another history, so that the first validation speaks, on both sides: of two
 * sides of a split that were rescued both, neither has anything else to say to the other.
 */
export function callFailed(plane: ControlPlane | undefined, gossip: Gossip, links: Links): void {
  if (!plane?.isLeader()) return
  const failed = [...plane.state.nodes.values()].filter(node => node.phase === 'failed')
  const lively = failed.filter(({ id }) => gossip.member(id)?.status === 'alive')
  for (const { id } of lively.slice(0, most)) {
    const met = links.hello(id)?.allegiance
    if (!links.isConnected(id)) links.connect(id)
    else if ((met?.lineage ?? 0) !== plane.lineage) links.renew(id)
  }
}
