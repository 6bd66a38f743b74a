import type { Backend } from '../api/types.ts'
import type { Address } from '../base/address.ts'
import type { Random } from '../base/random.ts'
import { fields } from '../base/shape.ts'
import type { Clock } from '../base/time.ts'
import type { Trace } from '../base/trace.ts'
import { aliasId, uuidv7 } from '../base/uuid.ts'
import type { ClusterView } from '../cluster/view.ts'
import type { ValidationHandler } from '../net/handshake.ts'
import type { Answer, Links } from '../net/link-types.ts'
import { createLinks } from '../net/links.ts'
import type { Sockets } from '../net/types.ts'
import type { RaftConfig } from '../raft/types.ts'
import type { Storage } from '../store/types.ts'
import { backendOf } from './backend.ts'
import { Ailments, tellPace } from './control/ailments.ts'
import { Authority } from './control/authority.ts'
import { ScheduledSnapshots } from './control/backups.ts'
import { ClockWatch } from './control/clock-watch.ts'
import type { ControlPlane } from './control/control-plane.ts'
import { Group } from './control/group.ts'
import { handOver, heirOf } from './control/handover.ts'
import { RankJournal } from './control/rank-journal.ts'
import { Rescuers } from './control/recovery.ts'
import { Steward } from './control/steward.ts'
import { StorageFault } from './control/storage-fault.ts'
import { Course, type CourseParts } from './course.ts'
import { controlDesk } from './desk/control.ts'
import { CopyDesk } from './desk/copies.ts'
import { type DeskParts, reachable } from './desk/desk.ts'
import { Enlisted } from './desk/enlisted.ts'
import { epochsDesk } from './desk/epochs.ts'
import { inquiriesDesk } from './desk/inquiries.ts'
import { KvDesk } from './desk/kv.ts'
import { membershipDesk } from './desk/membership.ts'
import { operationsDesk } from './desk/operations.ts'
import { type RecoveryDeskParts, recoveryDesk } from './desk/recovery.ts'
import { restoresDesk } from './desk/restores.ts'
import { settingsDesk } from './desk/settings.ts'
import { tokensDesk } from './desk/tokens.ts'
import { viewsDesk } from './desk/views.ts'
import { Doctor } from './doctor/doctor.ts'
import type { Instruments } from './doctor/instruments.ts'
import { patientOf } from './doctor/patient.ts'
import { Candidate } from './entrance/candidate.ts'
import { Claims } from './entrance/claims.ts'
import { Departure } from './entrance/departure.ts'
import { Enrolment } from './entrance/enrolment.ts'
import { Entry } from './entrance/entry.ts'
import { FrontDoor } from './entrance/front-door.ts'
import { Gate } from './entrance/gate.ts'
import { Homecoming } from './entrance/homecoming.ts'
import { Initiation } from './entrance/initiation.ts'
import { inviteNeighbours } from './entrance/inviter.ts'
import { Journal, type Refusals } from './entrance/journal.ts'
import { type ReceptionParts, reception } from './entrance/reception.ts'
import { Inquiries } from './inquiries.ts'
import { Levels } from './levels.ts'
import { Belonging } from './membership/belonging.ts'
import { Following, followMethods } from './membership/following.ts'
import type { Gossip } from './membership/gossip.ts'
import { Members } from './membership/members.ts'
import { Picture } from './picture.ts'
import type { AgentConfig } from './process/config.ts'
import { Lifetime } from './process/lifetime.ts'
import { Reports } from './reports.ts'
import { Requests } from './requests.ts'
import type { CatalogRole, RoleHosting, ServiceDirectory } from './roles/role-hosting.ts'
import { Self } from './self.ts'
import { Certification } from './trust/certification.ts'
import { Passports } from './trust/passports.ts'
import type { Security } from './trust/security.ts'
import { TrustSteward } from './trust/trust-steward.ts'
import { TrustedLinks } from './trust/trusted-links.ts'

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
  /** Where the journal of refusals is kept. Undefined: nowhere. */
  readonly refusals?: Refusals
  /** More rules of the first validation. */
  readonly validation?: readonly ValidationHandler[]
  /** The version of events that this build reads; another than its own only in a rehearsal of an upgrade. */
  readonly eventsRead?: number
  /** What the doctor measures the machine with. Undefined: it measures the network alone. */
  readonly instruments?: Instruments
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
/** A question that the leader passes on is given up when nobody leads for so long, ms. */
const leaderPatience = 1_500
/** Members that this node cannot reach are named to the leader this often, ms, as long as it lasts. */
const accusePeriod = 1_000
/** Who is not for this node to keep is let go of this often, ms. */
const tidyPeriod = 10_000
const reportPatience = 30_000
/** A node that follows notes on disk this often, ms, how far it has seen the log. */
const seenPace = 60_000
/** A leader that stops waits at most so long for another to lead, ms: raft gives a transfer up by then. */
const handOverPatience = 500
/** Members who look for a cluster are invited this often, ms, where the leader keeps only some. */
const invitePace = 2_000
/** Whoever compares histories waits so long for a quorum's word, ms. */
const refreshPatience = 5_000

