import type { EpochMillis } from '../../base/time.ts'
import { type Standing, standing } from '../../cluster/passport.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Hello, Verdict } from '../../net/handshake.ts'
import type { Links } from '../../net/link-types.ts'
import type { PeerIdentity } from '../../net/types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { Self } from '../self.ts'
import type { Security } from './security.ts'

export interface PassportParts {
  readonly self: Self
  /** Undefined: an agent without any. */
  readonly security: Security | undefined
  wall(): EpochMillis
  links(): Links
  plane(): ControlPlane | undefined
  view(): ClusterView | undefined
}

/** What those may ask who are not in the cluster: to get in, or, of the init that made it, how that went. */
const askedByJoiners = new Set([
  'join-ask',
  'init-prepare',
  'init-start',
  'init-cancel',
  'init-status',
])
/** Joiners with a token that may be linked at a time, and from one address: strangers must not take the room of members. */
const maxAnonymous = 64
const maxOfOneHost = 16
const askedByAnonymous = new Set(['join-ask'])

/** Whom this node takes its peers for, by what they proved and by what it knows now. */
export class Passports {
  readonly #parts: PassportParts
  #removed: { readonly of: readonly string[]; readonly ids: ReadonlySet<string> } | undefined

  constructor(parts: PassportParts) {
    this.#parts = parts
  }

  standing(id: string, identity: PeerIdentity | undefined): Standing {
    const { self, security } = this.#parts
    if (!security || security.open) return { as: 'member' }
    if (!identity) return { as: 'nobody', code: 'UNTRUSTED', reason: 'it proved nothing' }
    const record = this.#record(id)
    return standing(id, identity, {
      ours: self.facts.cluster?.tag,
      record,
      removed: record === undefined && this.#wasRemoved(id),
      certain: record === undefined && identity.kind === 'node' && this.#isCertain(),
    })
  }

  /**
   * What this node knows is an early part of a log that still arrives, and says that the peer was removed: it
   * may have joined again since, and even be the one from whom the rest has to come; or says nothing of it, and there is
   * nothing but the secret to know each other by.
   */
  mayBeBack(id: string, identity: PeerIdentity | undefined): boolean {
    const { plane, self } = this.#parts
    const log = plane()
    if (!log?.state.cluster || log.wasInformed || !identity || identity.kind === 'anonymous')
      return false
    const isOurs =
      identity.kind === 'node' ? identity.tag === self.facts.cluster?.tag : this.#hasOnlySecret
    return isOurs && identity.id === id && !this.#record(id)
  }

  isMember(id: string, identity: PeerIdentity | undefined): boolean {
    return this.standing(id, identity).as === 'member'
  }

