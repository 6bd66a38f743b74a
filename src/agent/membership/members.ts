import type { Address } from '../../base/address.ts'
import type { Random } from '../../base/random.ts'
import type { Clock, Instant, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import type { ClusterView } from '../../cluster/view.ts'
import {
  createDatagrams,
  type Datagrams,
  maxDatagramBytes,
  sealOverhead,
} from '../../net/datagrams.ts'
import type { Hello } from '../../net/handshake.ts'
import type { Links } from '../../net/link-types.ts'
import type { Sockets } from '../../net/types.ts'
import { isFailed } from '../../state/apply/health.ts'
import type { HiveEvent } from '../../state/events.ts'
import { sliceSize } from '../../state/settings.ts'
import type { NodeRecord } from '../../state/types.ts'
import type { Member, SwimConfig, SwimMessage, SwimReady } from '../../swim/types.ts'
import type { Journal } from '../entrance/journal.ts'
import type { AgentConfig } from '../process/config.ts'
import type { Self } from '../self.ts'
import type { Security } from '../trust/security.ts'
import { Gossip } from './gossip.ts'
import { decodeMeta, encodeMeta } from './member-meta.ts'

/**
 * Who is there: gossip over the sockets of this node. What it believes goes to the leader as accusations,
 * what the cluster agreed comes back as verdicts.
 */
export interface MembersParts {
  readonly self: Self
  readonly clock: Clock
  readonly random: Random
  readonly trace: Trace
  readonly sockets: Sockets
  readonly links: Links
  readonly journal: Journal
  readonly config: Pick<AgentConfig, 'dc' | 'roles' | 'timingFactor'>
  readonly security: Security | undefined
  readonly events: { bound?(at: Address): void; failed?(error: Error): void }
  /** The first validation refused it. */
  isShutOut(id: string): boolean
  /** It was in the cluster and was taken out. */
  isRemoved(id: string): boolean
  leader(): string | null
  /** Ids of the control nodes. */
  control(): readonly string[]
  /** Somebody is believed to live who was not, or the other way round. */
  changed(): void
  /** A datagram that tries the way. */
  probed(from: string, nonce: number, bytes: number): void
  /** A member lives, and there. */
  moved(id: string, to: Address): void
}

/** Accusations sent at a time: in a partition that is as good as a list of all. */
const maxAccused = 64
/** Between the news that a node left and the end of its link and address here, ms. */
const partingTime = 2_000
/** A copy of a node is silent for so long after it was last told, ms; it goes on dialling, and is told again. */
const copyHushed = 15_000
const none = new Uint8Array(0)

export class Members {
  readonly #parts: MembersParts
  #bound: Address | undefined
  #datagrams: Datagrams
  #gossip: Gossip
  /** As agreed; before that a node keeps everybody. */
  #slice: number | undefined
  /** The last that this node learned. */
  #view: ClusterView | undefined
  #doubledAt: Instant = Number.NEGATIVE_INFINITY
  /** Who left a moment ago. */
  readonly #parting = new Map<string, Timer>()

  constructor(parts: MembersParts) {
    this.#parts = parts
    this.#datagrams = this.#newDatagrams()
    this.#gossip = this.#newGossip()
  }

  get gossip(): Gossip {
    return this.#gossip
  }

  get datagrams(): Datagrams {
    return this.#datagrams
  }

  bind(at: Address): void {
    this.#bound = at
    this.#datagrams.bind(at)
    this.#gossip.step({ type: 'update-self', address: this.#parts.self.address })
  }

  /** Nothing that gossip believes counts any more. */
  forget(): void {
    this.#gossip.stop()
    this.#slice = undefined
    this.#view = undefined
    this.#gossip = this.#newGossip()
  }

  /** Datagrams carry the id, and this node has another. */
  rename(): void {
    this.#datagrams.close()
    this.#datagrams = this.#newDatagrams()
    if (this.#bound) this.#datagrams.bind(this.#bound)
  }

  close(): void {
    this.#gossip.stop()
    this.#datagrams.close()
  }

  /**
   * Another process is this node, says somebody who is linked with it. As long as no control node is linked with this one, it
   * is this one that is the copy: it neither speaks nor listens, or the two would take back for ever what the other says.
   */
  doubled(): void {
    this.#doubledAt = this.#parts.clock.now()
  }

  /** A copy, or of no cluster any more by its operator's word: whom others must not believe back. */
  get #isSilent(): boolean {
    const { self, clock, control, links } = this.#parts
    if (self.facts.left) return true
    if (clock.now() - this.#doubledAt > copyHushed) return false
    return !control().some(id => links.isConnected(id))
  }

  received(from: string, message: SwimMessage): void {
    if (this.#isSilent) return
    const address = this.#gossip.member(from)?.address ?? { host: '', port: 0 }
    this.#gossip.receive(from, address, 'stream', message)
  }

  /** The port of a peer refuses: its process is gone. */
  refuses(id: string): void {
    this.#gossip.step({ type: 'refused', id })
  }

  // ---- what the cluster knows

  introduce(peer: Hello, address: Address): void {
    const { id, name, incarnation, roles, dc, version } = peer
    const meta = encodeMeta({ roles, dc, version, initialised: peer.allegiance !== undefined })
    this.#gossip.step({ type: 'introduce', members: [{ id, name, address, incarnation, meta }] })
  }

  /** What was agreed of those whom this node is to keep. */
  learned(view: ClusterView): void {
    const size = sliceSize(view.cluster.settings)
    if (size !== this.#slice) this.#gossip.step({ type: 'slice', size })
    this.#slice = size
    this.#introduceStrangers(view)
    this.#view = view
    this.tidy()
  }

  /** Of a slice, again and again: what somebody else still believes of one that left may have come back by gossip. */
  tidy(): void {
    if (this.#view && this.#gossip.partial) this.#keepTo(this.#view)
  }

  /**
   * In a slice, gossip of a verdict may come from nobody, so the view brings it. Members that the view does not have
   * left, or are for others to keep; those that look for a cluster are invited.
   */
  #keepTo(view: ClusterView): void {
    const kept = new Set([...view.control, ...view.members].map(m => m.id))
    for (const { id, failed, incarnation } of view.members) {
      const status = this.#gossip.member(id)?.status
      if (failed) this.#verdict(id, incarnation, 'failed')
      else if (status === 'failed' || status === 'left') this.#verdict(id, incarnation, 'alive')
    }
    const ids = this.#gossip
      .members()
      .filter(m => !kept.has(m.id) && decodeMeta(m.meta).initialised)
      .map(m => m.id)
    if (ids.length > 0) this.#gossip.step({ type: 'forget', ids })
  }

  /** Where that member lives, if it does and what is agreed of it is no newer. */
  whereabouts({ id, incarnation }: { id: string; incarnation: number }): Address | undefined {
    const member = this.#gossip.member(id)
    const isNews = member?.status === 'alive' && member.incarnation >= incarnation
    return isNews ? member.address : undefined
  }

  /**
   * Agreed members whom gossip never met, or not as what they are now: one that died before it could tell of its
   * last incarnation is to be accused of that one. Those that failed are called now and then: they may not know where
   * this node is by now.
   */
  #introduceStrangers(view: ClusterView): void {
    const blank = encodeMeta({ dc: '', version: '', roles: [], initialised: true })
    const strangers = view.members.filter(({ id, incarnation, failed }) => {
      const known = this.#gossip.member(id)
      return !known || (!failed && known.incarnation < incarnation)
    })
    const members = strangers.map(({ id, name, host, port, incarnation }) => {
      const meta = this.#gossip.member(id)?.meta ?? blank
      return { id, name, incarnation, address: { host, port }, meta }
    })
    if (members.length > 0) this.#gossip.step({ type: 'introduce', members })
    for (const { id, incarnation, failed } of strangers)
      if (failed) this.#verdict(id, incarnation, 'failed')
  }

  /** This node belongs to a cluster now, and says so. */
  sayInitialised(): void {
    this.#gossip.step({ type: 'update-self', meta: this.#meta() })
  }

  agreed(event: HiveEvent): void {
    switch (event.type) {
      case 'NodeFailed':
        return this.#verdict(event.data.id, event.data.incarnation, 'failed')
      case 'NodeLeft': {
        const { id } = event.data
        return this.#verdict(id, this.#gossip.member(id)?.incarnation ?? 0, 'left')
      }
      case 'NodeReady':
        return this.#verdict(event.data.id, event.data.incarnation, 'alive')
      case 'NodeAdmitted':
        return this.#verdict(event.data.node.id, event.data.node.incarnation, 'alive')
      default:
    }
  }

  /** Verdicts that this node did not see being agreed. */
  knowFailed(nodes: ReadonlyMap<string, NodeRecord>): void {
    for (const node of nodes.values())
      if (isFailed(node)) this.#verdict(node.id, node.incarnation, 'failed')
  }

  #verdict(id: string, incarnation: number, verdict: 'failed' | 'left' | 'alive'): void {
    this.#gossip.step({ type: 'verdict', id, incarnation, verdict })
  }

  // ---- what this node believes

  /** All whom this node cannot reach, as long as it lasts. */
  accuse(): void {
    const lost = this.#gossip.members().filter(m => m.status === 'unreachable')
    for (const member of lost.slice(0, maxAccused)) this.#accuse(member)
  }

  #nameOf(id: string): string {
    return id === this.#parts.self.id
      ? this.#parts.self.name
      : (this.#gossip.member(id)?.name ?? id)
  }

  #accuse({ id, incarnation }: Member): void {
    this.#tellLeader('accuse', { subject: id, incarnation, health: this.#gossip.health() })
  }

  #believes(changes: SwimReady['changes']): void {
    const { links, trace } = this.#parts
    for (const { member, before } of changes) {
      if (member.status === 'left') this.#partWith(member.id)
      else links.setAddress(member.id, member.address)
      if (member.status === 'alive') this.#parts.moved(member.id, member.address)
      const away = before === 'suspect' || before === 'unreachable'
      if (member.status === 'alive' && away) links.doubt(member.id)
      if (member.status === 'unreachable') {
        const accusers = member.accusers.map(id => this.#nameOf(id))
        trace.warn({ node: member.name, accusers }, 'unreachable')
        this.#accuse(member)
      } else if (member.status === 'alive' && before === 'unreachable') {
        trace.info({ node: member.name }, 'reachable again')
        this.#tellLeader('withdraw', { subject: member.id })
      }
    }
    this.#parts.changed()
  }

  /** In a moment, so that who leaves in peace hears that it is out; and not if it is back by then. */
  #partWith(id: string): void {
    const { clock, links } = this.#parts
    this.#parting.get(id)?.cancel()
    const timer = clock.after(partingTime, () => {
      this.#parting.delete(id)
      const status = this.#gossip.member(id)?.status ?? 'left'
      if (status === 'left') links.forget(id)
    })
    this.#parting.set(id, timer)
  }

  #tellLeader(kind: string, body: Record<string, unknown>): void {
    const { self, links } = this.#parts
    const leader = this.#parts.leader()
    if (leader === null || !self.facts.cluster || leader === self.id) return
    // In a large cluster a node has a link to the control node that it follows; that one passes it on.
    for (const id of [leader, ...this.#parts.control()])
      if (links.notice(id, kind, body, none)) return
  }

  // ---- sockets

  #newDatagrams(): Datagrams {
    const { sockets, self, security, events, journal } = this.#parts
    return createDatagrams({
      sockets,
      id: self.id,
      tag: () => self.facts.cluster?.tag ?? null,
      cipher: () => security?.cipher,
      now: () => this.#parts.clock.now(),
      handlers: {
        bound: at => events.bound?.(at),
        failed: error => events.failed?.(error),
        received: (from, tag, address, message) => {
          if (this.#speaksToUs(from, tag, address))
            this.#gossip.receive(from, address, 'datagram', message)
        },
        probe: (from, nonce, bytes) => this.#parts.probed(from, nonce, bytes),
        foreign: (from, why) => journal.foreign(from, why),
        copy: from => journal.copied(from),
      },
    })
  }

  /** Datagrams of our cluster, or of somebody who passed the first validation before the init. */
  #speaksToUs(from: string, tag: string | null, address: Address): boolean {
    const ours = this.#parts.self.facts.cluster?.tag ?? null
    if (this.#parts.isShutOut(from) || this.#isSilent) return false
    // It may still have the key of gossip, and must not hear who is here.
    if (tag !== null && tag === ours && this.#parts.isRemoved(from)) return false
    if (tag === ours || this.#gossip.member(from)) return true
    if (tag !== null && ours !== null)
      this.#parts.journal.foreign(address, 'a datagram of another cluster')
    return false
  }

  #newGossip(): Gossip {
    const { clock, random, config, self, links } = this.#parts
    const { id, name, address, facts } = self
    return new Gossip({
      clock,
      random: random.fork(),
      self: { id, name, address, incarnation: facts.incarnation, meta: this.#meta() },
      // Room for the seal, needed or not: nodes of one cluster count alike, whatever else they have.
      config: { ...timing(config.timingFactor), packetBytes: maxDatagramBytes - sealOverhead },
      sendDatagram: (to, message) => !this.#isSilent && this.#datagrams.send(to, message),
      sendStream: (to, at, message) => {
        if (this.#isSilent) return
        links.setAddress(to, at)
        links.sendSwim(to, message)
      },
      changed: changes => this.#believes(changes),
      incarnated: incarnation => self.note({ incarnation }),
    })
  }

  #meta(): Uint8Array {
    const { config, self } = this.#parts
    const { dc, roles } = config
    const initialised = self.facts.cluster !== undefined
    return encodeMeta({ dc, roles, version: self.version, initialised })
  }
}

function timing(factor: number): Partial<SwimConfig> {
  return factor === 1 ? {} : { probePeriod: 500 * factor, probeTimeout: 200 * factor }
}
