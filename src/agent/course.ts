import type { Clock, Instant, Millis } from '../base/time.ts'
import type { Trace } from '../base/trace.ts'
import type { ClusterView } from '../cluster/view.ts'
import type { HiveEvent } from '../state/events.ts'
import type { AppliedEntry, ControlPlane } from './control/control-plane.ts'
import type { Steward } from './control/steward.ts'
import type { StorageFault } from './control/storage-fault.ts'
import type { KvDesk } from './desk/kv.ts'
import type { Claims } from './entrance/claims.ts'
import type { Enrolment } from './entrance/enrolment.ts'
import type { Homecoming } from './entrance/homecoming.ts'
import type { Belonging } from './membership/belonging.ts'
import type { Following } from './membership/following.ts'
import type { Members } from './membership/members.ts'
import type { Picture } from './picture.ts'
import type { RoleHosting } from './roles/role-hosting.ts'
import type { Self } from './self.ts'
import type { Certification } from './trust/certification.ts'
import type { Security } from './trust/security.ts'
import type { TrustSteward } from './trust/trust-steward.ts'
import type { TrustedLinks } from './trust/trusted-links.ts'

/** Where nobody has led for so long, ms, nobody is left to wait for news: others may have a leader by now. */
const cutOffAfter: Millis = 2_000

export interface CourseParts {
  readonly self: Self
  readonly clock: Clock
  readonly trace: Trace
  readonly fault: StorageFault
  readonly picture: Picture
  readonly members: Members
  readonly belonging: Belonging
  readonly following: Following
  readonly enrolment: Enrolment
  readonly homecoming: Homecoming
  readonly claims: Claims
  readonly trusted: TrustedLinks
  readonly kv: KvDesk
  readonly steward: Steward
  /** Undefined: an agent without certificates. */
  readonly trust: TrustSteward | undefined
  readonly certification: Certification | undefined
  readonly security: Security | undefined
  /** Undefined: nothing acts on roles here. */
  readonly roles: RoleHosting | undefined
  plane(): ControlPlane | undefined
  /** Who waits here for news of that log hears them. */
  hears(plane: ControlPlane): boolean
}

/**
 * The course of things: what is agreed arrives, by this node's own log or by the view of the control node that it
 * follows, and each room hears of it in its turn. `parts` are asked for when something happens: the log exists before the
 * rooms that live by it.
 */
export class Course {
  readonly #parts: () => CourseParts
  #ledAt: Instant | undefined
  #led = false

  constructor(parts: () => CourseParts) {
    this.#parts = parts
  }

  /** When a leader was last known; undefined: never, since this start. */
  get ledAt(): Instant | undefined {
    return this.#ledAt
  }

  /** The log of this node's disk is open. */
  opened(plane: ControlPlane): void {
    const { picture, members } = this.#parts()
    picture.learn(plane, plane.state.applied, undefined)
    picture.applied.bump(plane.state.applied)
    this.#changed()
    members.knowFailed(plane.state.nodes)
  }

  /** Somebody leads, or nobody does any more. */
  ranked(): void {
    const { plane, enrolment, clock, steward, trust } = this.#parts()
    const led = plane()?.leader() != null
    if (led) enrolment.led()
    if (led || this.#led) this.#ledAt = clock.now()
    this.#led = led
    steward.ranked()
    trust?.ranked()
    this.#changed()
  }

  /** Entries are applied; none: a snapshot took the place of the state. */
  applied(batch: readonly AppliedEntry[]): void {
    const { picture, members, enrolment, kv, steward, trust, trusted, ...parts } = this.#parts()
    const plane = parts.plane()
    if (!plane) return
    const restored = batch.length === 0
    let administrative = restored ? plane.state.applied : 0
    const events: HiveEvent[] = []
    let unnamed = restored
    for (const { entry, event, applied } of batch) {
      if (applied.event && event?.type !== 'KvPut' && event?.type !== 'KvDelete') {
        administrative = entry.index
        if (event) events.push(event)
        else unnamed = true
      }
      if (event && applied.outcome.ok) members.agreed(event)
    }
    if (restored) this.#passedOver(plane)
    if (administrative > 0) {
      picture.learn(plane, administrative, unnamed ? undefined : events)
      this.#changed()
      enrolment.applied(batch)
    }
    picture.applied.bump(plane.state.applied)
    if (restored) {
      kv.replaced(plane)
      members.knowFailed(plane.state.nodes)
    } else kv.applied(plane, batch)
    if (administrative === 0) return
    // Also of the empty entry that a leader begins with, from which on it governs.
    steward.look()
    trust?.look()
    trusted.partWithNobodies()
  }

  /** The picture of this node changed: facts on disk, addresses, gossip and roles follow it. */
  learned(view: ClusterView): void {
    const { belonging, roles } = this.#parts()
    belonging.learned(view)
    roles?.update(view)
  }

  /** The log is for others from now on; this is what they have agreed. */
  follow(view: ClusterView): void {
    const { following, picture, kv } = this.#parts()
    following.take(view)
    following.follow()
    picture.restart()
    kv.wakeAll()
  }

  /** False: the disk does not take what this node is given, and it has to ask again. */
  admitted(view: ClusterView & { readonly certified?: unknown }): boolean {
    const { security, certification, fault, trusted, following } = this.#parts()
    const incognito = security?.incognito
    const take = (): boolean => {
      if (view.certified !== undefined) certification?.take(view.certified, view.cluster.tag)
      return true
    }
    if (!fault.guard(take, false)) return false
    following.take(view)
    if (incognito) trusted.unmask()
    following.follow()
    trusted.proveAnew()
    return true
  }

  /** Who waits here for news is sent to others where none come: again and again, as long as this node has a log. */
  sendOn(): void {
    const { plane, clock, picture, kv, ...parts } = this.#parts()
    const log = plane()
    if (!log || parts.hears(log)) return
    const lately = clock.now() - (this.#ledAt ?? Number.NEGATIVE_INFINITY) < cutOffAfter
    if (log.leader() === null && lately) return
    picture.stop()
    kv.wakeLed()
  }

  /** The log that this node carried counts no more, nor what was learned of its history. */
  forget(): void {
    const { following, belonging, claims, homecoming, picture, kv } = this.#parts()
    following.forget()
    belonging.forget()
    claims.forget()
    homecoming.forget()
    picture.restart()
    kv.wakeAll()
  }

  #changed(): void {
    const { picture, self } = this.#parts()
    const view = picture.of(self.id)
    if (!view) return
    const { cluster } = self.facts
    // A log that still arrives begins in epochs that are over: this node is of a later one, and stays so.
    if (cluster?.tag === view.cluster.tag && view.cluster.epoch < cluster.epoch) return
    this.learned(view)
  }

  /**
   * A snapshot brought a newer epoch: who left on the way to it is not in there. What gossip still believes
   * of them goes, and begins anew from the agreed nodes.
   */
  #passedOver(plane: ControlPlane): void {
    const { self, trace, members } = this.#parts()
    const { cluster } = self.facts
    const { epoch = 0 } = plane.state.cluster ?? {}
    if (!cluster || epoch <= cluster.epoch) return
    trace.info({ from: cluster.epoch, to: epoch }, 'the epoch rose while this node was away')
    members.forget()
  }
}
