import { OperatorError } from '../../base/errors.ts'
import { count, fields, flag, list, optionalCount, text } from '../../base/shape.ts'
import type { Clock } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import { isHome, isOneHistory } from '../../cluster/epoch.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Links, RequestOutcome } from '../../net/link-types.ts'
import type { Authority } from '../control/authority.ts'
import type { AppliedEntry, ControlPlane } from '../control/control-plane.ts'
import type { Group } from '../control/group.ts'
import type { StorageFault } from '../control/storage-fault.ts'
import { type Methods, refusal } from '../requests.ts'
import type { Self } from '../self.ts'
import { contact } from './candidate.ts'
import type { Departure } from './departure.ts'

/** How a node comes to carry the log of its cluster, and notices that it no longer does. */
export interface EnrolmentParts {
  readonly self: Self
  readonly clock: Clock
  readonly trace: Trace
  readonly links: Links
  readonly group: Group
  readonly authority: Authority
  readonly departure: Departure
  readonly fault: StorageFault
  /** The version of events that this build reads. */
  readonly reads: number
  /** There is a log on this node now, read as far as its disk knows it. */
  opened(plane: ControlPlane): void
  /** The log is for others; this is what they have agreed. */
  retired(view: ClusterView): void
}

const orphanPatience = 1_000
/**
 * The leader enrols a node first and counts it then: so long, ms, it may wait for its first entries, where an older leader
 * cannot say whether it still tries.
 */
const enrolPatience = 150_000
const none = new Uint8Array(0)

/** The leader's answer; `awaited` undefined: it is older than that. */
interface Carries {
  readonly carries: boolean
  readonly awaited?: boolean
  readonly view: ClusterView
}

/** What an older hive says where newer events are agreed already. */
function tooOld(events: number, reads: number): string {
  return `the cluster has agreed on events of version ${events}, and this hive reads up to ${reads}`
}
const upgrade = 'start the newer hive again: once all nodes have it, there is no way back'

export class Enrolment {
  readonly #parts: EnrolmentParts
  /** When the leader last announced the log, until somebody leads here. */
  #awaitsLog = Number.NEGATIVE_INFINITY
  #enrolments = 0

  constructor(parts: EnrolmentParts) {
    this.#parts = parts
  }