  /** A member, or one that this node could not know as one, having nothing but the secret. */
  mayBelong(id: string, identity: PeerIdentity | undefined): boolean {
    const { as } = this.standing(id, identity)
    return (
      as === 'member' || (as === 'joiner' && identity?.kind === 'secret' && this.#hasOnlySecret)
    )
  }

  /** It was in the cluster and was taken out: whatever it has from then, it is nobody. */
  isRemoved(id: string): boolean {
    return this.#record(id) === undefined && this.#wasRemoved(id)
  }

  /** As `isRemoved`, and it cannot have come back by events that are on their way here. */
  isOut(id: string): boolean {
    return this.#isCertain() && this.isRemoved(id)
  }

  /** Undefined: nothing is wrong with what it proved. */
  objection(hello: Hello, identity: PeerIdentity | undefined): Verdict | undefined {
    const stands = this.standing(hello.id, identity)
    if (stands.as === 'member' || this.mayBeBack(hello.id, identity)) return undefined
    if (stands.as === 'nobody')
      return { outcome: 'rejected', code: stands.code, reason: stands.reason }
    const ours = this.#parts.self.facts.cluster?.tag
    if (hello.allegiance?.tag !== ours) return undefined
    // Who has only a token comes before it belongs to anything.
    if (identity?.kind === 'anonymous')
      return {
        outcome: 'rejected',
        code: 'UNTRUSTED',
        reason: 'it says that it belongs to the cluster, and proves nothing',
      }
    if (this.#mayBeNews()) return undefined
    return {
      outcome: 'rejected',
      code: 'REMOVED',
      reason: 'it says that it belongs to the cluster, and does not',
    }
  }

  /** It says that it belongs to the cluster, and what this node knows of the log so far neither says so nor denies it. */
  isUndecided(hello: Hello, identity: PeerIdentity | undefined): boolean {
    if (this.mayBeBack(hello.id, identity)) return true
    const belongs = hello.allegiance?.tag === this.#parts.self.facts.cluster?.tag
    return belongs && this.standing(hello.id, identity).as === 'joiner' && this.#mayBeNews()
  }

  /** Undefined: there is room for one more of those who prove nothing. */
  crowded(host: string, identity: PeerIdentity | undefined): Verdict | undefined {
    if (identity?.kind !== 'anonymous' || this.#anonymousFit(host, 1)) return undefined
    return { outcome: 'busy', reason: 'too many joiners that prove nothing are linked already' }
  }

  /** False: others came through the door at the same moment, and there is no room for this one now. */
  hasRoom(id: string): boolean {
    const links = this.#parts.links()
    if (links.identity(id)?.kind !== 'anonymous') return true
    return this.#anonymousFit(links.remote(id)?.host, 0)
  }

  #anonymousFit(host: string | undefined, more: number): boolean {
    const links = this.#parts.links()
    const hosts = links
      .connectedPeers()
      .filter(id => links.identity(id)?.kind === 'anonymous')
      .map(id => links.remote(id)?.host)
    const same = hosts.filter(h => h === host).length
    return hosts.length + more <= maxAnonymous && same + more <= maxOfOneHost
  }

  /** Undefined: it may ask that. */
  refusal(
    id: string,
    identity: PeerIdentity | undefined,
    method: string,
  ): { readonly code: 'UNTRUSTED' | 'REMOVED'; readonly message: string } | undefined {
    const stands = this.standing(id, identity)
    if (stands.as === 'member') return undefined
    if (stands.as === 'joiner') {
      const asked = identity?.kind === 'anonymous' ? askedByAnonymous : askedByJoiners
      if (asked.has(method)) return undefined
      return { code: 'UNTRUSTED', message: `${method} is for members of the cluster` }
    }
    if (method === 'snapshot-chunk' && this.mayBeBack(id, identity)) return undefined
    return { code: stands.code === 'REMOVED' ? 'REMOVED' : 'UNTRUSTED', message: stands.reason }
  }

  #record(id: string): { readonly name: string; readonly key?: string } | undefined {
    const { plane, view, self } = this.#parts
    const state = plane()?.state
    if (state?.cluster) return state.nodes.get(id)
    const seen = view()
    // Who was away for long may find all authorities changed: the control nodes' keys are the same. One that went
    // before it heard of any knows them by the secret, which is all that it has.
    const control = self.facts.cluster?.control ?? []
    if (!seen) return control.find(c => c.id === id && (c.key !== undefined || this.#hasOnlySecret))
    const known = seen?.control.find(c => c.id === id) ?? seen?.members.find(m => m.id === id)
    const key = seen?.trust?.keys[id]
    return known && { name: known.name, ...(key !== undefined && { key }) }
  }

  /** It was never certified, or for so short a time that this is over. */
  get #hasOnlySecret(): boolean {
    const { security, wall } = this.#parts
    return (security?.memberUntil ?? 0) <= wall()
  }

  #wasRemoved(id: string): boolean {
    const { plane, view } = this.#parts
    const state = plane()?.state
    if (state?.cluster) return state.tombstones.has(id) || state.certificates.has(id)
    const list = view()?.trust?.removed
    if (!list) return false
    if (this.#removed?.of !== list) this.#removed = { of: list, ids: new Set(list) }
    return this.#removed.ids.has(id)
  }

  /** A control node that has everything that is agreed, as far as the leader that it hears knows. */
  #isCertain(): boolean {
    const plane = this.#parts.plane()
    return plane?.state.cluster != null && plane.informed
  }

  /** It may have been admitted a moment ago, by events that are on their way here. */
  #mayBeNews(): boolean {
    return !this.#isCertain()
  }
}
