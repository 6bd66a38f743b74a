import type { Backend, StatusReport } from '../api/types.ts'
import type { Address } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { count, fields, list, optionalCount, text } from '../base/shape.ts'
import type { Clock, Timer } from '../base/time.ts'
import type { Trace } from '../base/trace.ts'
import { isHome } from '../cluster/epoch.ts'
import { expiryNotices } from '../cluster/expiry.ts'
import { type ClusterView, viewFor } from '../cluster/view.ts'
import {
  createDatagrams,
  type Datagrams,
  maxDatagramBytes,
  sealOverhead,
} from '../net/datagrams.ts'
import type { Hello, ValidationHandler } from '../net/handshake.ts'
import type { DialFailure, Links } from '../net/link-types.ts'
import { createLinks } from '../net/links.ts'
import type { CloseReason, PeerIdentity, Sockets } from '../net/types.ts'
import type { RaftConfig } from '../raft/types.ts'
import type { NodeFacts, Storage, StorageFailure } from '../store/types.ts'
import type { Member, SwimConfig, SwimReady } from '../swim/types.ts'
import { Authority } from './authority.ts'
import { backendOf } from './backend.ts'
import { Certification } from './certification.ts'
import { Claims } from './claims.ts'
import type { AgentConfig } from './config.ts'
import type { AppliedEntry, ControlPlane } from './control-plane.ts'
import { controlDesk } from './desk/control.ts'
import type { DeskParts } from './desk/desk.ts'
import { epochsDesk } from './desk/epochs.ts'
import { KvDesk } from './desk/kv.ts'
import { membershipDesk, sourceOf } from './desk/membership.ts'
import { operationsDesk } from './desk/operations.ts'
import { type RecoveryDeskParts, recoveryDesk } from './desk/recovery.ts'
import { settingsDesk } from './desk/settings.ts'
import { tokensDesk } from './desk/tokens.ts'
import { trustFor } from './desk/trust.ts'
import { viewsDesk } from './desk/views.ts'
import { Entry } from './entry.ts'
import { Following, followMethods } from './following.ts'
import { Gate, isHistory } from './gate.ts'
import { Gossip } from './gossip.ts'
import { Group } from './group.ts'
import { type Home, Homecoming } from './homecoming.ts'
import { contact, Initiation } from './initiation.ts'
import { Journal } from './journal.ts'
import { encodeMeta } from './member-meta.ts'
import { Passports } from './passports.ts'
import { Rescuers } from './recovery.ts'
import { Requests, refusal } from './requests.ts'
import type { CatalogRole, RoleHosting, ServiceDirectory } from './role-hosting.ts'
import type { Security } from './security.ts'
import { Self } from './self.ts'
import { controlReport, ownReport, type Sight } from './status.ts'
import { Steward } from './steward.ts'
import { TrustSteward } from './trust-steward.ts'
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
  /** What this node proves and believes. Undefined: nothing, and everybody. */
  readonly security?: Security
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
/** A node that follows notes on disk this often, ms, how far it has seen the log. */
const seenPace = 60_000
/** Whoever compares histories waits so long for a quorum's word, ms. */
const refreshPatience = 5_000
/** Between the event that removes a node and the end of its link, ms; what it says meanwhile is refused. */
const partingTime = 1_000

/** How a node leaves what it belonged to: for good, as a new node, or to come back with these facts. */
type Departure = 'left' | 'as another' | Pick<NodeFacts, 'returning' | 'known'>

