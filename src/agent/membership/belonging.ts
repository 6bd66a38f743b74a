import type { Address } from '../../base/address.ts'
import type { Clock, Millis } from '../../base/time.ts'
import { agreesWith, type History } from '../../cluster/epoch.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Links } from '../../net/link-types.ts'
import type { NodeFacts } from '../../store/types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { StorageFault } from '../control/storage-fault.ts'
import type { Self } from '../self.ts'
import type { Certification } from '../trust/certification.ts'
import type { Security } from '../trust/security.ts'
import type { Members } from './members.ts'

/** What this node keeps of the agreed picture, for itself and for its next boot. */
export interface BelongingParts {
  readonly self: Self
  readonly clock: Clock
  readonly links: Links
  readonly members: Members
  readonly fault: StorageFault
  readonly security: Security | undefined
  readonly certification: Certification | undefined
  plane(): ControlPlane | undefined
  followed(): ClusterView | undefined
}

/** Between a rescue and the question who of the others belongs to it, ms. */
const rescueSettles: Millis = 15_000

export class Belonging {
  readonly #parts: BelongingParts
  /** The links of this node were judged, or judged again, since it belongs to something. */
  #settled = false

  constructor(parts: BelongingParts) {
    this.#parts = parts
  }

  /** The agreed picture changed: facts on disk, addresses, gossip and keys follow it. */
  learned(view: ClusterView): void {
    const { self, links, members } = this.#parts
    const { cluster: before, group } = self.facts
    const settled = group?.prepared || group?.rescue?.lineage === view.cluster.lineage
    self.note({
      cluster: this.#clusterFacts(view),
      ...(group && settled && { group: { tag: group.tag } }),
      abandoned: undefined,
      left: undefined,
      returning: undefined,
      joining: [],
    })
    this.#meetAnew(view.cluster)
    if (before && (before.lineage ?? 0) !== (view.cluster.lineage ?? 0)) this.#partWays()
    if (!before) members.sayInitialised()
    for (const { id, host, port } of [...view.control, ...view.members])
      if (id !== self.id) links.setAddress(id, { host, port })
    members.learned(view)
    this.#believe(view)
  }

  /**
   * This node was empty when it met those it is linked with, and let in whoever came: those of a history that is
   * not its own now are met again, and the first validation judges. Whoever goes on into a new epoch, or rescues
   * its cluster, needs the links that it has.
   */
  #meetAnew(history: History): void {
    const { links } = this.#parts
    if (this.#settled) return
    this.#settled = true
    for (const id of links.connectedPeers())
      if (!agreesWith(history, links.hello(id)?.allegiance)) links.renew(id)
  }

  /**
   * A rescue: those who are to carry the log of it need the links that they have. In a moment, when they have it, all are met
   * again who have not said yet that they are of this history, so that both ends learn where the two have parted.
   */
  #partWays(): void {
    const { self, clock, links } = this.#parts
    clock.after(rescueSettles, () => {
      const { cluster } = self.facts
      for (const id of cluster ? links.connectedPeers() : []) {
        // One that says nothing of a history has got one since.
        const said = links.hello(id)?.allegiance
        if (!said || !agreesWith(cluster!, said)) links.renew(id)
      }
    })
  }

  /** Whoever moved may be found there at the next boot, though it is not agreed yet, and perhaps nobody is left to agree on it. */
  moved(id: string, { host, port }: Address): void {
    const { self } = this.#parts
    const { cluster } = self.facts
    const known = cluster?.control.find(c => c.id === id)
    if (!cluster || !known || (known.host === host && known.port === port)) return
    const control = cluster.control.map(c => (c.id === id ? { ...c, host, port } : c))
    self.note({ cluster: { ...cluster, control } })
  }

  /** This node belongs to nothing now. */
  forget(): void {
    this.#settled = false
  }

  /** How far a node that follows has seen the log: not at each event, because each is a write. */
  noteSeen(): void {
    const { self } = this.#parts
    const { cluster } = self.facts
    const view = this.#parts.followed()
    if (!cluster || !view || this.#parts.plane() || view.cluster.epoch !== cluster.epoch) return
    if (view.version > (cluster.seen ?? 0))
      self.note({ cluster: { ...cluster, seen: view.version } })
  }

  #believe({ trust }: ClusterView): void {
    const { security, certification, fault } = this.#parts
    if (!security || !trust) return
    fault.guard(() => security.settle(), undefined)
    if (trust.gossip) security.useRing(trust.gossip)
    certification?.look()
  }

  #clusterFacts(view: ClusterView): NonNullable<NodeFacts['cluster']> {
    const { tag, name, epoch, metaVersion, lineage, horizon } = view.cluster
    const before = this.#parts.self.facts.cluster
    // Where it carries the log, that says more, once it has arrived.
    const noted = before?.lineage === lineage ? before?.seen : undefined
    const seen = this.#parts.plane() ? noted : (before?.seen ?? view.version)
    // Who is out is told no keys any more, and knows by these whether to believe those who say that it is.
    const keys = new Map(before?.control.map(({ id, key }) => [id, key]))
    return {
      ...{ tag, name, epoch, metaVersion },
      ...(lineage !== undefined && { lineage }),
      ...(horizon !== undefined && { horizon }),
      ...(seen !== undefined && { seen }),
      control: view.control.map(contact => {
        const key = view.trust?.keys[contact.id] ?? keys.get(contact.id)
        const agreed = view.members.find(m => m.id === contact.id)
        const at = agreed && this.#parts.members.whereabouts(agreed)
        return { ...contact, ...at, ...(key !== undefined && { key }) }
      }),
    }
  }
}
