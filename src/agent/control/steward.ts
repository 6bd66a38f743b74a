import { formatDuration } from '../../base/duration.ts'
import { count, optionalText, text } from '../../base/shape.ts'
import type { Instant } from '../../base/time.ts'
import { drainFinished, isServing } from '../../cluster/drain.ts'
import { collectable } from '../../cluster/epoch.ts'
import { Accusations } from '../../cluster/failure.ts'
import { isLeaving } from '../../cluster/removal.ts'
import { replacement } from '../../cluster/replacement.ts'
import { demoteVerdict } from '../../cluster/voters.ts'
import { isFailed } from '../../state/apply/health.ts'
import { ungatedEvents } from '../../state/events.ts'
import { tombstoneGrace, voterReplacementAfter } from '../../state/settings.ts'
import type { NodeRecord } from '../../state/types.ts'
import type { Member } from '../../swim/types.ts'
import { invitation, stays, votersNow } from '../desk/control.ts'
import { type DeskParts, reachable } from '../desk/desk.ts'
import { decodeMeta } from '../membership/member-meta.ts'
import { Rounds } from '../rounds.ts'
import type { ControlPlane, Draft } from './control-plane.ts'
import { heirOf } from './handover.ts'

/** How often the leader looks around, ms; agreed events make it look at once. */
const round = 250
/** An invitation is repeated after so long, ms, while the node has not come. */
const inviteAgain = 2_000
/** A restore that nobody goes on with: what was staged is dropped after so long, ms. */
const abandonedAfter = 120_000
/** An observer that lacks more entries than this is no heir yet; raft itself asks for more than this does. */
const replacementLag = 1_000

/**
 * The leader's chores: finish an init, invite who is in the physical topology only, decide who has
 * failed, finish drains and leaves, hand leadership on when its own node is to rest. Every chore starts
 * from the agreed state, so a new leader just goes on.
 */
export class Steward {
  readonly #parts: DeskParts
  readonly #rounds: Rounds
  readonly #accusations = new Accusations()
  /** Who was invited lately, and when. */
  readonly #invited = new Map<string, number>()
  /** Chores proposed and not yet agreed, so that none is proposed twice. */
  readonly #underWay = new Set<string>()
  /** The restore under way, how far it is, and since when. */
  #restoring: { readonly step: string; readonly since: Instant } | undefined

  constructor(parts: DeskParts) {
    this.#parts = parts
    this.#rounds = new Rounds(parts.clock, round, () => this.#chores())
  }

  start(): void {
    this.#rounds.start()
  }

  /** One-way news that members send to whom they take for the leader. */
  notice(from: string, kind: string, body: Record<string, unknown>): void {
    const now = this.#parts.clock.now()
    const subject = text(body, 'subject', 36)
    const plane = this.#parts.plane()
    if (!plane?.state.nodes.has(subject)) return
    if (!plane.isLeader()) return this.#passOn(plane, from, kind, body)
    const { voters, observers } = plane.state
    const passedOn = optionalText(body, 'by', 36)
    const carries = voters.includes(from) || observers.includes(from)
    const by = passedOn !== undefined && carries ? passedOn : from
    // Whoever is not in the logical topology, or out of it, accuses nobody.
    const accuser = plane.state.nodes.get(by)
    if (!accuser || isFailed(accuser)) return
    if (kind === 'withdraw') return this.#accusations.withdraw(subject, by)
    this.#accusations.accuse(subject, by, count(body, 'incarnation'), count(body, 'health'), now)
    this.look()
  }

