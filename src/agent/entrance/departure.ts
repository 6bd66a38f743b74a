import type { Random } from '../../base/random.ts'
import type { Clock } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import { isOneHistory } from '../../cluster/epoch.ts'
import type { Hello } from '../../net/handshake.ts'
import type { DialFailure, Links } from '../../net/link-types.ts'
import type { NodeFacts } from '../../store/types.ts'
import type { Group } from '../control/group.ts'
import type { StorageFault } from '../control/storage-fault.ts'
import type { Members } from '../membership/members.ts'
import type { Self } from '../self.ts'
import type { Security } from '../trust/security.ts'
import { type Home, isHomeOf } from './homecoming.ts'

/**
 * How a node leaves what it belonged to: for good, as a new node, or to come back to a newer epoch. What it
 * knew is set aside and never deleted.
 */
export interface DepartureParts {
  readonly self: Self
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly links: Links
  readonly group: Group
  readonly members: Members
  readonly fault: StorageFault
  readonly security: Security | undefined
  /** How far this node knows the event log, or knew it before it started. */
  seen(): number
  /** The log and everything that was learned from it count no more. */
  forgetLog(): void
  /** The node is empty: roles stop, and it looks around anew. */
  emptied(): void
}

/** The last is what a node that comes back takes along. */
type How = 'left' | 'as another' | Pick<NodeFacts, 'returning' | 'known'>

/** Whom to ask after a new start: a few would do, and a list of all nodes must not stay behind. */
const maxContacts = 64

export class Departure {
  readonly #parts: DepartureParts
  /** Control nodes that say this node was removed. */
  readonly #saidRemoved = new Set<string>()
  /** Where an older epoch's log and facts are, since this start. */
  #setAside: { readonly epoch: number; readonly aside: string } | undefined

  /** It asked to be let go, and the control plane agreed. */
  #leaving = false
  /** Since this start; what came of it is seen as long as the node belongs to nothing. */
  #removed: string | undefined

  constructor(parts: DepartureParts) {
    this.#parts = parts
  }

  /** An empty node under a new id: the old one may have promised things. Says where the old state is. */
  reset(): string {
    return this.#depart('reset', 'as another')
  }

  /** On the control plane's word; nobody waits for an answer, so a disk that refuses is only reported. */
  expelled(): void {
    this.#parts.fault.guard(() => void this.#depart('left', 'left'), undefined)
  }

  /**
   * That it leaves is agreed, at its own wish: one control node's word that it is out will do. To wait for more may be to wait
   * for ever, as members forget an authority that only those believe in who left.
   */
  letGo(): void {
    // It may have heard from others before the answer came; what it belongs to after that it does not leave.
    this.#leaving = this.#parts.self.facts.cluster !== undefined
  }