/** The whole node without its process: wires the rooms together, and owns no rule of its own. */
export class Agent {
  readonly self: Self
  readonly links: Links
  readonly authority: Authority
  readonly initiation: Initiation
  readonly candidate: Candidate
  readonly entry: Entry
  readonly following: Following
  readonly group: Group
  readonly kv: KvDesk
  readonly backend: Backend
  readonly #parts: AgentParts
  readonly #members: Members
  readonly #fault: StorageFault
  readonly departure: Departure
  readonly #enrolment: Enrolment
  readonly #trusted: TrustedLinks
  readonly #belonging: Belonging
  readonly #reception: ReceptionParts
  readonly #course = new Course(() => this.#coursing)
  readonly #coursing: CourseParts
  readonly #steward: Steward
  readonly #clocks: ClockWatch
  readonly #copies: CopyDesk
  readonly #ailments: Ailments
  readonly scheduled: ScheduledSnapshots
  readonly reports: Reports
  readonly #requests: Requests
  readonly #picture: Picture
  readonly #roles: RoleHosting | undefined
  readonly #life: Lifetime
  readonly #gate: Gate
  readonly #claims: Claims
  readonly #homecoming: Homecoming
  readonly journal: Journal
  readonly passports: Passports
  readonly certification: Certification | undefined
  readonly trust: TrustSteward | undefined
  /** Told to stop; a leader still hands over. */
  #stopped = false
  #over = false
  /** What it calls itself where it can prove nothing. */
  #alias: string | undefined
  readonly rescuers: Rescuers
  readonly inquiries: Inquiries
  readonly #ranks: RankJournal
  readonly doctor: Doctor
  readonly levels: Levels
  readonly #enlisted = new Enlisted()
  readonly #leaving = new Set<string>()

