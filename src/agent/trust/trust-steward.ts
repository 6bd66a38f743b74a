import type { Instant } from '../../base/time.ts'
import type { RequestOutcome } from '../../net/link-types.ts'
import type { NodeDescription } from '../../state/events.ts'
import type { NodeRecord, Outcome } from '../../state/types.ts'
import type { ControlPlane, Draft } from '../control/control-plane.ts'
import type { StorageFault } from '../control/storage-fault.ts'
import { type Asker, rotationDesk } from '../desk/rotation.ts'
import { certify, purposes, sealed, type TrustParts, trustDesk } from '../desk/trust.ts'
import type { Methods } from '../requests.ts'
import { Rounds } from '../rounds.ts'
import type { Certification } from './certification.ts'
import { ControlKeys } from './control-keys.ts'
import { Holdings } from './holdings.ts'

/** How often the leader looks around, ms; agreed events make it look at once. */
const round = 500
/** A node is reminded of its certificate so often, ms. */
const remindAgain = 5_000
/** Packets sealed under the old key are still on their way for so long after the last node changed, ms. */
const lastPackets = 2_000
/** Who is removed knows the keys of gossip: they are changed at once, and when many leave not more often than this, ms. */
const changeAgain = 30_000
/** A new control key is with every control node that answers within this, ms, looked at so often. */
const sharePatience = 8_000
const sharePace = 100

const movedOn: Outcome = {
  ok: false,
  code: 'NOT_LEADER',
  message: 'leadership moved meanwhile',
  remedy: 'try again',
}
const underWay: Outcome = {
  ok: false,
  code: 'BUSY',
  message: 'a change of the same kind is on its way',
  remedy: 'hive log shows its end; try again then',
}
const notShared: Outcome = {
  ok: false,
  code: 'TIMEOUT',
  message: 'a control node that answers has not taken the new control key',
  remedy: 'look at hive status and try again; nothing has changed',
}

export interface TrustStewardParts extends TrustParts {
  readonly certification: Certification
  readonly fault: StorageFault
  /** Whether the node that is linked under this id has proved to be it. */
  isMember(id: string): boolean
}

/**
 * The leader's chores about trust: share the control key among control nodes, make the authority and the first
 * gossip key, carry rotations through, remind nodes of their certificates, retire old authorities. Each starts from
 * the agreed state and from what nodes say they hold, so a new leader just goes on where the last one fell.
 */
export class TrustSteward {
  readonly #parts: TrustStewardParts
  readonly #rounds: Rounds
  readonly #holdings: Holdings
  readonly #controlKeys: ControlKeys
  readonly #reminded = new Map<string, Instant>()
  readonly #underWay = new Set<string>()
  /** Since when every node that answers sends under the primary key. */
  #settledSince: { readonly primary: number; readonly at: Instant } | undefined
  /** When the gossip key was last changed because somebody was removed. */
  #changedAt: Instant = Number.NEGATIVE_INFINITY

  constructor(parts: TrustStewardParts) {
    this.#parts = parts
    this.#rounds = new Rounds(parts.clock, round, () => this.#chores())
    this.#holdings = new Holdings(parts, () => this.look())
    this.#controlKeys = new ControlKeys(parts, this.#holdings)
  }

  start(): void {
    this.#rounds.start()
  }

  /** A new term starts from what its leader hears itself. */
  ranked(): void {
    this.#holdings.forget()
    this.#underWay.clear()
    this.#settledSince = undefined
    this.look()
  }

  look(): void {
    this.#rounds.soon()
  }

  /** Whoever comes under an id must have the key that the id is bound to, and prove that it has it. */
  keyObjection(
    node: NodeDescription,
    before: NodeRecord | undefined,
    request: string | undefined,
  ): string | undefined {
    const { security } = this.#parts
    if (security.open) return undefined
    if (request === undefined || node.key === undefined) return `${node.name} proves no key`
    if (security.notary.readRequest(request).key !== node.key)
      return `${node.name} does not have the key that it claims`
    if (before?.key !== undefined && before.key !== node.key)
      return `the id of ${before.name} belongs to another key`
    return undefined
  }

