import type { Backend, StatusReport } from '../api/types.ts'
import { type Address, formatAddress } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { count, fields, list, text } from '../base/shape.ts'
import type { Clock, Timer } from '../base/time.ts'
import type { Trace } from '../base/trace.ts'
import { firstValidation, type Party } from '../cluster/first-validation.ts'
import { type ClusterView, viewFor } from '../cluster/view.ts'
import { createDatagrams, type Datagrams } from '../net/datagrams.ts'
import { type Hello, protocol, type ValidationHandler } from '../net/handshake.ts'
import type { DialFailure, Links } from '../net/link-types.ts'
import { createLinks } from '../net/links.ts'
import type { CloseReason, Sockets } from '../net/types.ts'
import { runHandlers } from '../net/validation.ts'
import type { RaftConfig } from '../raft/types.ts'
import type { Storage, StorageFailure } from '../store/types.ts'
import type { Member, SwimConfig, SwimReady } from '../swim/types.ts'
import { Authority } from './authority.ts'
import { backendOf } from './backend.ts'
import type { AgentConfig } from './config.ts'
import type { AppliedEntry, ControlPlane } from './control-plane.ts'
import { controlDesk } from './desk/control.ts'
import type { DeskParts } from './desk/desk.ts'
import { KvDesk } from './desk/kv.ts'
import { membershipDesk, sourceOf } from './desk/membership.ts'
import { operationsDesk } from './desk/operations.ts'
import { viewsDesk } from './desk/views.ts'
import { Entry } from './entry.ts'
import { Following, followMethods } from './following.ts'
import { Gossip } from './gossip.ts'
import { Group } from './group.ts'
import { contact, Initiation } from './initiation.ts'
import { encodeMeta } from './member-meta.ts'
import { Requests, refusal } from './requests.ts'
import type { CatalogRole, RoleHosting, ServiceDirectory } from './role-hosting.ts'
import { Self } from './self.ts'
import { controlReport, ownReport, type Sight } from './status.ts'
import { Steward } from './steward.ts'
import { Watch } from './watch.ts'

/** Everything that reaches the agent from the world comes through these. */
export interface AgentParts {
  readonly clock: Clock
  readonly random: Random
  readonly sockets: Sockets
  readonly storage: Storage
  readonly config: AgentConfig
  readonly trace: Trace
  /** Product version. */
  readonly version: string
  readonly roleCatalog: readonly CatalogRole[]
  /** Undefined: roles are recorded, and nothing acts on them here. */
  readonly roles?: (lent: RolesLent) => RoleHosting
  /** More rules of the first validation. */
  readonly validation?: readonly ValidationHandler[]
  /** Something that the process must know: bound, or unusable. */
  readonly events?: { bound?(at: Address): void; failed?(error: Error): void }
}

/** What the agent lends to those who run the roles. */
export interface RolesLent {
  report(role: string, state: string, detail: string, done: (taken: boolean) => void): void
  epoch(): number
  incarnation(): number
}

const none = new Uint8Array(0)
/** A group that hears no leader for so long asks others whether it is still part of it. */
const orphanPeriod = 3_000
const orphanPatience = 1_000
/** The leader enrols a node first and counts it then: so long, ms, it may wait for its first entries. */
const enrolPatience = 150_000
/** Members that this node cannot reach are named to the leader this often, ms, as long as it lasts. */
const accusePeriod = 1_000
const reportPatience = 30_000

/** The whole node without its process: wires the rooms together, and owns no rule of its own. */
export class Agent {
  readonly self: Self
  readonly links: Links
  readonly authority: Authority
  readonly initiation: Initiation
  readonly entry: Entry
  readonly following: Following
  readonly group: Group
  readonly kv: KvDesk
  readonly backend: Backend
  readonly #parts: AgentParts
  #datagrams: Datagrams
  #bound: Address | undefined
  readonly #steward: Steward
  readonly #requests: Requests
  readonly #admin: Watch
  readonly #applied: Watch
  readonly #roles: RoleHosting | undefined
  readonly #timers = new Map<string, Timer>()
  readonly #foreign = { count: 0, last: '' }
  #gossip: Gossip
  #storageFailure: StorageFailure | undefined
  #stopped = false
  /** When the leader last announced the log, until somebody leads here. */
  #awaitsLog = Number.NEGATIVE_INFINITY
  #enrolments = 0