  /** From a member that has no link to the leader; once, so that two who are both wrong do not play ball. */
  #passOn(
    plane: ControlPlane,
    from: string,
    kind: string,
    body: Readonly<Record<string, unknown>>,
  ): void {
    const leader = plane.leader()
    if (leader === null || body.by !== undefined) return
    this.#parts.links.notice(leader, kind, { ...body, by: from })
  }

  /** A new term starts from what its leader hears itself. */
  ranked(): void {
    this.#accusations.clear()
    this.#underWay.clear()
    this.#restoring = undefined
    this.look()
  }

  /** Soon, once for everything that happens in this turn. */
  look(): void {
    this.#rounds.soon()
  }

  #chores(): void {
    const plane = this.#parts.plane()
    if (!plane?.isLeader()) return
    if (plane.state.stopped) return this.#handOn(plane)
    // Before that its state may be any beginning of what is agreed, and name those who left long ago.
    if (!plane.governs) return
    if (!plane.state.cluster) return this.#finishInit(plane)
    this.#parts.clocks.look()
    this.#upgrade(plane)
    this.#finishRescue(plane)
    this.#handOn(plane)
    this.#judge(plane)
    this.#invite(plane)
    this.#equipCarriers(plane)
    this.#collect(plane)
    this.#dropAbandoned(plane)
    this.#replaceVoter(plane)
    for (const node of plane.state.nodes.values()) {
      if (node.phase === 'draining') this.#finishDrain(plane, node)
      if (isLeaving(node)) this.#finishLeave(plane, node)
    }
  }

  #finishInit(plane: ControlPlane): void {
    const prepared = this.#parts.self.facts.group?.prepared
    if (!prepared?.control) return
    const { tag } = this.#parts.self.facts.group!
    const { name, control, coordinator, approve } = prepared
    const settings: Record<string, string> = approve ? { 'join-approval': 'yes' } : {}
    const events = this.#parts.levels.common(control.map(c => c.id)) ?? ungatedEvents
    this.#propose(plane, 'init', {
      type: 'ClusterInitialised',
      data: {
        ...{ tag, name, version: this.#parts.self.version, control, settings },
        ...(events > ungatedEvents && { events }),
      },
      actor: coordinator,
    })
  }

  /** The last of those that carry the log was upgraded: what is new may be used. */
  #upgrade(plane: ControlPlane): void {
    const events = this.#parts.levels.due(plane)
    if (events === undefined) return
    const actor = `leader:${this.#parts.self.id}`
    this.#propose(plane, 'upgrade', { type: 'ClusterUpgraded', data: { events }, actor })
  }

  /** What makes a rescue known: agreed by this node alone, which is all there is. */
  #finishRescue(plane: ControlPlane): void {
    const { rescue } = this.#parts.self.facts.group ?? {}
    if (!rescue || plane.lineage !== rescue.lineage) return
    if (plane.state.cluster?.lineage === rescue.lineage) return
    const { actor, ...rest } = rescue
    // What the survivor's log ended with is agreed by now, and may have raised the epoch once more.
    const epoch = Math.max(rest.epoch, (plane.state.cluster?.epoch ?? 0) + 1)
    this.#propose(plane, 'rescue', { type: 'ClusterRecovered', data: { ...rest, epoch }, actor })
  }

  /** A node that drains or leaves, or cannot read what is agreed, must not lead, whenever it became leader. */
  #handOn(plane: ControlPlane): void {
    const { self } = this.#parts
    const own = plane.state.nodes.get(self.id)
    const serves = own?.phase === 'ready' || own?.phase === 'recovering'
    if (!own || (serves && !plane.state.stopped)) return
    // Who leaves must hand on, to one that rests if nobody else is there; it could not go otherwise.
    const heir = heirOf(
      plane,
      self.id,
      reachable(this.#parts, plane),
      node => isServing(node) || (own.phase === 'leaving' && node?.phase !== 'leaving'),
    )
    if (heir) plane.transferLeadership(heir)
  }

  #judge(plane: ControlPlane): void {
    const { gossip, clock, self } = this.#parts
    const alive = gossip.members().filter(m => m.status === 'alive').length
    const now = clock.now()
    for (const subject of this.#accusations.subjects())
      if (!plane.state.nodes.has(subject)) this.#accusations.forget(subject)
    for (const node of plane.state.nodes.values()) {
      // One that had failed when it was told to leave fails no second time on its way out.
      const gone = isLeaving(node) && node.failedAt !== undefined
      if (node.id === self.id || isFailed(node) || gone) continue
      const member = gossip.member(node.id)
      this.#accusations.answered(node.id, Math.max(node.incarnation, member?.incarnation ?? 0))
      const unreachable = member?.status === 'unreachable'
      if (!unreachable && this.#accusations.accusers(node.id, now).length === 0) continue
      const verdict = this.#accusations.verdict(
        node.id,
        self.id,
        { unreachable, health: gossip.health() },
        alive,
        now,
      )
      if (!verdict) continue
      const incarnation = Math.max(verdict.incarnation, member?.incarnation ?? 0, node.incarnation)
      this.#propose(plane, `failed ${node.id}`, {
        type: 'NodeFailed',
        data: { id: node.id, incarnation, accusers: verdict.accusers, health: verdict.health },
        actor: `leader:${self.name}`,
      })
    }
  }

  #invite(plane: ControlPlane): void {
    const now = this.#parts.clock.now()
    for (const [id, at] of this.#invited) if (now - at >= inviteAgain) this.#invited.delete(id)
    for (const member of this.#parts.gossip.members()) {
      if (member.status !== 'alive' || decodeMeta(member.meta).initialised) continue
      if (this.#invited.has(member.id) || plane.state.tombstones.has(member.id)) continue
      this.#invited.set(member.id, now)
      this.#call(plane, member)
    }
  }

  /** A voter of the agreed configuration that missed the start of the init gets the log; anybody else is asked in. */
  #call(plane: ControlPlane, { id, address }: Member): void {
    const { links } = this.#parts
    const { cluster, voters } = plane.state
    links.setAddress(id, address)
    if (voters.includes(id)) return this.#equip(plane, id)
    const body = { tag: cluster!.tag, name: cluster!.name }
    links.request(id, 'invite', body, inviteAgain, () => {})
  }

  /** One that missed the start may have come in as anybody else does: it counts, and keeps no log. */
  #equipCarriers(plane: ControlPlane): void {
    const { links, clock } = this.#parts
    const carry = plane.carriers
    for (const { id, recentlyActive, match } of plane.status().progress) {
      // Who does not carry it any more is still told so for a while.
      if (!carry.has(id) || !stays(this.#parts, plane, id)) continue
      const said = links.hello(id)
      // One that has answered for entries and has them no more would be a voter that forgets.
      if (recentlyActive || match > 0 || !said || said.allegiance?.carries || this.#invited.has(id))
        continue
      this.#invited.set(id, clock.now())
      this.#equip(plane, id)
    }
  }

  #equip(plane: ControlPlane, id: string): void {
    // Not by a leader that was deposed and does not know it: by now others may count.
    plane.read(index => {
      const { voters, learners } = plane.status().config
      if (index !== null && plane.isLeader() && [...voters, ...learners].includes(id))
        this.#giveLog(plane, id)
    })
  }

  #giveLog(plane: ControlPlane, id: string): void {
    const body = { ...invitation(plane), counts: true }
    this.#parts.links.request(id, 'enrol', body, inviteAgain, () => {})
  }

  /** Who left so long ago that whoever does not know it yet has to bootstrap anew is forgotten. */
  #collect(plane: ControlPlane): void {
    const { cluster, tombstones } = plane.state
    const due = collectable(
      [...tombstones.values()],
      tombstoneGrace(cluster!.settings),
      this.#parts.clock.wall(),
    )
    if (due === undefined || !this.#parts.clocks.isRight) return
    this.#propose(plane, 'collect', {
      type: 'TombstonesCollected',
      data: { epoch: cluster!.epoch + 1, through: due },
      actor: this.#actor,
    })
  }

  /** First the decision is agreed, for everybody to read; then it is carried out, by whoever leads then. */
  #replaceVoter(plane: ControlPlane): void {
    const { config, progress, commit } = plane.status()
    const after = voterReplacementAfter(plane.state.cluster!.settings)
    const order = replacement({
      config:
        config.outgoing.length > 0
          ? undefined
          : { voters: config.voters, observers: config.learners },
      nodes: plane.state.nodes,
      reachable: reachable(this.#parts, plane),
      caughtUp: new Set(
        progress.filter(p => p.recentlyActive && p.match + replacementLag >= commit).map(p => p.id),
      ),
      last: plane.state.replacement,
      after,
      wall: this.#parts.clock.wall(),
    })
    if (!order) return
    const { id, by, voters, observers, agreed } = order
    if (agreed) {
      if (plane.changeConfig({ voters, learners: observers }, this.#actor).ok)
        this.#parts.trace.warn({ id, by }, 'a dead voter gives its vote to an observer')
      return
    }
    this.#propose(plane, 'replace voter', {
      type: 'VoterReplacing',
      data: { id, by, reason: `failed for ${formatDuration(after!)}` },
      actor: this.#actor,
    })
  }

  /** A restore that its operator broke off; its keys would stay in memory for ever. */
  #dropAbandoned(plane: ControlPlane): void {
    const { restore } = plane.state
    const step = restore && `${restore.id} ${restore.parts}`
    const now = this.#parts.clock.now()
    // By what this leader sees itself: the times of an earlier one may be of a clock that is hours off.
    if (this.#restoring?.step !== step) this.#restoring = step ? { step, since: now } : undefined
    if (!restore || now - this.#restoring!.since < abandonedAfter) return
    this.#propose(plane, 'restore', {
      type: 'RestoreDropped',
      data: { id: restore.id, reason: 'nobody went on with it' },
      actor: this.#actor,
    })
  }

  #finishDrain(plane: ControlPlane, node: NodeRecord): void {
    const answers = reachable(this.#parts, plane).has(node.id)
    const finished = drainFinished(node, plane.leader(), answers, this.#parts.clock.wall())
    const stays =
      finished === 'no' && node.id === this.#parts.self.id && this.#nobodyElseCanLead(plane, node)
    if (finished === 'no' && !stays) return
    // The deadline may be by the clock of another leader.
    if (finished === 'forced' && !this.#parts.clocks.isRight) return
    this.#propose(plane, `drained ${node.id}`, {
      type: 'NodeDrained',
      data: { id: node.id, forced: finished === 'forced' },
      actor: this.#actor,
    })
  }

  /** Then leadership stays, as the verdict said, and the rest of the drain is what counts. */
  #nobodyElseCanLead(plane: ControlPlane, node: NodeRecord): boolean {
    const answering = reachable(this.#parts, plane)
    const { voters, nodes } = plane.state
    const heirs = voters.some(v => v !== node.id && answering.has(v) && isServing(nodes.get(v)))
    return !heirs && drainFinished(node, null, true, 0) === 'yes'
  }

  #finishLeave(plane: ControlPlane, node: NodeRecord): void {
    // Behind a change that is not agreed yet the node would carry the log after it left.
    if (!plane.mayCarry(node.id)) {
      return this.#propose(plane, `left ${node.id}`, {
        type: 'NodeLeft',
        data: { id: node.id, reason: 'an operator asked for it' },
        actor: this.#actor,
      })
    }
    if (node.id === this.#parts.self.id) return
    // Judged anew: of those that were to remain, some may have died since the leave was allowed.
    const verdict = demoteVerdict(votersNow(this.#parts, plane), node.id, true)
    if (!verdict.ok || verdict.nothing) return
    plane.changeConfig({ voters: verdict.voters, learners: verdict.observers }, this.#actor)
  }

  get #actor(): string {
    return `leader:${this.#parts.self.name}`
  }

  #propose(plane: ControlPlane, chore: string, draft: Draft): void {
    if (this.#underWay.has(chore)) return
    this.#underWay.add(chore)
    plane.propose(draft, outcome => {
      this.#underWay.delete(chore)
      if (!outcome.ok) this.#parts.trace.warn({ chore, code: outcome.code }, outcome.message)
    })
  }
}
