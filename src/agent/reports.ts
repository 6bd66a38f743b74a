import type { StatusReport } from '../api/types.ts'
import type { Clock } from '../base/time.ts'
import { requestNotices } from '../cluster/entrance.ts'
import { expiryNotices, ownExpiry } from '../cluster/expiry.ts'
import type { ClusterView } from '../cluster/view.ts'
import type { Links } from '../net/link-types.ts'
import type { NodeRecord } from '../state/types.ts'
import type { ControlPlane } from './control/control-plane.ts'
import type { Entry } from './entrance/entry.ts'
import type { Journal } from './entrance/journal.ts'
import type { Gossip } from './membership/gossip.ts'
import type { Self } from './self.ts'
import { controlReport, ownReport, type Sight } from './status.ts'
import type { Security } from './trust/security.ts'

export interface ReportsParts {
  readonly self: Self
  readonly clock: Clock
  readonly links: Links
  readonly entry: Entry
  readonly journal: Journal
  readonly security: Security | undefined
  plane(): ControlPlane | undefined
  view(): ClusterView | undefined
  gossip(): Gossip
  /** What the other rooms have to say to an operator. */
  asides(): readonly string[]
}

/** What this node says of itself, of what it sees, and, where it carries the log, of the cluster. */
export class Reports {
  readonly #parts: ReportsParts

  constructor(parts: ReportsParts) {
    this.#parts = parts
  }

  sight(): Sight {
    const { self, entry } = this.#parts
    const gossip = this.#parts.gossip()
    return {
      self,
      members: gossip.members(),
      partial: gossip.partial,
      notices: this.#notices(),
      refused: entry.refusal?.code,
    }
  }

  /** `stale`: without having asked a quorum. */
  control(plane: ControlPlane, stale: boolean, sight = this.sight()): StatusReport {
    const reaches = (node: NodeRecord) => this.#reaches(plane, node)
    return controlReport(sight, plane.state, plane.status(), reaches, stale)
  }

  own(sight = this.sight()): StatusReport {
    const { self, entry } = this.#parts
    const { cluster, group } = self.facts
    const waiting = entry.validating || group?.prepared !== undefined
    const asks = entry.refusal?.code === 'AWAITS_APPROVAL' && !cluster
    const view = this.#parts.view()
    const agreed = cluster ? (view?.self?.phase ?? 'recovering') : 'zombie'
    const state = asks ? 'waiting' : waiting ? 'validating' : agreed
    return ownReport(sight, view, state)
  }

  /** A voter of another slice is no stranger: those that carry the log keep links to each other. */
  #reaches(plane: ControlPlane, node: NodeRecord): boolean {
    const gossip = this.#parts.gossip()
    const watched = gossip.member(node.id) !== undefined
    if (watched || !plane.state.voters.includes(node.id)) return gossip.counts(node)
    return this.#parts.links.isConnected(node.id)
  }

  /** Let in, or waiting for an operator: what kept it out before is over. */
  #isIn(id: string): boolean {
    const state = this.#parts.plane()?.state
    if (!state) return this.#parts.gossip().member(id) !== undefined
    return state.nodes.has(id) || state.joinRequests.get(id)?.refused === null
  }

  #notices(): readonly string[] {
    const { self, clock, entry, journal, security } = this.#parts
    const { name, facts } = self
    const out = [...entry.notices(), ...this.#parts.asides()]
    if (security?.helpless) {
      out.push(
        `${name}: has no secret, token or certificate, and is believed by nobody: start it with --secret-file, or join with a token`,
      )
    }
    const until = security?.memberUntil
    if (until !== undefined && clock.wall() >= until)
      out.push(`${name}: ${ownExpiry(security?.hasSecret === true, name)}`)
    const state = this.#parts.plane()?.state
    if (state) out.push(...requestNotices(state.joinRequests))
    if (state && !security?.open)
      out.push(...expiryNotices(state.nodes, state.certificates, clock.wall()))
    out.push(...journal.notices(name, facts.cluster === undefined, id => this.#isIn(id)))
    const stopped = state?.stopped
    if (stopped)
      out.push(
        `${name}: stopped at event ${stopped.at} (${stopped.type}): needs hive with event version ${stopped.needs}`,
      )
    return out
  }
}