  constructor(parts: AgentParts) {
    this.#parts = parts
    const { clock, random, sockets, storage, config, trace, version } = parts
    this.self = new Self(storage, config, version, clock.wall(), random, error =>
      this.#onStorageFailure({ kind: 'io', message: error.message }),
    )
    this.#admin = new Watch(clock)
    this.#applied = new Watch(clock)
    this.links = createLinks({
      sockets,
      clock,
      random: random.fork(),
      handlers: this.#linkHandlers(),
    })
    this.#datagrams = this.#newDatagrams()
    this.#gossip = this.#newGossip()
    this.group = new Group({
      self: this.self,
      clock,
      random,
      trace,
      links: this.links,
      storage,
      timing: raftTiming(config.timingFactor),
      applied: batch => this.#onApplied(batch),
      ranked: () => this.#onRanked(),
      failed: failure => this.#onStorageFailure(failure),
    })
    this.authority = new Authority({
      self: this.self,
      clock,
      links: this.links,
      client: `${this.self.id}/${this.self.facts.incarnation}`,
      leader: () => this.leader(),
      control: () =>
        (this.view()?.control ?? this.self.facts.cluster?.control ?? []).map(c => c.id),
      local: (method, body, blob, answer) =>
        this.#requests.handle(this.self.id, method, body, blob, answer),
    })
    this.following = new Following({
      self: this.self,
      clock,
      links: this.links,
      idle: () => !this.self.facts.cluster || this.plane?.state.cluster != null,
      learned: view => this.#onView(view),
    })
    const desk = this.#deskParts()
    this.kv = new KvDesk(desk)
    this.#steward = new Steward(desk)
    this.initiation = new Initiation({
      self: this.self,
      clock,
      random,
      trace,
      links: this.links,
      members: () => this.#gossip.members(),
      createGroup: voters => this.group.create(voters),
      startGroup: () => {
        this.#startGroup()
        return this.plane
      },
      dropGroup: () => void this.#leaveGroup('cancelled-init'),
      controlNames: () =>
        (this.view()?.control ?? this.self.facts.cluster?.control ?? []).map(c => c.name),
    })
    this.entry = new Entry({
      self: this.self,
      clock,
      random: random.fork(),
      trace,
      links: this.links,
      authority: this.authority,
      seeds: config.join,
      view: () => this.view(),
      introduce: (peer, address) => this.#introduce(peer, address),
      admitted: view => this.#admitted(view),
      expelled: () => this.#expelled(),
    })
    this.#requests = new Requests(
      [
        membershipDesk(desk),
        operationsDesk(desk),
        controlDesk(desk),
        this.kv.methods(),
        viewsDesk({
          ...desk,
          report: plane => this.controlReport(plane, false),
          applied: this.#applied,
          leader: () => this.leader(),
        }),
        this.initiation.methods(),
        this.entry.methods(),
        this.group.snapshots.methods(),
        followMethods({
          view: id => this.#viewOf(id),
          wait: (after, ms, done) => this.#admin.wait(after, ms, done),
          leader: () => this.plane?.leader() ?? null,
        }),
        { enrol: ({ body, from, answer }) => answer(this.#enrol(fields(body), from)) },
      ],
      trace,
    )
    this.#roles = parts.roles?.({
      report: (role, state, detail, done) => {
        this.authority.ask('role-report', { role, state, detail }, reportPatience, outcome =>
          done(outcome.ok),
        )
      },
      epoch: () => this.self.facts.cluster?.epoch ?? 0,
      incarnation: () => this.self.facts.incarnation,
    })
    this.backend = backendOf(this, clock)
  }

  /** Binds, recovers what the disk knows, and begins to look for others. */
  start(): void {
    this.initiation.forgetUnstarted()
    this.group.tidy()
    this.#knowPeers()
    this.links.listen(this.#parts.config.bind)
    if (this.self.facts.group) this.#startGroup()
    this.entry.start()
    this.#steward.start()
    this.following.follow()
    this.#every('orphan', orphanPeriod, () => this.#askWhetherOrphaned())
    this.#every('accuse', accusePeriod, () => this.#accuse())
  }

  /** Graceful: peers hear a goodbye, the disk is flushed. Membership does not change. */
  stop(done: () => void): void {
    if (this.#stopped) return done()
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.entry.stop()
    this.following.stop()
    this.#steward.stop()
    this.kv.wakeAll()
    this.#admin.stop()
    this.#applied.stop()
    const closeDisk = () => this.group.stop(() => this.#parts.storage.close(done))
    const silence = () => {
      this.#gossip.stop()
      this.links.close()
      this.#datagrams.close()
      closeDisk()
    }
    if (this.#roles) this.#roles.stop(silence)
    else silence()
  }

  get plane(): ControlPlane | undefined {
    return this.group.plane
  }

  get gossip(): Gossip {
    return this.#gossip
  }

  get services(): ServiceDirectory | undefined {
    return this.#roles?.services
  }

  get roleCatalog(): readonly CatalogRole[] {
    return this.#parts.roleCatalog
  }

  leader(): string | null {
    return this.plane ? this.plane.leader() : (this.following.view?.leader ?? null)
  }

  /** What this node knows of its cluster: from its own log, or from the control node that it follows. */
  view(): ClusterView | undefined {
    return this.#viewOf(this.self.id) ?? this.following.view
  }

  sight(): Sight {
    return {
      self: this.self,
      members: this.#gossip.members(),
      notices: this.#notices(),
      refused: this.entry.refusal?.code,
    }
  }

  controlReport(plane: ControlPlane, stale: boolean): StatusReport {
    return controlReport(
      this.sight(),
      plane.state,
      plane.status(),
      id => this.#gossip.reaches(id),
      stale,
    )
  }

  ownReport(): StatusReport {
    const { cluster, group } = this.self.facts
    const waiting = this.entry.validating || group?.prepared !== undefined
    return ownReport(
      this.sight(),
      this.view(),
      waiting ? 'validating' : cluster ? 'unreachable' : 'zombie',
    )
  }

  /** Sets the state aside and becomes an empty node under a new id: the old one may have promised things. */
  reset(): string {
    return this.#depart('reset', false)
  }

  // ---- wiring

  #deskParts(): DeskParts {
    const agent = this
    return {
      self: this.self,
      clock: this.#parts.clock,
      trace: this.#parts.trace,
      links: this.links,
      roles: { requires: role => this.#catalog(role)?.requires, needs: role => this.#needs(role) },
      admin: this.#admin,
      plane: () => this.plane,
      get gossip() {
        return agent.#gossip
      },
    }
  }

  #catalog(role: string): CatalogRole | undefined {
    return this.#parts.roleCatalog.find(r => r.name === role)
  }

  #needs(role: string): readonly string[] {
    return this.#catalog(role)?.needsForBootstrap ?? []
  }

  #newDatagrams(): Datagrams {
    const { sockets, events } = this.#parts
    return createDatagrams({
      sockets,
      id: this.self.id,
      tag: () => this.self.facts.cluster?.tag ?? null,
      handlers: {
        bound: at => events?.bound?.(at),
        failed: error => events?.failed?.(error),
        received: (from, tag, address, message) => {
          if (this.#speaksToUs(from, tag, address))
            this.#gossip.receive(from, address, 'datagram', message)
        },
        foreign: (from, why) => this.#countForeign(from, why),
      },
    })
  }

  #newGossip(): Gossip {
    const { clock, random, config } = this.#parts
    const { id, name, address, facts } = this.self
    return new Gossip({
      clock,
      random: random.fork(),
      self: { id, name, address, incarnation: facts.incarnation, meta: this.#meta() },
      config: swimTiming(config.timingFactor),
      sendDatagram: (to, message) => this.#datagrams.send(to, message),
      sendStream: (to, address, message) => {
        this.links.setAddress(to, address)
        this.links.sendSwim(to, message)
      },
      changed: changes => this.#onBeliefs(changes),
      incarnated: incarnation => this.self.note({ incarnation }),
    })
  }

  #linkHandlers() {
    return {
      listening: (at: Address) => {
        this.self.boundTo(at)
        this.#bound = at
        this.#datagrams.bind(at)
        this.#gossip.step({ type: 'update-self', address: this.self.address })
      },
      failed: (error: Error) => this.#parts.events?.failed?.(error),
      hello: () => this.#hello(),
      validate: (hello: Hello, from: Address) => this.#validate(hello, from),
      connected: (peer: Hello, address: Address) => this.entry.met(peer, address),
      disconnected: (id: string, why: CloseReason) => this.#onLinkDown(id, why),
      dialFailed: (address: Address, id: string | undefined, failure: DialFailure) => {
        if (id && failure.why === 'refused') this.#onLinkDown(id, 'refused')
        if (!id) this.entry.dialFailed(address, failure)
      },
      raft: (from: string, message: Parameters<ControlPlane['step']>[0]) => {
        if (message.type !== 'snapshot' || this.group.snapshots.arrived(from, message.snapshot))
          this.plane?.step(message)
      },
      swim: (from: string, message: Parameters<Gossip['receive']>[3]) => {
        const address = this.#gossip.member(from)?.address ?? { host: '', port: 0 }
        this.#gossip.receive(from, address, 'stream', message)
      },
      request: (...args: Parameters<Requests['handle']>) => this.#requests.handle(...args),
      notice: (from: string, kind: string, body: unknown) => this.#onNotice(from, kind, body),
      foreign: (from: Address, why: string) => this.#countForeign(from, why),
    }
  }

  #every(name: string, period: number, task: () => void): void {
    this.#timers.set(
      name,
      this.#parts.clock.after(period, () => {
        task()
        this.#every(name, period, task)
      }),
    )
  }

  // ---- first validation

  #party(): Party {
    const { cluster, group } = this.self.facts
    return {
      id: this.self.id,
      name: this.self.name,
      protocolMin: protocol.min,
      protocolMax: protocol.max,
      version: this.self.version,
      busy: group?.prepared !== undefined || this.entry.validating,
      ...(cluster && {
        allegiance: {
          tag: cluster.tag,
          clusterName: cluster.name,
          epoch: cluster.epoch,
          metaVersion: cluster.metaVersion,
        },
      }),
    }
  }

  #hello(): Hello {
    const { roles, dc } = this.#parts.config
    return {
      ...this.#party(),
      address: this.self.address,
      incarnation: this.self.facts.incarnation,
      roles,
      dc,
      proof: {},
    }
  }

  #validate(hello: Hello, from: Address) {
    const prepared = this.self.facts.group?.prepared?.voters.some(v => v.id === hello.id) ?? false
    const known =
      prepared ||
      this.#gossip.member(hello.id) !== undefined ||
      this.plane?.state.nodes.has(hello.id) === true
    const verdict = firstValidation(this.#party(), hello, known)
    return verdict.outcome === 'welcome'
      ? runHandlers(this.#parts.validation ?? [], hello, from)
      : verdict
  }

  /** Datagrams of our cluster, or of somebody who passed the first validation before the init. */
  #speaksToUs(from: string, tag: string | null, address: Address): boolean {
    const ours = this.self.facts.cluster?.tag ?? null
    if (tag === ours || this.#gossip.member(from)) return true
    if (tag !== null && ours !== null) this.#countForeign(address, 'a datagram of another cluster')
    return false
  }

  #countForeign(from: Address, why: string): void {
    this.#foreign.count += 1
    this.#foreign.last = `${formatAddress(from)}: ${why}`
    this.#parts.trace.debug({ from: formatAddress(from) }, why)
  }

  // ---- what happens

  #introduce(peer: Hello, address: Address): void {
    const { id, name, incarnation, roles, dc, version } = peer
    const meta = encodeMeta({ roles, dc, version, initialised: peer.allegiance !== undefined })
    this.#gossip.step({ type: 'introduce', members: [{ id, name, address, incarnation, meta }] })
  }

  #onBeliefs(changes: SwimReady['changes']): void {
    for (const { member, before } of changes) {
      this.links.setAddress(member.id, member.address)
      if (member.status === 'unreachable') {
        this.#parts.trace.warn({ node: member.name, accusers: member.accusers }, 'unreachable')
        this.#accuse(member)
      } else if (member.status === 'alive' && before === 'unreachable') {
        this.#parts.trace.info({ node: member.name }, 'reachable again')
        this.#tellLeader('withdraw', { subject: member.id })
      }
    }
    this.#steward.look()
  }

  /** The port of a peer refuses: its process is gone. */
  #onLinkDown(id: string, why: CloseReason): void {
    if (why !== 'refused' || this.#stopped) return
    this.#gossip.step({ type: 'refused', id })
    if (this.plane?.leader() === id) this.plane.suspectLeader()
  }

  #accuse(one?: Member): void {
    const members = one ? [one] : this.#gossip.members().filter(m => m.status === 'unreachable')
    for (const { id, incarnation } of members.slice(0, 64)) {
      this.#tellLeader('accuse', { subject: id, incarnation, health: this.#gossip.health() })
    }
  }

  #tellLeader(kind: string, body: Record<string, unknown>): void {
    const leader = this.leader()
    if (leader === null || !this.self.facts.cluster) return
    if (leader !== this.self.id) this.links.notice(leader, kind, body, none)
  }

  #onNotice(from: string, kind: string, body: unknown): void {
    try {
      const known = fields(body)
      if (kind === 'accuse' || kind === 'withdraw') this.#steward.notice(from, kind, known)
      if (kind === 'retired') this.#askWhetherOrphaned(true)
    } catch (error) {
      this.#parts.trace.warn({ from, kind, error }, 'a notice that is not what it should be')
    }
  }

  #onRanked(): void {
    if (this.plane?.leader() != null) this.#awaitsLog = Number.NEGATIVE_INFINITY
    this.#steward.ranked()
    this.#onBelonging()
  }

  #onApplied(batch: readonly AppliedEntry[]): void {
    const { plane } = this
    if (!plane) return
    const restored = batch.length === 0
    let administrative = restored ? plane.state.applied : 0
    for (const { entry, event, applied } of batch) {
      if (applied.event && event?.type !== 'KvPut' && event?.type !== 'KvDelete')
        administrative = entry.index
      if (event && applied.outcome.ok) this.#onEvent(event)
    }
    if (administrative > 0) {
      this.#admin.bump(administrative)
      this.#onBelonging()
      this.#tellRetired(batch)
    }
    this.#applied.bump(plane.state.applied)
    if (restored) {
      this.kv.wakeAll()
      this.#knowFailed(plane)
    } else this.kv.applied(batch)
    if (administrative > 0) this.#steward.look()
  }

  #onEvent(event: NonNullable<AppliedEntry['event']>): void {
    if (event.type === 'NodeFailed' || event.type === 'NodeLeft') {
      const { id } = event.data
      const incarnation =
        event.type === 'NodeFailed'
          ? event.data.incarnation
          : (this.#gossip.member(id)?.incarnation ?? 0)
      this.#gossip.step({
        type: 'verdict',
        id,
        incarnation,
        verdict: event.type === 'NodeFailed' ? 'failed' : 'left',
      })
    }
    if (event.type === 'NodeReady' || event.type === 'NodeAdmitted') {
      const { id, incarnation } = event.type === 'NodeReady' ? event.data : event.data.node
      this.#gossip.step({ type: 'verdict', id, incarnation, verdict: 'alive' })
    }
  }

  /** The leader lets those know that carry the log no longer; they would only hear silence. */
  #tellRetired(batch: readonly AppliedEntry[]): void {
    const { plane } = this
    if (!plane?.isLeader() || !batch.some(b => b.entry.type === 'config')) return
    const carry = new Set([...plane.state.voters, ...plane.state.observers])
    for (const id of this.links.connectedPeers())
      if (!carry.has(id)) this.links.notice(id, 'retired', {}, none)
  }

  /** The agreed picture changed: facts on disk, addresses, gossip and roles follow it. */
  #onBelonging(): void {
    const view = this.#viewOf(this.self.id)
    if (view) this.#onView(view)
  }

  #onView(view: ClusterView): void {
    const { tag, name, epoch, metaVersion } = view.cluster
    const before = this.self.facts.cluster
    const { group } = this.self.facts
    this.self.note({
      cluster: { tag, name, epoch, metaVersion, control: view.control },
      ...(group?.prepared && { group: { tag: group.tag } }),
      left: undefined,
      joining: [],
    })
    if (!before) this.#gossip.step({ type: 'update-self', meta: this.#meta() })
    for (const { id, host, port } of [...view.control, ...view.members]) {
      if (id !== this.self.id) this.links.setAddress(id, { host, port })
    }
    const strangers = view.members.filter(m => !m.failed && !this.#gossip.member(m.id))
    if (strangers.length > 0) {
      this.#gossip.step({
        type: 'introduce',
        members: strangers.map(({ id, name: called, host, port, incarnation }) => ({
          id,
          name: called,
          address: { host, port },
          incarnation,
          meta: encodeMeta({ dc: '', version: '', roles: [], initialised: true }),
        })),
      })
    }
    this.#roles?.update(view)
  }

  #admitted(view: ClusterView): void {
    this.following.take(view)
    this.following.follow()
  }

  #viewOf(id: string): ClusterView | undefined {
    const { plane } = this
    return plane
      ? viewFor(
          { ...sourceOf(plane), version: this.#admin.current, needs: role => this.#needs(role) },
          id,
          plane.leader(),
        )
      : undefined
  }

  #onStorageFailure(failure: StorageFailure): void {
    if (this.#storageFailure) return
    this.#storageFailure = failure
    this.#parts.trace.error(
      { kind: failure.kind },
      `storage failed: ${failure.message}; this node gives up its vote and acknowledges nothing more`,
    )
  }

  // ---- coming and going

  #startGroup(): void {
    this.#knowPeers()
    this.group.open()
    const { plane } = this
    if (!plane) return
    this.#admin.bump(plane.state.applied)
    this.#applied.bump(plane.state.applied)
    this.#onBelonging()
    this.#knowFailed(plane)
  }

  /** Verdicts that this node did not see being agreed. */
  #knowFailed(plane: ControlPlane): void {
    for (const { id, phase, incarnation } of plane.state.nodes.values()) {
      if (phase === 'failed')
        this.#gossip.step({ type: 'verdict', id, incarnation, verdict: 'failed' })
    }
  }

  #knowPeers(): void {
    const { cluster, group, known } = this.self.facts
    for (const c of [...known, ...(group?.prepared?.voters ?? []), ...(cluster?.control ?? [])]) {
      if (c.id !== this.self.id) this.links.setAddress(c.id, { host: c.host, port: c.port })
    }
  }

  /** The leader wants this node to carry the log. */
  #enrol(body: ReturnType<typeof fields>, from: string) {
    const tag = text(body, 'tag', 36)
    const { cluster, group } = this.self.facts
    if (cluster && cluster.tag !== tag)
      return refusal('TAG_MISMATCH', `belongs to «${cluster.name}»`)
    if (group && group.tag !== tag)
      return refusal('BUSY', `an init of «${group.prepared?.name}» is under way here`)
    this.#enrolments += 1
    // One that hears a leader has the log already: the question crossed its start.
    if (this.plane?.leader() == null) this.#awaitsLog = this.#parts.clock.now()
    if (group?.prepared && !group.prepared.started) {
      // The start went past this node, which promised nothing yet: the group is the leader's.
      this.self.update({ group: { tag } })
      this.#startGroup()
    }
    if (!group) {
      for (const c of list(body, 'control', 64).map(contact))
        if (c.id !== this.self.id) this.links.setAddress(c.id, c)
      this.group.create([], { term: count(body, 'term'), vote: from })
      this.self.update({ group: { tag } })
      this.#startGroup()
    }
    return { ok: true as const, body: {} }
  }

  /** A group without a leader: perhaps the others changed the configuration while we were away. */
  #askWhetherOrphaned(told = false): void {
    const { plane } = this
    if (!plane || this.#storageFailure || plane.isLeader()) return
    if (plane.leader() !== null && !told) return
    if (this.#parts.clock.now() - this.#awaitsLog < enrolPatience) return
    const enrolments = this.#enrolments
    this.authority.ask('carries', {}, orphanPatience, outcome => {
      if (!outcome.ok || this.plane !== plane || this.#enrolments !== enrolments) return
      const { carries, view } = outcome.body as { carries: boolean; view: ClusterView }
      if (!carries && view.cluster.tag === this.self.facts.cluster?.tag) this.#retire(view)
    })
  }

  /** The log is not for this node any more. */
  #retire(view: ClusterView): void {
    try {
      this.self.update({ group: undefined })
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      return this.#onStorageFailure({ kind: 'io', message: error.message })
    }
    this.#parts.trace.info({}, 'this node carries the log no longer')
    this.#leaveGroup('retired')
    this.following.take(view)
    this.following.follow()
  }

  /** Out: nothing of the old cluster is kept in use, and nothing is deleted. */
  #depart(label: 'left' | 'reset', keepId: boolean): string {
    this.self.update({
      cluster: undefined,
      group: undefined,
      known: [],
      joining: [],
      left: keepId ? true : undefined,
      ...(keepId && { incarnation: this.self.facts.incarnation + 1 }),
      ...(!keepId && this.self.renewed(this.#parts.clock.wall(), this.#parts.random)),
    })
    const aside = this.#leaveGroup(label)
    this.#parts.trace.info({ label, aside }, 'this node is empty now')
    this.following.forget()
    this.#admin.restart()
    this.#applied.restart()
    this.kv.wakeAll()
    this.#roles?.update(undefined)
    for (const id of this.links.connectedPeers()) this.links.forget(id)
    for (const member of this.#gossip.members()) this.links.forget(member.id)
    if (!keepId) this.#rebind()
    this.#gossip.stop()
    this.#gossip = this.#newGossip()
    this.entry.restart()
    return aside
  }

  /** The facts have forgotten the group already: what cannot be moved now is moved before the next one is made. */
  #leaveGroup(label: string): string {
    try {
      return this.group.leave(label) ?? 'nothing to set aside'
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#onStorageFailure({ kind: 'io', message: error.message })
      return 'nothing: the disk refused to move it'
    }
  }

  /** On the control plane's word; nobody waits for an answer, so a disk that refuses is only reported. */
  #expelled(): void {
    try {
      this.#depart('left', true)
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#onStorageFailure({ kind: 'io', message: error.message })
    }
  }

  /** Datagrams carry the id. */
  #rebind(): void {
    this.#datagrams.close()
    this.#datagrams = this.#newDatagrams()
    if (this.#bound) this.#datagrams.bind(this.#bound)
  }

  #meta(): Uint8Array {
    const { dc, roles } = this.#parts.config
    return encodeMeta({
      dc,
      roles,
      version: this.self.version,
      initialised: this.self.facts.cluster !== undefined,
    })
  }

  #notices(): readonly string[] {
    const out = [...this.entry.notices()]
    const failure = this.#storageFailure
    if (failure)
      out.push(
        `${this.self.name}: storage ${failure.kind}: ${failure.message}; no vote and no writes until it is mended and the agent restarted`,
      )
    if (this.#foreign.count > 0)
      out.push(
        `${this.self.name}: ${this.#foreign.count} foreign packets, last from ${this.#foreign.last}`,
      )
    const stopped = this.plane?.state.stopped
    if (stopped)
      out.push(
        `${this.self.name}: stopped at event ${stopped.at} (${stopped.type}): needs hive with event version ${stopped.needs}`,
      )
    return out
  }
}

function raftTiming(factor: number): Partial<RaftConfig> {
  return factor === 1 ? {} : { heartbeat: 75 * factor, electionTimeout: 500 * factor }
}

function swimTiming(factor: number): Partial<SwimConfig> {
  return factor === 1 ? {} : { probePeriod: 500 * factor, probeTimeout: 200 * factor }
}
