import type { Links } from '../../net/link-types.ts'
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