  /** Undefined: nodes have no certificates here. */
  certify(
    plane: ControlPlane,
    id: string,
    request: string,
    done: (outcome: RequestOutcome | undefined) => void,
  ): void {
    if (this.#parts.security.open || plane.state.authorities.size === 0) return done(undefined)
    certify(this.#parts, plane, id, request, done)
  }

  methods(): Methods {
    return {
      ...trustDesk(this.#parts),
      ...rotationDesk(this.#parts, {
        createAuthority: (plane, by, done) => this.#rotateAuthority(plane, by, done),
        addGossipKey: (plane, by, done) => this.addGossipKey(plane, by, done),
        lacking: plane => this.#lacking(plane),
      }),
      /** Any member: which keys it holds, by name. */
      holding: ({ answer }) => answer({ ok: true, body: this.#holdings.own() }),
      ...this.#controlKeys.methods(),
    }
  }

  #chores(): void {
    const { security } = this.#parts
    const plane = this.#parts.plane()
    if (security.open || !plane?.state.cluster) return
    if (!plane.isLeader()) {
      this.#holdings.forget()
      return this.#controlKeys.fetch(plane)
    }
    if (!plane.governs) return
    if (!this.#controlKeys.hasNeeded(plane)) return this.#controlKeys.fetch(plane)
    if (!this.#controlKeys.exist(plane)) return
    this.#holdings.survey(plane)
    if (!this.#controlKeys.share(plane)) return
    if (plane.state.authorities.size === 0) return this.#firstAuthority(plane)
    this.#gossipKeys(plane)
    this.#certificates(plane)
    this.#retire(plane)
  }

  // ---- authority and gossip keys

  #firstAuthority(plane: ControlPlane): void {
    this.createAuthority(plane, this.#leader)
  }

  /** A new authority, and with it a new control key when there was one before. */
  createAuthority(
    plane: ControlPlane,
    by: Asker,
    done: (outcome: Outcome) => void = () => {},
  ): void {
    const { security, clock } = this.#parts
    if (this.#underWay.has('authority')) return done(underWay)
    const authority = security.newAuthority(plane.state.cluster!.name, clock.wall())
    const { fingerprint } = security.notary.inspect(authority.certificate)
    const sealedKey = sealed(security, Buffer.from(authority.key), purposes.authority)
    this.#propose(
      plane,
      'authority',
      {
        type: 'CaCreated',
        data: { certificate: authority.certificate, fingerprint, sealedKey },
        ...by,
      },
      done,
    )
  }

  /** The next key of gossip; also where an operator's rotation begins. */
  addGossipKey(
    plane: ControlPlane,
    by: Asker,
    done: Parameters<TrustSteward['createAuthority']>[2] = () => {},
  ): number {
    const { security } = this.#parts
    const { keys } = plane.state.gossipKeys
    const last = keys.at(-1)?.id ?? 0
    const id = (last % 255) + 1
    const sealedKey = sealed(security, security.notary.random(32), purposes.gossip(id))
    this.#propose(
      plane,
      'gossip',
      { type: 'GossipKeyAdded', data: { id, sealed: sealedKey }, ...by },
      done,
    )
    return id
  }

  /** New key everywhere, then used everywhere, then the old one dropped. */
  #gossipKeys(plane: ControlPlane): void {
    const { actor } = this.#leader
    const { primary, keys } = plane.state.gossipKeys
    if (keys.length === 0) return void this.addGossipKey(plane, this.#leader)
    const newest = keys.at(-1)!
    if (newest.id !== primary) {
      if (this.#holdings.everybody(plane, h => h.gossip.has(newest.id))) {
        this.#propose(plane, 'gossip', { type: 'GossipKeyUsed', data: { id: newest.id }, actor })
      }
      return
    }
    const old = keys.find(k => k.id !== primary)
    if (!old) return this.#lockOut(plane, newest)
    if (!this.#holdings.everybody(plane, h => h.primary === primary)) {
      this.#settledSince = undefined
      return
    }
    const now = this.#parts.clock.now()
    if (this.#settledSince?.primary !== primary) this.#settledSince = { primary, at: now }
    if (now - this.#settledSince.at < lastPackets) return
    this.#propose(plane, 'gossip', { type: 'GossipKeyDropped', data: { id: old.id }, actor })
  }

  /** Whoever was removed since the key was made has it. */
  #lockOut(plane: ControlPlane, { addedAt }: { readonly addedAt: number }): void {
    const now = this.#parts.clock.now()
    if (now - this.#changedAt < changeAgain) return
    if (![...plane.state.tombstones.values()].some(t => t.leftAt > addedAt)) return
    this.#changedAt = now
    this.addGossipKey(plane, this.#leader)
  }

  // ---- certificates

  /** Due at half life, by the leader's clock, which is the log's; or because the authority is a new one. */
  #certificates(plane: ControlPlane): void {
    const { clock, links, self, certification } = this.#parts
    const ca = [...plane.state.authorities.keys()].at(-1)!
    // Before, others would not believe what it signs.
    if (!this.#holdings.everybody(plane, h => h.authorities.size === 0 || h.authorities.has(ca)))
      return
    const [now, wall] = [clock.now(), clock.wall()]
    for (const node of plane.state.nodes.values()) {
      const held = plane.state.certificates.get(node.id)
      const half = held && held.notAfter - (held.notAfter - held.notBefore) / 2
      if (held && held.ca === ca && wall < half!) continue
      if (now - (this.#reminded.get(node.id) ?? Number.NEGATIVE_INFINITY) < remindAgain) continue
      this.#reminded.set(node.id, now)
      if (node.id === self.id) certification.renew()
      else if (links.isConnected(node.id)) links.notice(node.id, 'certificate-due', {})
      else links.connect(node.id)
    }
  }

  get #leader(): Asker {
    return { actor: `leader:${this.#parts.self.name}` }
  }

  /** As soon as every control node can open what the new control key seals. */
  #rotateAuthority(plane: ControlPlane, by: Asker, done: (outcome: Outcome) => void): void {
    const { clock } = this.#parts
    this.#controlKeys.add(plane)
    const deadline = clock.now() + sharePatience
    const look = (): void => {
      if (!plane.isLeader() || this.#parts.plane() !== plane) return done(movedOn)
      this.#holdings.survey(plane)
      if (this.#controlKeys.share(plane)) return this.createAuthority(plane, by, done)
      if (clock.now() > deadline) return done(notShared)
      clock.after(sharePace, look)
    }
    look()
  }

  /** Nodes that answer and have not taken the step that gossip is at. */
  #lacking(plane: ControlPlane): readonly string[] {
    const { gossip, links, self } = this.#parts
    const { keys, primary } = plane.state.gossipKeys
    return [...plane.state.nodes.values()]
      .filter(node => node.id !== self.id && (links.isConnected(node.id) || gossip.counts(node)))
      .filter(({ id }) => {
        const holding = this.#holdings.get(id)
        return !holding || holding.primary !== primary || !keys.every(k => holding.gossip.has(k.id))
      })
      .map(node => node.name)
  }

  /** Nobody proves itself by it any more: a certificate that was issued may never have reached its node. */
  #retire(plane: ControlPlane): void {
    const { clock, self } = this.#parts
    const { authorities, certificates, nodes } = plane.state
    const old = [...authorities.keys()].slice(0, -1)
    for (const fingerprint of old) {
      const wall = clock.wall()
      const inUse = [...nodes.keys()].some(id => {
        const held = certificates.get(id)
        if (!held) return true
        if (held.notAfter <= wall) return false
        const holding = this.#holdings.get(id)
        return held.ca === fingerprint || !holding || holding.certifier === fingerprint
      })
      if (!inUse)
        this.#propose(plane, 'authority', {
          type: 'CaRetired',
          data: { fingerprint },
          actor: `leader:${self.name}`,
        })
    }
  }

  #propose(
    plane: ControlPlane,
    chore: string,
    draft: Draft,
    done: (outcome: Outcome) => void = () => {},
  ): void {
    if (this.#underWay.has(chore)) return done(underWay)
    this.#underWay.add(chore)
    plane.propose(draft, outcome => {
      this.#underWay.delete(chore)
      done(outcome)
      if (outcome.ok) return this.look()
      // Not again at once: a leader that hands over refuses all until it is done. The next round tries.
      this.#parts.trace.warn({ chore, code: outcome.code }, outcome.message)
    })
  }
}