  constructor(parts: AgentParts) {
    this.#parts = parts
    const { random, sockets, storage, config, trace, version } = parts
    const clock = new Lifetime(parts.clock)
    this.#life = clock
    this.#fault = new StorageFault(trace, failure =>
      clock.soon(() => this.plane?.diskFailed(failure)),
    )
    const refused = (error: Error) => this.#fault.report({ kind: 'io', message: error.message })
    this.self = new Self(storage, config, version, clock.wall(), random, refused)
    if (this.self.name !== config.name)
      trace.warn(
        { node: this.self.name, name: config.name },
        'a node keeps the name that it has in its cluster; under another one it has to join anew (hive leave, hive join ADDR)',
      )
    const { security } = parts
    security?.onRefused(refused)
    security?.be(this.self.id)
    security?.tidy(this.self.facts.left === true)
    this.self.key = security?.key
    this.levels = new Levels(() => this.self.id, parts.eventsRead)
    this.journal = new Journal(clock, trace, parts.refusals)
    this.#ranks = new RankJournal(clock)
    this.passports = new Passports({
      self: this.self,
      security,
      wall: () => clock.wall(),
      links: () => this.links,
      plane: () => this.plane,
      view: () => this.following.view,
    })
    this.#claims = new Claims({
      clock,
      ask: done => this.#refresh(done),
      diverged: id => this.#cutOff(id),
    })
    this.#gate = this.#newGate()
    this.links = createLinks({
      sockets,
      // Goodbyes are said when all else is over.
      clock: parts.clock,
      random: random.fork(),
      handlers: reception(() => this.#reception),
    })
    this.#picture = new Picture({
      ...{ self: this.self, clock, links: this.links, security, roleCatalog: parts.roleCatalog },
      plane: () => (this.#over ? undefined : this.plane),
    })
    this.#members = new Members({
      ...{ self: this.self, clock, random, trace, sockets, links: this.links },
      ...{ journal: this.journal, config, security, events: parts.events ?? {} },
      isShutOut: id => this.#gate.isShutOut(id),
      isRemoved: id => this.passports.isRemoved(id),
      leader: () => this.leader(),
      control: () => (this.view()?.control ?? []).map(c => c.id),
      changed: () => this.#steward.look(),
      moved: (id, to) => this.#belonging.moved(id, to),
      probed: (from, nonce, bytes) => this.doctor.helper.arrived(from, nonce, bytes),
    })
    this.group = new Group({
      self: this.self,
      clock,
      random,
      trace,
      links: this.links,
      storage,
      timing: raftTiming(config.timingFactor),
      reads: this.levels.reads,
      applied: batch => this.#course.applied(batch),
      ranked: rank => {
        this.#ranks.note(rank)
        this.#course.ranked()
      },
      failed: failure => this.#fault.report(failure),
    })
    this.#trusted = new TrustedLinks({
      ...{ self: this.self, clock, links: this.links, passports: this.passports, security },
      plane: () => this.plane,
      followed: () => this.following.view,
    })
    this.departure = new Departure({
      ...{ self: this.self, clock, random, trace, links: this.links, group: this.group },
      ...{ members: this.#members, fault: this.#fault, security },
      seen: () => this.#gate.seen,
      forgetLog: () => this.#course.forget(),
      emptied: () => {
        this.#roles?.update(undefined)
        this.entry.restart()
      },
    })
    this.authority = new Authority({
      self: this.self,
      clock,
      links: this.links,
      client: `${this.self.id}/${this.self.facts.incarnation}`,
      home: () => (this.self.facts.cluster ?? this.self.facts.returning)?.tag,
      leader: () => this.leader(),
      control: () =>
        (this.view()?.control ?? this.self.facts.cluster?.control ?? []).map(c => c.id),
      isNear: id =>
        this.links.hello(id)?.allegiance !== undefined &&
        this.passports.mayBelong(id, this.links.identity(id)),
      local: (method, body, blob, answer, gone) =>
        this.#requests.handle(this.self.id, method, body, blob, answer, undefined, gone),
    })
    this.following = new Following({
      self: this.self,
      clock,
      links: this.links,
      idle: () => !this.self.facts.cluster || this.plane?.state.cluster != null,
      seen: () => this.#gate.seen,
      learned: view => this.#course.learned(view),
    })
    this.#homecoming = new Homecoming({
      ...{ self: this.self, clock, trace, links: this.links, fault: this.#fault },
      control: () => this.#ownControl(),
      startAnew: home => this.departure.startAnew(home),
    })
    this.#enrolment = new Enrolment({
      ...{ self: this.self, clock, trace, links: this.links, group: this.group },
      ...{ authority: this.authority, departure: this.departure, fault: this.#fault },
      reads: this.levels.reads,
      opened: plane => this.#course.opened(plane),
      retired: view => this.#course.follow(view),
    })
    this.#clocks = new ClockWatch({
      ...{ self: this.self, clock, links: this.links, limit: config.maxClockSkew },
      plane: () => this.plane,
    })
    this.#ailments = new Ailments({
      ...{ self: this.self, clock, links: this.links, fault: this.#fault },
      leader: () => this.leader(),
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
        keeps: () => this.#keeps(),
        view: () => this.view(),
      })
    this.trust =
      security &&
      new TrustSteward(
        Object.assign(this.#deskParts(), {
          security,
          certificateLife: config.certificateLife,
          certification: this.certification!,
          fault: this.#fault,
          isMember: (id: string) => this.passports.isMember(id, this.links.identity(id)),
        }),
      )
    this.#belonging = new Belonging({
      ...{ self: this.self, clock, links: this.links },
      ...{ members: this.#members, fault: this.#fault },
      ...{ security, certification: this.certification },
      plane: () => this.plane,
      followed: () => this.following.view,
    })
    security?.onChange(() => this.#trusted.proveAnew())
    this.kv = new KvDesk(desk)
    this.#steward = new Steward(desk)
    this.#copies = new CopyDesk(desk)
    this.scheduled = new ScheduledSnapshots({
      ...{ self: this.self, clock, trace, backups: storage.backups },
      ...{ every: config.snapshotEvery, keep: config.snapshotKeep },
      plane: () => this.plane,
    })
    this.candidate = new Candidate({
      ...{ self: this.self, clock, trace, links: this.links },
      createGroup: voters => {
        security?.settle()
        this.group.create(voters)
      },
      startGroup: () => {
        this.#enrolment.open()
        return this.plane
      },
      dropGroup: () => void this.departure.leaveGroup('cancelled-init'),
    })
    this.initiation = new Initiation({
      ...{ self: this.self, clock, random, trace, links: this.links, candidate: this.candidate },
      members: () => this.gossip.members(),
      controlNames: () =>
        (this.view()?.control ?? this.self.facts.cluster?.control ?? []).map(c => c.name),
      entry: () => this.entry,
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
      proof: () => security?.plea(this.self.id) ?? {},
      incognito: () => security?.incognito ?? false,
      bare: () => security?.open ?? true,
      keeps: () => this.#keeps(),
      introduce: (peer, address) => {
        // Who only says that it belongs is nobody to tell others of.
        if (this.passports.isMember(peer.id, this.links.identity(peer.id)))
          this.#members.introduce(peer, address)
      },
      admitted: view => this.#course.admitted(view),
      expelled: () => this.departure.expelled(),
    })
    this.reports = new Reports({
      ...{ self: this.self, clock, links: this.links, entry: this.entry, journal: this.journal },
      security,
      plane: () => this.plane,
      view: () => this.view(),
      gossip: () => this.gossip,
      asides: () => [
        ...this.candidate.notices(),
        ...this.#clocks.notices(),
        ...this.#fault.notices(this.self.name),
        ...this.#ailments.notices(),
        ...this.group.snapshots.notices(
          this.self.name,
          id => this.plane?.state.nodes.get(id)?.name,
        ),
        ...this.scheduled.notices(),
        ...this.#homecoming.notices(),
        ...this.departure.notices(),
      ],
    })
    this.doctor = new Doctor({
      ...{ clock, random, sockets, links: this.links, instruments: parts.instruments },
      maxClockSkew: config.maxClockSkew,
      datagrams: () => this.#members.datagrams,
      leads: () => this.plane?.isLeader() ?? false,
      askLeader: (method, body, patience, done) =>
        this.authority.ask(method, body, leaderPatience, done, patience),
      patient: () =>
        patientOf({
          ...{ self: this.self, config, security, plane: () => this.plane },
          ...{ view: () => this.view(), leader: () => this.leader(), gossip: () => this.gossip },
        }),
    })
    const inquiry = Object.assign(this.#deskParts(), { journal: this.journal, ranks: this.#ranks })
    this.#requests = new Requests(
      [
        inquiriesDesk(inquiry),
        membershipDesk(desk),
        operationsDesk(desk),
        controlDesk(desk),
        this.kv.methods(),
        viewsDesk({
          ...desk,
          report: (plane, stale) => this.reports.control(plane, stale),
          applied: this.#picture.applied,
          leader: () => this.leader(),
        }),
        this.candidate.methods(),
        this.#clocks.methods(),
        this.entry.methods(),
        new FrontDoor({
          ...{ self: this.self, clock, links: this.links },
          ...{ authority: this.authority, journal: this.journal },
        }).methods(),
        epochsDesk(desk),
        settingsDesk(desk),
        tokensDesk(desk),
        this.#copies.methods(),
        restoresDesk(desk),
        recoveryDesk(this.#recoveryParts(desk), random.fork()),
        ...(this.trust ? [this.trust.methods()] : []),
        this.group.snapshots.methods(),
        followMethods({
          view: id => this.#picture.of(id),
          wait: (id, version, ms, done) => this.#picture.neighbourhood.wait(id, version, ms, done),
          outdated: (from, theirs) => {
            const outgrown = this.#gate.isOutgrown(theirs)
            if (outgrown) this.links.renew(from)
            return outgrown
          },
          leader: () => this.plane?.leader() ?? null,
          atAnEnd: () => this.#isAtAnEnd,
        }),
        this.#enrolment.methods(),
        this.doctor.methods(),
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
    this.inquiries = new Inquiries({
      ...{ self: this.self, clock, links: this.links, authority: this.authority },
      desk: inquiry,
      view: () => this.view(),
    })
    this.rescuers = new Rescuers({
      ...{ self: this.self, clock, links: this.links },
      plane: () => this.plane,
      local: (method, body, answer) =>
        this.#requests.handle(this.self.id, method, body, none, answer),
    })
    this.#coursing = {
      ...{ self: this.self, clock: parts.clock, trace, fault: this.#fault, security },
      ...{ picture: this.#picture, members: this.#members, belonging: this.#belonging },
      ...{ following: this.following, enrolment: this.#enrolment, homecoming: this.#homecoming },
      ...{ claims: this.#claims, trusted: this.#trusted, trust: this.trust, kv: this.kv },
      ...{ steward: this.#steward, certification: this.certification, roles: this.#roles },
      plane: () => this.plane,
      hears: plane => this.#hears(plane),
    }
    this.#reception = {
      ...{ self: this.self, gate: this.#gate, journal: this.journal, passports: this.passports },
      ...{ homecoming: this.#homecoming, entry: this.entry, members: this.#members },
      ...{ group: this.group, departure: this.departure, requests: this.#requests },
      levels: this.levels,
      trusted: this.#trusted,
      notice: (from, kind, body) => this.#onNotice(from, kind, body),
      part: id => this.links.forget(id),
      failed: error => parts.events?.failed?.(error),
    }
    this.backend = backendOf(this, clock)
  }

  /** Binds, recovers what the disk knows, and begins to look for others. */
  start(): void {
    this.candidate.resume()
    // It may wait: nothing is made here before it is away.
    this.#fault.guard(() => this.group.tidy(), undefined)
    this.#enrolment.knowPeers()
    this.links.listen(this.#parts.config.bind)
    if (this.self.facts.group) this.#enrolment.open()
    this.entry.start()
    this.#steward.start()
    this.scheduled.start()
    this.trust?.start()
    this.following.follow()
    this.#life.every(tellPace, () => this.#ailments.tell())
    this.#life.every(orphanPeriod, () => this.#enrolment.askWhetherOrphaned())
    this.#life.every(orphanPeriod, () => this.#course.sendOn())
    this.#life.every(accusePeriod, () => this.#members.accuse())
    this.#life.every(tidyPeriod, () => this.#members.tidy())
    this.#life.every(invitePace, () => inviteNeighbours(this.self, this.gossip, this.links))
    this.#life.every(seenPace, () => this.#belonging.noteSeen())
  }

  /** Graceful: a leader hands over, peers hear a goodbye, the disk is flushed. Membership does not change. */
  stop(done: () => void): void {
    if (this.#stopped) return done()
    this.#stopped = true
    const { plane } = this
    const heir = plane?.isLeader()
      ? heirOf(plane, this.self.id, reachable(this.#deskParts(), plane))
      : undefined
    const patience = handOverPatience * this.#parts.config.timingFactor
    handOver(plane, heir, this.#life, patience, () => this.#end(done))
  }

  #end(done: () => void): void {
    this.#over = true
    this.#life.end()
    this.#belonging.noteSeen()
    this.journal.save()
    this.#copies.stop()
    this.scheduled.stop()
    this.kv.wakeAll()
    this.#picture.stop()
    const closeDisk = () => this.group.stop(() => this.#parts.storage.close(done))
    const silence = () => {
      this.gossip.stop()
      this.links.close()
      this.#members.close()
      closeDisk()
    }
    if (this.#roles) this.#roles.stop(silence)
    else silence()
  }

  /** A request of this node to itself. */
  answerOwn(method: string, body: object, answer: Answer): void {
    this.#requests.handle(this.self.id, method, body, none, answer)
  }

  newId(): string {
    return uuidv7(this.#parts.clock.wall(), this.#parts.random)
  }

  get plane(): ControlPlane | undefined {
    return this.group.plane
  }

  get security(): Security | undefined {
    return this.#parts.security
  }

  get gossip(): Gossip {
    return this.#members.gossip
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
    return this.#picture.of(this.self.id) ?? this.following.view
  }

  /** Sets the state aside and becomes an empty node under a new id: the old one may have promised things. */
  reset(): string {
    return this.departure.reset()
  }

  /** An operator has this node give in to another history of its cluster; says where its own is kept. */
  yield(): string {
    return this.#homecoming.yield(this.plane?.lineage)
  }

  // ---- wiring

  /** Its log does not go on: the disk takes nothing more, or what comes is for a newer hive. */
  get #isAtAnEnd(): boolean {
    return this.#fault.failure !== undefined || this.plane?.state.stopped != null
  }

  #hears(plane: ControlPlane): boolean {
    return plane === this.plane && plane.leader() !== null && !this.#isAtAnEnd
  }

  #deskParts(): DeskParts {
    const agent = this
    return {
      self: this.self,
      clock: this.#life,
      trace: this.#parts.trace,
      links: this.links,
      levels: this.levels,
      enlisted: this.#enlisted,
      leaving: this.#leaving,
      clocks: this.#clocks,
      roles: {
        requires: role => this.#catalog(role)?.requires,
        needs: role => this.#picture.needs(role),
        names: () => this.#parts.roleCatalog.map(r => r.name),
      },
      admin: this.#picture.admin,
      plane: () => this.plane,
      hears: plane => this.#hears(plane),
      viewOf: id => this.#picture.of(id),
      refusedJoin: (node, { code, message, remedy }) =>
        this.journal.refused('by us', node, code, message, remedy),
      keyObjection: (node, before, request) => this.trust?.keyObjection(node, before, request),
      certify: (plane, id, request, done) =>
        this.trust ? this.trust.certify(plane, id, request, done) : done(undefined),
      get gossip() {
        return agent.gossip
      },
    }
  }

  #recoveryParts(desk: DeskParts): RecoveryDeskParts {
    return {
      ...desk,
      get gossip() {
        return desk.gossip
      },
      diskWorks: () => this.#fault.failure === undefined,
      newerEpoch: () => this.#homecoming.newer,
      leaderless: () => {
        const { ledAt } = this.#course
        return ledAt === undefined ? null : this.#parts.clock.now() - ledAt
      },
    }
  }

  /** What it promises itself under is on the disk, or is now. */
  #keeps(): boolean {
    return this.#fault.guard(() => {
      this.security?.settle()
      return true
    }, false)
  }

  #catalog(role: string): CatalogRole | undefined {
    return this.#parts.roleCatalog.find(r => r.name === role)
  }

  // ---- first validation

  #newGate(): Gate {
    const { self } = this
    const { clock, config, validation } = this.#parts
    return new Gate({
      ...{ self, clock, config, journal: this.journal, claims: this.#claims },
      levels: this.levels,
      handlers: () => [...(validation ?? []), ...(this.#roles?.validation ?? [])],
      alias: () => {
        const { security, clock, random } = this.#parts
        if (!security?.incognito || self.facts.cluster) return undefined
        this.#alias ??= aliasId(clock.wall(), random)
        return this.#alias
      },
      busy: () => self.facts.group?.prepared !== undefined || this.entry.validating,
      known: id => {
        const prepared = self.facts.group?.prepared?.voters.some(v => v.id === id) ?? false
        return (
          prepared ||
          this.gossip.member(id) !== undefined ||
          this.plane?.state.nodes.has(id) === true
        )
      },
      isMember: (id, identity) => this.passports.isMember(id, identity),
      mayBelong: (id, identity) => this.passports.mayBelong(id, identity),
      outdated: by => this.#homecoming.refusedBy(by),
      // Who dials may be told things by whom it puts off: all control nodes may be elsewhere by now.
      putOff: (id, at) => {
        this.links.setAddress(id, at)
        this.links.connect(id)
      },
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

  // ---- what happens

  #onNotice(from: string, kind: string, body: unknown): void {
    try {
      const known = fields(body)
      if (kind === 'accuse' || kind === 'withdraw') this.#steward.notice(from, kind, known)
      if (kind === 'ailing') this.#ailments.heard(from, known)
      if (kind === 'retired') this.#enrolment.askWhetherOrphaned(true)
      if (kind === 'certificate-due') this.certification?.renew()
    } catch (error) {
      this.#parts.trace.warn({ from, kind, error }, 'a notice that is not what it should be')
    }
  }

  /** The control nodes that this node's own epoch has, as far as it knows. */
  #ownControl(): readonly string[] {
    const config = this.plane?.status().config
    if (config) return [...new Set([...config.voters, ...config.outgoing])]
    return (this.self.facts.cluster?.control ?? []).map(c => c.id)
  }
}

function raftTiming(factor: number): Partial<RaftConfig> {
  return factor === 1 ? {} : { heartbeat: 75 * factor, electionTimeout: 500 * factor }
}