/** Whom to ask after a new start: a few would do, and a list of all nodes must not stay behind. */
const maxContacts = 64

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
  readonly #gate: Gate
  readonly #claims: Claims
  readonly #homecoming: Homecoming
  readonly journal: Journal
  readonly passports: Passports
  readonly certification: Certification | undefined
  readonly trust: TrustSteward | undefined
  /** Control nodes that say this node was removed. */
  readonly #saidRemoved = new Set<string>()
  #gossip: Gossip
  #storageFailure: StorageFailure | undefined
  #stopped = false
  /** When the leader last announced the log, until somebody leads here. */
  #awaitsLog = Number.NEGATIVE_INFINITY
  #enrolments = 0
  /** Where an older epoch's log and facts are, since this start. */
  #setAside: { readonly epoch: number; readonly aside: string } | undefined
  /** When a leader was last known; undefined: never, since this start. */
  #ledAt: number | undefined
  #led = false
  readonly rescuers: Rescuers

  constructor(parts: AgentParts) {
    this.#parts = parts
    const { clock, random, sockets, storage, config, trace, version } = parts
    this.self = new Self(storage, config, version, clock.wall(), random, error =>
      this.#onStorageFailure({ kind: 'io', message: error.message }),
    )
    const { security } = parts
    security?.be(this.self.id)
    this.self.key = security?.key
    this.journal = new Journal(clock, trace)
    this.passports = new Passports({
      self: this.self,
      security,
      plane: () => this.plane,
      view: () => this.following.view,
    })
    this.#claims = new Claims({
      clock,
      ask: done => this.#refresh(done),
      diverged: id => this.#cutOff(id),
    })
    this.#gate = this.#newGate()
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
    this.#homecoming = new Homecoming({
      ...{ self: this.self, clock, trace, links: this.links },
      control: () => this.#ownControl(),
      startAnew: home => this.#startAnew(home),
    })
    const desk = this.#deskParts()
    this.certification =
      security &&
      new Certification({
        self: this.self,
        clock,
        trace,
        authority: this.authority,
        security,
        view: () => this.view(),
      })
    this.trust =
      security &&
      new TrustSteward(
        Object.assign(this.#deskParts(), {
          security,
          certificateLife: config.certificateLife,
          certification: this.certification!,
          isMember: (id: string) => this.passports.isMember(id, this.links.identity(id)),
        }),
      )
    security?.onChange(() => this.#proveAnew())
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
      proof: () => (security ? { request: security.request(this.self.id) } : {}),
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
        epochsDesk(desk),
        settingsDesk(desk),
        tokensDesk(desk),
        recoveryDesk(this.#recoveryParts(desk), random.fork()),
        ...(this.trust ? [this.trust.methods()] : []),
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
    this.rescuers = new Rescuers({
      ...{ self: this.self, clock, links: this.links },
      plane: () => this.plane,
      local: (method, body, answer) =>
        this.#requests.handle(this.self.id, method, body, none, answer),
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
    this.trust?.start()
    this.following.follow()
    this.#every('orphan', orphanPeriod, () => this.#askWhetherOrphaned())
    this.#every('accuse', accusePeriod, () => this.#accuse())
    this.#every('seen', seenPace, () => this.#noteSeen())
  }

  /** Graceful: peers hear a goodbye, the disk is flushed. Membership does not change. */
  stop(done: () => void): void {
    if (this.#stopped) return done()
    this.#stopped = true
    for (const timer of this.#timers.values()) timer.cancel()
    this.#noteSeen()
    this.entry.stop()
    this.following.stop()
    this.#steward.stop()
    this.trust?.stop()
    this.certification?.stop()
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

  get security(): Security | undefined {
    return this.#parts.security
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
    return this.#depart('reset', 'as another')
  }

  /** An operator has this node give in to another history of its cluster; says where its own is kept. */
  yield(): string {
    return this.#homecoming.yield(this.plane?.lineage)
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
      viewOf: id => this.#viewOf(id),
      keyObjection: (node, before, request) => this.trust?.keyObjection(node, before, request),
      certify: (plane, id, request, done) =>
        this.trust ? this.trust.certify(plane, id, request, done) : done(undefined),
      get gossip() {
        return agent.#gossip
      },
    }
  }

  #recoveryParts(desk: DeskParts): RecoveryDeskParts {
    return {
      ...desk,
      get gossip() {
        return desk.gossip
      },
      diskWorks: () => this.#storageFailure === undefined,
      leaderless: () => (this.#ledAt === undefined ? null : this.#parts.clock.now() - this.#ledAt),
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
      cipher: () => this.#parts.security?.cipher,
      handlers: {
        bound: at => events?.bound?.(at),
        failed: error => events?.failed?.(error),
        received: (from, tag, address, message) => {
          if (this.#speaksToUs(from, tag, address))
            this.#gossip.receive(from, address, 'datagram', message)
        },
        foreign: (from, why) => this.journal.foreign(from, why),
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
      // Room for the seal, needed or not: nodes of one cluster count alike, whatever else they have.
      config: { ...swimTiming(config.timingFactor), packetBytes: maxDatagramBytes - sealOverhead },
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
      hello: () => this.#gate.hello(),
      validate: (hello: Hello, from: Address, identity?: PeerIdentity, asked = false) =>
        this.#objection(hello, from, identity) ?? this.#gate.validate(hello, from, identity, asked),
      connected: (peer: Hello, address: Address) => {
        this.journal.met(peer.id)
        this.entry.met(peer, address)
      },
      disconnected: (id: string, why: CloseReason) => this.#onLinkDown(id, why),
      dialFailed: (address: Address, id: string | undefined, failure: DialFailure) => {
        if (id && failure.why === 'refused') this.#onLinkDown(id, 'refused')
        this.#dialFailed(address, id, failure)
      },
      raft: (
        from: string,
        message: Parameters<ControlPlane['step']>[0],
        identity?: PeerIdentity,
      ) => {
        if (!this.passports.isMember(from, identity)) return
        if (message.type !== 'snapshot' || this.group.snapshots.arrived(from, message.snapshot))
          this.plane?.step(message)
      },
      swim: (from: string, message: Parameters<Gossip['receive']>[3], identity?: PeerIdentity) => {
        if (!this.passports.isMember(from, identity)) return
        const address = this.#gossip.member(from)?.address ?? { host: '', port: 0 }
        this.#gossip.receive(from, address, 'stream', message)
      },
      request: (
        ...[from, method, body, blob, answer, identity]: Parameters<Requests['handle']>
      ) => {
        const no = this.passports.refusal(from, identity, method)
        if (no) return answer(refusal(no.code, no.message))
        this.#requests.handle(from, method, body, blob, answer, identity)
      },
      notice: (
        from: string,
        kind: string,
        body: unknown,
        _blob: Uint8Array,
        identity?: PeerIdentity,
      ) => {
        if (this.passports.isMember(from, identity)) this.#onNotice(from, kind, body)
      },
      foreign: (from: Address, why: string) => this.journal.foreign(from, why),
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

  #newGate(): Gate {
    const { self } = this
    const { clock, config, validation } = this.#parts
    return new Gate({
      ...{ self, clock, config, journal: this.journal, claims: this.#claims },
      handlers: validation ?? [],
      busy: () => self.facts.group?.prepared !== undefined || this.entry.validating,
      known: id => {
        const prepared = self.facts.group?.prepared?.voters.some(v => v.id === id) ?? false
        return (
          prepared ||
          this.#gossip.member(id) !== undefined ||
          this.plane?.state.nodes.has(id) === true
        )
      },
      outdated: by => this.#homecoming.refusedBy(by),
      carries: () => this.plane !== undefined,
      seen: () => this.plane?.state.applied ?? this.following.view?.version ?? 0,
    })
  }

  /** By a linearizable read; what comes back is taken in, so that a node that was behind no longer is. */
  #refresh(done: (metaVersion: number | undefined) => void): void {
    this.authority.ask('refresh', { id: this.self.id }, refreshPatience, outcome => {
      if (!outcome.ok) return done(undefined)
      const view = outcome.body as ClusterView
      if (!this.plane) this.following.take(view)
      done(view.cluster.metaVersion)
    })
  }

  /** A peer of another history: what it sends must not be heard. */
  #cutOff(id: string): void {
    if (!this.links.isConnected(id)) return
    this.#parts.trace.warn(
      { id },
      'a peer comes from a future that the cluster lost: its link is closed',
    )
    this.links.forget(id)
  }

  #dialFailed(address: Address, id: string | undefined, failure: DialFailure): void {
    const { by } = 'by' in failure ? failure : {}
    if (failure.why === 'rejected' && !failure.own && by?.id !== this.self.id) {
      const peer = { name: by?.name ?? '', id: by?.id ?? '', address: by?.address ?? address }
      this.journal.refused('us', peer, failure.code, failure.reason)
    }
    if (failure.why === 'untrusted') {
      this.journal.refused(
        'us',
        { name: '', id: id ?? '', address },
        'UNTRUSTED',
        'the two ends do not believe each other: another secret, or another cluster',
      )
    }
    this.#heardRemoved(failure)
    if (failure.why === 'rejected' && isHistory(failure.code) && by) this.#homecoming.refusedBy(by)
    if (!id) this.entry.dialFailed(address, failure)
  }

  /** Datagrams of our cluster, or of somebody who passed the first validation before the init. */
  #speaksToUs(from: string, tag: string | null, address: Address): boolean {
    const ours = this.self.facts.cluster?.tag ?? null
    if (this.#gate.isShutOut(from)) return false
    if (tag === ours || this.#gossip.member(from)) return true
    if (tag !== null && ours !== null)
      this.journal.foreign(address, 'a datagram of another cluster')
    return false
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
      if (kind === 'certificate-due') this.certification?.renew()
    } catch (error) {
      this.#parts.trace.warn({ from, kind, error }, 'a notice that is not what it should be')
    }
  }

  #onRanked(): void {
    const led = this.plane?.leader() != null
    if (led) this.#awaitsLog = Number.NEGATIVE_INFINITY
    if (led || this.#led) this.#ledAt = this.#parts.clock.now()
    this.#led = led
    this.#steward.ranked()
    this.trust?.ranked()
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
    if (batch.length === 0) this.#passedOver(plane)
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
    if (administrative > 0) {
      this.#steward.look()
      this.trust?.look()
      this.#partWithNobodies()
    }
  }

  /**
   * A snapshot brought a newer epoch: who left on the way to it is not in there. What gossip still believes
   * of them goes, and begins anew from the agreed nodes.
   */
  #passedOver(plane: ControlPlane): void {
    const { cluster } = this.self.facts
    if (!cluster || (plane.state.cluster?.epoch ?? 0) <= cluster.epoch) return
    this.#parts.trace.info(
      { from: cluster.epoch, to: plane.state.cluster?.epoch },
      'the epoch rose while this node was away',
    )
    this.#gossip.stop()
    this.#gossip = this.#newGossip()
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
    const { cluster: before, group } = this.self.facts
    this.self.note({
      cluster: this.#clusterFacts(view),
      ...((group?.prepared || group?.rescue?.lineage === view.cluster.lineage) &&
        group && { group: { tag: group.tag } }),
      left: undefined,
      returning: undefined,
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
    this.#believe(view)
    this.#roles?.update(view)
  }

  // ---- what this node proves and believes

  /** Of those who are not who they say; without a word about it to the gate, for anybody can say anything. */
  #objection(hello: Hello, from: Address, identity: PeerIdentity | undefined) {
    const no = this.passports.objection(hello, identity)
    if (no?.outcome !== 'rejected') return no
    const { id, name, address } = hello
    const at = { host: address.host || from.host, port: address.port }
    this.journal.refused('by us', { name, id, address: at }, no.code, no.reason)
    return no
  }

  #believe(view: ClusterView): void {
    const { security } = this.#parts
    if (!security || !view.trust) return
    try {
      if (view.trust.gossip) security.useRing(view.trust.gossip)
      this.certification!.look()
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#onStorageFailure({ kind: 'io', message: error.message })
    }
  }

  /** This end has more to prove than when its links were made: members shall know it as one of theirs. */
  #proveAnew(): void {
    const { security } = this.#parts
    if (this.#stopped || !security?.member || security.member.tag !== this.self.facts.cluster?.tag)
      return
    for (const id of this.links.connectedPeers()) {
      const identity = this.links.identity(id)
      if (identity?.kind !== 'node' && this.#isInTopology(id)) this.links.renew(id)
    }
  }

  #isInTopology(id: string): boolean {
    const state = this.plane?.state
    if (state?.cluster) return state.nodes.has(id)
    const { view } = this.following
    return [...(view?.control ?? []), ...(view?.members ?? [])].some(c => c.id === id)
  }

  /** Whoever is nobody to this node now; in a moment, so that who leaves in peace hears that it is out. */
  #partWithNobodies(): void {
    if (!this.#parts.security || this.#parts.security.open || this.#timers.has('nobodies')) return
    const timer = this.#parts.clock.after(partingTime, () => {
      this.#timers.delete('nobodies')
      for (const id of this.links.connectedPeers()) {
        if (this.passports.standing(id, this.links.identity(id)).as === 'nobody')
          this.links.forget(id)
      }
    })
    this.#timers.set('nobodies', timer)
  }

  /** As soon as most of the control nodes that this node knows say so, it is out. */
  #heardRemoved(failure: DialFailure): void {
    const { cluster } = this.self.facts
    if (!cluster || failure.why !== 'rejected' || failure.own || failure.code !== 'REMOVED') return
    if (failure.identity?.kind !== 'node' || failure.identity.id !== failure.by?.id) return
    this.#saidRemoved.add(failure.identity.id)
    const said = cluster.control.filter(c => this.#saidRemoved.has(c.id)).length
    const others = cluster.control.filter(c => c.id !== this.self.id).length
    if (said * 2 > others) this.#expelled()
  }

  /** What is kept of a view for the next boot. */
  #clusterFacts(view: ClusterView): NonNullable<NodeFacts['cluster']> {
    const { tag, name, epoch, metaVersion, lineage, horizon } = view.cluster
    return {
      ...{ tag, name, epoch, metaVersion },
      ...(lineage !== undefined && { lineage }),
      ...(horizon !== undefined && { horizon }),
      ...(!this.plane && { seen: this.self.facts.cluster?.seen ?? view.version }),
      control: view.control,
    }
  }

  /** How far a node that follows has seen the log: not at each event, because each is a write. */
  #noteSeen(): void {
    const { cluster } = this.self.facts
    const { view } = this.following
    if (!cluster || !view || this.plane || view.cluster.epoch !== cluster.epoch) return
    if (view.version > (cluster.seen ?? 0))
      this.self.note({ cluster: { ...cluster, seen: view.version } })
  }

  #admitted(view: ClusterView & { readonly certified?: unknown }): void {
    if (view.certified !== undefined) this.certification?.take(view.certified, view.cluster.tag)
    this.following.take(view)
    this.following.follow()
    this.#proveAnew()
  }

  #viewOf(id: string): ClusterView | undefined {
    const { plane } = this
    if (!plane) return undefined
    const view = viewFor(
      { ...sourceOf(plane), version: this.#admin.current, needs: role => this.#needs(role) },
      id,
      plane.leader(),
    )
    const { security } = this.#parts
    if (!view?.self || !security) return view
    const trust = trustFor(
      security,
      plane,
      [...view.control, ...view.members].map(c => c.id),
    )
    return trust ? { ...view, trust } : view
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
    const { tag, rescue } = this.self.facts.group ?? {}
    // A rescue that the log knows nothing of did not begin: an operator may ask for it again.
    if (tag && rescue && rescue.lineage !== plane.lineage) this.self.update({ group: { tag } })
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
    const epoch = optionalCount(body, 'epoch') ?? 0
    const lineage = optionalCount(body, 'lineage') ?? 0
    const { cluster, returning } = this.self.facts
    if (cluster && cluster.tag !== tag)
      return refusal('TAG_MISMATCH', `belongs to «${cluster.name}»`)
    if (returning && !isHome(returning, { epoch, lineage }))
      return refusal('EPOCH_MISMATCH', `looks for epoch ${returning.epoch} of its cluster`)
    if (this.plane && this.plane.lineage !== lineage) {
      const no = this.#leaveLineage(epoch)
      if (no) return no
    }
    const { group } = this.self.facts
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
      this.group.create([], {
        ...{ term: count(body, 'term'), vote: from },
        ...(lineage !== 0 && { lineage }),
      })
      const metaVersion = optionalCount(body, 'metaVersion') ?? 0
      const moved = cluster && epoch > cluster.epoch && { ...cluster, epoch, metaVersion, lineage }
      this.self.update({ group: { tag }, ...(moved && { cluster: moved }) })
      this.#startGroup()
    }
    return { ok: true as const, body: {} }
  }

  /** The cluster was recovered, and this node is to carry its log: what it carried so far is set aside. */
  #leaveLineage(epoch: number) {
    const before = this.self.facts
    if (this.plane?.leader() !== null)
      return refusal('REFUSED', `${this.self.name} follows a leader: nothing is lost here`)
    if (!before.cluster || epoch <= before.cluster.epoch)
      return refusal('EPOCH_MISMATCH', `${this.self.name} is of epoch ${before.cluster?.epoch}`)
    this.self.update({ group: undefined })
    const aside = this.#leaveGroup(`epoch-${before.cluster.epoch}`, before)
    this.#setAside = { epoch: before.cluster.epoch, aside }
    this.#parts.trace.warn({ aside }, 'the cluster was recovered: this node gets its log anew')
    this.following.forget()
    this.#claims.forget()
    this.#homecoming.forget()
    this.#admin.restart()
    this.#applied.restart()
    this.kv.wakeAll()
    return undefined
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
  #depart(label: string, how: Departure): string {
    const before = this.self.facts
    this.self.update({
      cluster: undefined,
      group: undefined,
      known: [],
      joining: [],
      left: how === 'left' ? true : undefined,
      returning: undefined,
      // Who comes back under the same id is a later one: a join of the one before, still under way, is not.
      incarnation: before.incarnation + 1,
      ...(how === 'as another' && this.self.renewed(this.#parts.clock.wall(), this.#parts.random)),
      ...(typeof how === 'object' && how),
    })
    const aside = this.#leaveGroup(label, before)
    this.#parts.trace.info({ label, aside }, 'this node is empty now')
    this.following.forget()
    this.#admin.restart()
    this.#applied.restart()
    this.kv.wakeAll()
    this.#roles?.update(undefined)
    for (const id of this.links.connectedPeers()) this.links.forget(id)
    for (const member of this.#gossip.members()) this.links.forget(member.id)
    this.#claims.forget()
    this.#homecoming.forget()
    this.#saidRemoved.clear()
    // Whoever comes back as itself proves itself by what it has.
    if (typeof how === 'string') this.#parts.security?.forget(how === 'as another')
    this.#parts.security?.be(this.self.id)
    this.self.key = this.#parts.security?.key
    if (how === 'as another') this.#rebind()
    this.#gossip.stop()
    this.#gossip = this.#newGossip()
    this.entry.restart()
    return aside
  }

  /** The control nodes that this node's own epoch has, as far as it knows. */
  #ownControl(): readonly string[] {
    const config = this.plane?.status().config
    if (config) return [...new Set([...config.voters, ...config.outgoing])]
    return (this.self.facts.cluster?.control ?? []).map(c => c.id)
  }

  /** The same node in a newer epoch: what it knew is set aside, and whom to ask is all that it keeps. */
  #startAnew({ epoch: newer, lineage }: Home): string {
    const { cluster, known } = this.self.facts
    if (!cluster) return ''
    const { tag, name, epoch, control } = cluster
    const others = [...known, ...control].filter(c => c.id !== this.self.id)
    const contacts = [...new Map(others.map(c => [c.id, c])).values()].slice(0, maxContacts)
    const returning = { tag, name, epoch: newer, lineage }
    try {
      const aside = this.#depart(`epoch-${epoch}`, { returning, known: contacts })
      this.#setAside = { epoch, aside }
      return aside
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#onStorageFailure({ kind: 'io', message: error.message })
      return ''
    }
  }

  /** The facts have forgotten the group already: what cannot be moved now is moved before the next one is made. */
  #leaveGroup(label: string, facts?: NodeFacts): string {
    try {
      return this.group.leave(label, facts) ?? 'nothing to set aside'
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error
      this.#onStorageFailure({ kind: 'io', message: error.message })
      return 'nothing: the disk refused to move it'
    }
  }

  /** On the control plane's word; nobody waits for an answer, so a disk that refuses is only reported. */
  #expelled(): void {
    try {
      this.#depart('left', 'left')
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
    out.push(...this.#homecoming.notices())
    if (this.#setAside)
      out.push(
        `${this.self.name}: what it knew in epoch ${this.#setAside.epoch} is kept in ${this.#setAside.aside}; hive log --file prints its log`,
      )
    if (this.#parts.security?.helpless) {
      out.push(
        `${this.self.name}: has no secret, token or certificate, and is believed by nobody: start it with --secret-file, or join with a token`,
      )
    }
    const state = this.plane?.state
    if (state && !this.#parts.security?.open) {
      out.push(...expiryNotices(state.nodes, state.certificates, this.#parts.clock.wall()))
    }
    out.push(...this.journal.notices(this.self.name, this.self.facts.cluster === undefined))
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
