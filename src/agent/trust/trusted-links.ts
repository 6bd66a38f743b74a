import type { Clock, Timer } from '../../base/time.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Links } from '../../net/link-types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { Self } from '../self.ts'
import type { Passports } from './passports.ts'
import type { Security } from './security.ts'

/** Keeps links as good as what both ends can prove by now: made anew when there is more, ended with who is out. */
export interface TrustedLinksParts {
  readonly self: Self
  readonly clock: Clock
  readonly links: Links
  readonly passports: Passports
  readonly security: Security | undefined
  plane(): ControlPlane | undefined
  followed(): ClusterView | undefined
}

/** Between the event that removes a node and the end of its link, ms; what it says meanwhile is refused. */
const partingTime = 1_000

export class TrustedLinks {
  readonly #parts: TrustedLinksParts
  #parting: Timer | undefined

  constructor(parts: TrustedLinksParts) {
    this.#parts = parts
  }

  /** This end has more to prove than when its links were made: members shall know it as one of theirs. */
  proveAnew(): void {
    const { security, self, links } = this.#parts
    if (!security?.member || security.member.tag !== self.facts.cluster?.tag) return
    for (const id of links.connectedPeers()) {
      if (links.identity(id)?.kind !== 'node' && this.#saysItBelongs(id)) links.renew(id)
    }
  }

  /** This end came under an alias, and is a node now: nobody shall know it by the other name. */
  unmask(): void {
    const { links } = this.#parts
    for (const id of links.connectedPeers()) links.renew(id)
  }

  /**
   * Whoever is nobody to this node now; in a moment, so that who leaves in peace hears that it is out. Who came before
   * this node knew all that is agreed is judged once it does.
   */
  partWithNobodies(): void {
    const { security, clock, links, passports } = this.#parts
    if (!security || security.open || this.#parting) return
    this.#parting = clock.after(partingTime, () => {
      this.#parting = undefined
      for (const id of links.connectedPeers()) {
        const hello = links.hello(id)
        const verdict = hello && passports.objection(hello, links.identity(id))
        if (verdict?.outcome === 'rejected') links.forget(id)
      }
      if (links.connectedPeers().some(id => this.#isUndecided(id))) this.partWithNobodies()
    })
  }

  /** Somebody came in. */
  met(id: string): void {
    if (this.#isUndecided(id)) this.partWithNobodies()
  }

  #isUndecided(id: string): boolean {
    const { links, passports, plane } = this.#parts
    const hello = links.hello(id)
    return (
      plane() !== undefined &&
      hello !== undefined &&
      passports.isUndecided(hello, links.identity(id))
    )
  }

  /** Or is known to: what this node knows so far is no measure, and those who came later are to know it too. */
  #saysItBelongs(id: string): boolean {
    const { links, self } = this.#parts
    return links.hello(id)?.allegiance?.tag === self.facts.cluster?.tag || this.#isInTopology(id)
  }

  #isInTopology(id: string): boolean {
    const state = this.#parts.plane()?.state
    if (state?.cluster) return state.nodes.has(id)
    const view = this.#parts.followed()
    return [...(view?.control ?? []), ...(view?.members ?? [])].some(c => c.id === id)
  }
}