  /**
   * As soon as most of the control nodes that this node knows say so, it is out; or one that carries the log, of this node's
   * history and at least as far as this node knows it, which begins with its own admission. One that knows less has not heard of
   * that yet, and says nothing. Who looks for a newer epoch has nothing to lose: there one word will do.
   */
  heardRemoved(failure: DialFailure): void {
    const { self, group } = this.#parts
    const { cluster, returning, known } = self.facts
    const home = cluster ?? returning
    if (!home || failure.why !== 'rejected' || failure.own || failure.code !== 'REMOVED') return
    const { identity, by } = failure
    if (!identity || identity.kind === 'anonymous') return
    // Who believes nothing that this node shows says no more than that it is out.
    if (by && identity.id !== by.id) return
    // An authority may be another by now; the key of a control node is the same. Who was never certified and never
    // heard of keys has nothing but the secret to believe anybody by.
    const hasOnlySecret = this.#parts.security?.member === undefined
    const control = cluster?.control ?? known
    const isKnown = ({ id, key }: { id: string; key?: string }) =>
      id === identity.id && (key === identity.key || (key === undefined && hasOnlySecret))
    if (identity.kind !== 'node' && !control.some(isKnown)) return
    // Who leads, or follows a leader, is in: its own log would say if it were not.
    if (group.plane && group.plane.leader() !== null) return
    if (by && this.#knowsLess(by) && !this.#leaving) return
    this.#saidRemoved.add(identity.id)
    const said = control.filter(c => this.#saidRemoved.has(c.id))
    const others = control.filter(c => c.id !== self.id).length
    const isSure = by && (returning ? isHomeOf(returning, by) : this.#knowsAsMuch(by))
    if (said.length * 2 <= others && !isSure && !this.#leaving) return
    const names = [...new Set([...said, ...(by ? [by] : [])].map(c => c.name))].sort()
    this.#removed = `was removed from «${home.name}», say ${names.join(', ')} (REMOVED)`
    this.expelled()
  }

  /** It judges by the log of the same history, and at least as far: the admission of this node is in there. */
  #knowsAsMuch(by: Hello): boolean {
    const { carries, seen } = this.#ofThisHistory(by) ?? {}
    return carries === true && seen !== undefined && seen >= this.#parts.seen()
  }

  #knowsLess(by: Hello): boolean {
    const { seen } = this.#ofThisHistory(by) ?? {}
    return seen !== undefined && seen < this.#parts.seen()
  }

  #ofThisHistory({ allegiance }: Hello): Hello['allegiance'] {
    return isOneHistory(this.#parts.self.facts.cluster, allegiance) ? allegiance : undefined
  }

  /** It lets this node in: what it said before was of another time. */
  welcomed(by: string): void {
    this.#saidRemoved.delete(by)
  }

  /** The same node in a newer epoch: what it knew is set aside, and whom to ask is all that it keeps. Throws STORAGE. */
  startAnew({ epoch: newer, lineage }: Home): string {
    const { self } = this.#parts
    const { cluster, known } = self.facts
    if (!cluster) return ''
    const { tag, name, epoch, control } = cluster
    const others = [...known, ...control].filter(c => c.id !== self.id)
    const contacts = [...new Map(others.map(c => [c.id, c])).values()].slice(0, maxContacts)
    const returning = { tag, name, epoch: newer, lineage }
    const aside = this.#depart(`epoch-${epoch}`, { returning, known: contacts })
    this.#setAside = { epoch, aside }
    return aside
  }

  /** The cluster was recovered without this node's log, which it lays down to carry another. */
  layDown(): string {
    const { self } = this.#parts
    const before = self.facts
    const epoch = before.cluster?.epoch ?? 0
    self.update({ group: undefined, promised: this.#parts.group.promised })
    const aside = this.leaveGroup(`epoch-${epoch}`, before)
    this.#setAside = { epoch, aside }
    this.#parts.forgetLog()
    return aside
  }

  /** The facts have forgotten the group already: what cannot be moved now is moved before the next one is made. */
  leaveGroup(label: string, facts?: NodeFacts): string {
    const { group, fault } = this.#parts
    return fault.guard(
      () => group.leave(label, facts) ?? 'nothing to set aside',
      'nothing: the disk refused to move it',
    )
  }

  notices(): readonly string[] {
    const { name, facts } = this.#parts.self
    const out: string[] = []
    if (this.#removed && facts.left) out.push(`${name}: ${this.#removed}`)
    if (this.#setAside) {
      const { epoch, aside } = this.#setAside
      out.push(
        `${name}: what it knew in epoch ${epoch} is kept in ${aside}; hive log --file prints its log`,
      )
    }
    return out
  }

  #depart(label: string, how: How): string {
    const { self, clock, random, links, group, members, security, trace } = this.#parts
    const before = self.facts
    self.update({
      cluster: undefined,
      group: undefined,
      known: [],
      joining: [],
      abandoned: undefined,
      promised: how === 'as another' ? undefined : group.promised,
      left: how === 'left' ? true : undefined,
      returning: undefined,
      // Who comes back under the same id is a later one: a join of the one before, still under way, is not.
      incarnation: before.incarnation + 1,
      ...(how === 'as another' && self.renewed(clock.wall(), random)),
      ...(typeof how === 'object' && how),
    })
    const aside = this.leaveGroup(label, before)
    trace.info({ label, aside }, 'this node is empty now')
    this.#parts.forgetLog()
    for (const id of links.connectedPeers()) links.forget(id)
    for (const member of members.gossip.members()) links.forget(member.id)
    this.#saidRemoved.clear()
    this.#leaving = false
    // Whoever comes back as itself proves itself by what it has.
    if (typeof how === 'string') security?.forget(how === 'as another')
    security?.be(self.id)
    self.key = security?.key
    if (how === 'as another') members.rename()
    members.forget()
    this.#parts.emptied()
    return aside
  }
}