  methods(): Methods {
    return { enrol: ({ body, from, answer }) => answer(this.#enrol(fields(body), from)) }
  }

  /** What the facts say that this node carries. */
  open(): void {
    const { self, group, reads, fault } = this.#parts
    this.knowPeers()
    const isNew = !group.plane
    group.open()
    const { plane } = group
    if (!plane) return
    if (isNew) fault.mended()
    const events = plane.state.cluster?.events ?? 0
    if (events > reads) throw new OperatorError('VERSION_MISMATCH', tooOld(events, reads), upgrade)
    const { tag, rescue } = self.facts.group ?? {}
    // A rescue that the log knows nothing of did not begin: an operator may ask for it again.
    if (tag && rescue && rescue.lineage !== plane.lineage) self.update({ group: { tag } })
    this.#parts.opened(plane)
  }

  knowPeers(): void {
    const { self, links } = this.#parts
    const { cluster, group, known } = self.facts
    for (const c of [...known, ...(group?.prepared?.voters ?? []), ...(cluster?.control ?? [])])
      if (c.id !== self.id) links.setAddress(c.id, { host: c.host, port: c.port })
  }

  /** Somebody leads: whatever was announced has come. */
  led(): void {
    this.#awaitsLog = Number.NEGATIVE_INFINITY
  }

  /**
   * The leader lets those know that carry the log no longer; they would only hear silence. Who led until it was relieved of the
   * log itself is told by nobody, and sees it by what was its own log.
   */
  applied(batch: readonly AppliedEntry[]): void {
    const { group, links, self } = this.#parts
    const { plane } = group
    if (!plane || !batch.some(b => b.entry.type === 'config')) return
    if (!plane.mayCarry(self.id)) this.askWhetherOrphaned(true)
    if (!plane.isLeader()) return
    const carry = new Set([...plane.state.voters, ...plane.state.observers])
    for (const id of links.connectedPeers())
      if (!carry.has(id)) links.notice(id, 'retired', {}, none)
  }

  /** A group without a leader: perhaps the others changed the configuration while we were away. */
  askWhetherOrphaned(told = false): void {
    const { group, fault, clock, authority, self } = this.#parts
    const { plane } = group
    if (!plane || fault.failure || plane.isLeader()) return
    if (plane.leader() !== null && !told) return
    const enrolments = this.#enrolments
    authority.ask('carries', {}, orphanPatience, outcome => {
      if (!outcome.ok || group.plane !== plane || this.#enrolments !== enrolments) return
      const { carries, awaited, view } = outcome.body as Carries
      if (carries || (awaited ?? clock.now() - this.#awaitsLog < enrolPatience)) return
      // A voter of the first day may have lost its vote before it heard that there is a cluster.
      const { cluster, group: carried } = self.facts
      if (view.cluster.tag === (cluster ?? carried)?.tag) this.#retire(view)
    })
  }

  /** The log is not for this node any more. */
  #retire(view: ClusterView): void {
    const { self, fault, trace, departure, group } = this.#parts
    const forgotten = fault.guard(() => {
      self.update({ group: undefined, promised: group.promised })
      return true
    }, false)
    if (!forgotten) return
    trace.info({}, 'this node carries the log no longer')
    departure.leaveGroup('retired')
    this.#parts.retired(view)
  }

  /** The leader wants this node to carry the log. */
  #enrol(body: ReturnType<typeof fields>, from: string): RequestOutcome {
    const { self, clock, group, reads } = this.#parts
    const tag = text(body, 'tag', 36)
    const epoch = optionalCount(body, 'epoch') ?? 0
    const lineage = optionalCount(body, 'lineage') ?? 0
    const events = optionalCount(body, 'events') ?? 0
    if (events > reads) return refusal('VERSION_MISMATCH', tooOld(events, reads), upgrade)
    const no = this.#objection(tag, epoch, lineage) ?? this.#hasForgotten(body, tag, lineage)
    if (no) return no
    const carried = self.facts.group
    if (carried && carried.tag !== tag)
      return refusal('BUSY', `an init of «${carried.prepared?.name}» is under way here`)
    this.#enrolments += 1
    // One that hears a leader has the log already: the question crossed its start.
    if (group.plane?.leader() == null) this.#awaitsLog = clock.now()
    if (carried?.prepared && !carried.prepared.started) {
      // The start went past this node, which promised nothing yet: the group is the leader's.
      self.update({ group: { tag } })
      this.open()
    }
    if (!carried) this.#begin(body, from, { tag, epoch, lineage })
    // It was made, and could not be opened then.
    else if (!group.plane) this.open()
    return { ok: true, body: {} }
  }

  #objection(tag: string, epoch: number, lineage: number): RequestOutcome | undefined {
    const { self, group } = this.#parts
    const { cluster, returning, left } = self.facts
    if (left) return refusal('REFUSED', `${self.name} left its cluster`, 'hive join ADDR on it')
    if (cluster && cluster.tag !== tag)
      return refusal('TAG_MISMATCH', `belongs to «${cluster.name}»`)
    if (returning && !isHome(returning, { epoch, lineage }))
      return refusal('EPOCH_MISMATCH', `looks for epoch ${returning.epoch} of its cluster`)
    if (group.plane && group.plane.lineage !== lineage) return this.#leaveLineage(epoch)
    return undefined
  }

  /** It is counted as it is, and has laid down the log that it is counted for: only a new member of it may begin anew. */
  #hasForgotten(
    body: ReturnType<typeof fields>,
    tag: string,
    lineage: number,
  ): RequestOutcome | undefined {
    const { name, facts } = this.#parts.self
    const { promised, group } = facts
    if (!flag(body, 'counts') || group || !isOneHistory(promised, { tag, lineage }))
      return undefined
    return refusal(
      'REFUSED',
      `${name} has laid down the log that it is counted for`,
      `hive control demote ${name}, then promote it again`,
    )
  }

  #begin(
    body: ReturnType<typeof fields>,
    from: string,
    { tag, epoch, lineage }: { tag: string; epoch: number; lineage: number },
  ): void {
    const { self, links, group } = this.#parts
    const { cluster } = self.facts
    for (const c of list(body, 'control', 64).map(contact))
      if (c.id !== self.id) links.setAddress(c.id, c)
    const term = count(body, 'term')
    // Whoever leads here may have been deposed since, and not know it.
    const { promised } = self.facts
    const isBound = promised && isOneHistory(promised, { tag, lineage }) && promised.term >= term
    const bound = isBound ? promised : undefined
    group.create([], {
      ...{ term: bound?.term ?? term, vote: bound?.vote ?? from },
      ...(lineage !== 0 && { lineage }),
    })
    const metaVersion = optionalCount(body, 'metaVersion') ?? 0
    const moved = cluster && epoch > cluster.epoch && { ...cluster, epoch, metaVersion, lineage }
    self.update({ group: { tag }, ...(moved && { cluster: moved }) })
    this.open()
  }

  /** The cluster was recovered, and this node is to carry its log: what it carried so far is set aside. */
  #leaveLineage(epoch: number): RequestOutcome | undefined {
    const { self, group, trace, departure } = this.#parts
    const { cluster } = self.facts
    if (group.plane?.leader() !== null)
      return refusal('REFUSED', `${self.name} follows a leader: nothing is lost here`)
    if (!cluster || epoch <= cluster.epoch)
      return refusal('EPOCH_MISMATCH', `${self.name} is of epoch ${cluster?.epoch}`)
    const aside = departure.layDown()
    trace.warn({ aside }, 'the cluster was recovered: this node gets its log anew')
    return undefined
  }
}
