import type { Instant, Millis } from '../base/time.ts'
import { limits, rhythm } from './config.ts'
import type { Health } from './health.ts'
import { type MemberTable, opinionOf, type Peer } from './members.ts'
import type { Self } from './self.ts'
import { Suspicions, suspicionTerms } from './suspicion.ts'
import type { MemberId, MemberInfo, SwimConfig, Update } from './types.ts'
import { incarnationOf, subjectOf, type UpdateQueue } from './update-queue.ts'
import { isTransmissible } from './update-size.ts'
import type { Sentence, VerdictMemory } from './verdicts.ts'

/** Who acts on a change of belief. */
export interface BeliefListener {
  /** There is doubt about `peer`: look for yourself. */
  doubted(peer: Peer): void
  /** `peer` will be given up soon: ask it once more. */
  condemning(peer: Peer): void
  /** Somebody who was given up is back. */
  returned(peer: Peer): void
  /** A member is given up. */
  lost(now: Instant): void
}

export interface BeliefParts {
  readonly config: SwimConfig
  readonly self: Self
  readonly table: MemberTable
  readonly news: UpdateQueue<Peer>
  readonly verdicts: VerdictMemory
  readonly health: Health
  readonly listener: BeliefListener
}

/**
 * What beats what (SWIM §4.2, with verdicts on top). Of one incarnation, from weak to strong: alive,
 * suspect, unreachable, failed; a higher incarnation, which only the member itself can make, beats all of
 * these. `left` yields only to the control plane and to an introduction.
 */
export class Beliefs {
  readonly #config: SwimConfig
  readonly #self: Self
  readonly #table: MemberTable
  readonly #news: UpdateQueue<Peer>
  readonly #health: Health
  readonly #listener: BeliefListener
  readonly #suspicions = new Suspicions()
  readonly #verdicts: VerdictMemory

  constructor(parts: BeliefParts) {
    this.#config = parts.config
    this.#self = parts.self
    this.#table = parts.table
    this.#news = parts.news
    this.#health = parts.health
    this.#listener = parts.listener
    this.#verdicts = parts.verdicts
    this.#table.forgotten = ({ id }) => {
      this.#suspicions.end(id)
      this.#news.forget(id)
    }
  }

  /** Whether a verdict about it is remembered. */
  judged(id: MemberId): boolean {
    return this.#verdicts.get(id) !== undefined
  }

  /** Somebody who knows the full list says that it is no member. */
  forget(id: MemberId): void {
    this.#table.remove(id)
  }

  next(): Instant | undefined {
    return earliest(this.#suspicions.next(), this.#verdicts.next())
  }

  tick(now: Instant): void {
    const notice = this.#notice()
    for (
      let due = this.#suspicions.due(notice, now);
      due !== undefined;
      due = this.#suspicions.due(notice, now)
    ) {
      const peer = this.#table.get(due.id)!
      if (due.over) {
        this.#table.become(peer, 'unreachable', peer.accusers, now)
        this.#listener.lost(now)
      } else this.#listener.condemning(peer)
    }
    for (let id = this.#verdicts.due(now); id !== undefined; id = this.#verdicts.due(now)) {
      this.#table.remove(id)
    }
  }

  /** Time that this node slept through must not count against others. */
  extend(by: Millis): void {
    this.#suspicions.extend(by)
  }

  /** A piece of gossip from a member. */
  hear(update: Update, now: Instant): void {
    if (subjectOf(update) === this.#self.id) this.hearAboutSelf(update)
    else if (update.kind === 'alive') this.#heardAlive(update.member, now)
    else if (update.kind === 'suspect') {
      this.#heardSuspect(update.id, update.incarnation, update.accuser, now)
    } else this.#heardVerdict(update.id, update.kind, update.incarnation, now)
  }

  /** Somebody claims that this node is not well: it says otherwise, louder. */
  hearAboutSelf(update: Update): void {
    const incarnation = incarnationOf(update)
    const own = this.#self.info.incarnation
    if (update.kind === 'left' || incarnation >= limits.incarnation / 2) return
    if (update.kind === 'alive') {
      if (incarnation > own) this.#self.restate(incarnation)
    } else if (incarnation >= own) {
      // Lifeguard §IV-A: whoever is accused has reason to doubt itself.
      this.#health.change(1)
      this.#self.restate(incarnation)
    } else if (!this.#news.has(this.#self.id)) {
      this.#self.announce()
    }
  }

  /** First validation or a digest vouches for it; of a known member that alone clears no doubt. */
  introduce(info: MemberInfo, now: Instant, quietly = false): void {
    if (info.id === this.#self.id) {
      this.hearAboutSelf({ kind: 'alive', member: info })
      return
    }
    if (!isTransmissible(info)) return
    const sentence = this.#verdicts.get(info.id)
    if (sentence?.verdict === 'left') this.pardon(info.id, sentence.incarnation, now)
    const known = this.#table.get(info.id)
    this.#heardAlive(info, now, quietly)
    if (known && known.status !== 'alive' && known.status !== 'left') this.#listener.doubted(known)
  }

  /** Some suspicions of ours, to ask others what they think; each ping takes a few along. */
  doubts(): Update[] {
    return this.#suspicions.some(limits.doubts).map(id => opinionOf(this.#table.get(id)!))
  }

  /**
   * What this node can add to the doubt of another: that the suspect refuted, that it was judged, or that
   * this node found the same. So neither a refutation nor a confirmation depends on gossip alone.
   */
  answer(doubt: Update): Update | undefined {
    if (doubt.kind !== 'suspect') return undefined
    const { id, incarnation } = doubt
    const peer = this.#table.get(id)
    if (!peer || peer.incarnation < incarnation) return undefined
    if (peer.status === 'failed' || peer.status === 'left') return opinionOf(peer)
    if (peer.incarnation > incarnation) return { kind: 'alive', member: peer.info }
    if (!peer.accusers.includes(this.#self.id)) return undefined
    return { kind: 'suspect', id, incarnation, accuser: this.#self.id }
  }

  /** This node's own probe of `peer` failed, which was of that incarnation when it began. */
  accuse(peer: Peer, incarnation: number, now: Instant): void {
    this.#heardSuspect(peer.id, incarnation, this.#self.id, now)
  }

  /** Nobody listens at the port of `id`: what can still save it is one quick refutation. */
  refused(id: MemberId, now: Instant): void {
    const peer = this.#table.get(id)
    if (!peer || !this.#table.present.has(peer)) return
    this.accuse(peer, peer.incarnation, now)
    const grace = rhythm.refusedSuspicion * this.#config.probePeriod
    this.#suspicions.hurry(id, now + this.#health.scale(grace), this.#notice())
  }

  /** `peer` itself answered a ping of ours that named it. */
  answered(peer: Peer, now: Instant): void {
    if (peer.status !== 'unreachable') return
    this.#table.become(peer, 'alive', [], now)
    this.#listener.returned(peer)
  }

  /** The control plane decided. */
  condemn(id: MemberId, verdict: 'failed' | 'left', incarnation: number, now: Instant): void {
    if (id === this.#self.id) {
      this.hearAboutSelf({ kind: verdict, id, incarnation })
      return
    }
    const peer = this.#table.get(id)
    if (this.#verdicts.get(id)?.verdict === 'left') return
    if (peer && verdict === 'failed' && peer.incarnation > incarnation) return
    const sentence = { verdict, incarnation: Math.max(incarnation, peer?.incarnation ?? 0) }
    if (peer) {
      peer.pardoned = -1
      this.#enforce(peer, sentence, now)
    } else {
      this.#verdicts.remember(id, sentence, now)
      if (this.#table.slice.partial) return
      this.#news.put({ kind: verdict, id, incarnation: sentence.incarnation })
    }
  }

  /** The control plane took it back: late gossip of verdicts up to `incarnation` is void. */
  pardon(id: MemberId, incarnation: number, now: Instant): void {
    const sentence = this.#verdicts.get(id)
    this.#verdicts.forget(id)
    const peer = this.#table.get(id)
    if (!peer) return
    peer.pardoned = Math.max(peer.pardoned, incarnation, sentence?.incarnation ?? -1)
    if (sentence === undefined) return
    this.#table.become(peer, 'alive', [], now)
    this.#news.put({ kind: 'alive', member: peer.info })
    this.#listener.returned(peer)
  }

  #heardAlive(info: MemberInfo, now: Instant, quietly = false): void {
    const sentence = this.#verdicts.get(info.id)
    if (sentence) {
      if (sentence.verdict === 'left' || info.incarnation <= sentence.incarnation) return
      this.#verdicts.forget(info.id)
    }
    const peer = this.#table.get(info.id)
    if (peer) this.#renew(peer, info, now)
    else if (this.#table.add(info, now) && !quietly) this.#news.put({ kind: 'alive', member: info })
  }

  #renew(peer: Peer, info: MemberInfo, now: Instant): void {
    if (info.incarnation > peer.incarnation) {
      const absent = this.#table.absent.has(peer)
      this.#suspicions.end(peer.id)
      peer.info = info
      peer.incarnation = info.incarnation
      this.#table.become(peer, 'alive', [], now)
      this.#news.put({ kind: 'alive', member: info })
      if (absent) this.#listener.returned(peer)
    } else if (info.incarnation === peer.incarnation && info.incarnation > peer.info.incarnation) {
      // An accusation had told of this incarnation before its owner did: the address may be new.
      peer.info = info
      this.#table.become(peer, peer.status, peer.accusers, now)
    }
  }

  #heardSuspect(id: MemberId, incarnation: number, accuser: MemberId, now: Instant): void {
    const peer = this.#table.get(id)
    if (!peer || accuser === id || incarnation < peer.incarnation) return
    if (peer.status === 'left') return
    const newer = incarnation > peer.incarnation
    if (peer.status === 'failed') {
      if (!newer) return
      // It must have come back, or nobody could suspect it of that.
      this.#verdicts.forget(id)
    }
    if (peer.status === 'alive' || newer) {
      this.#suspect(peer, incarnation, accuser, now)
    } else {
      this.#confirm(peer, accuser)
    }
  }

  #suspect(peer: Peer, incarnation: number, accuser: MemberId, now: Instant): void {
    const terms = suspicionTerms(this.#config, this.#table.clusterSize)
    peer.incarnation = incarnation
    this.#suspicions.begin(peer.id, terms, this.#notice(), now)
    this.#table.become(peer, 'suspect', [accuser], now)
    this.#news.put({ kind: 'suspect', id: peer.id, incarnation, accuser })
    this.#listener.doubted(peer)
  }

  #notice(): Millis {
    return this.#health.scale(rhythm.lastCallTimeouts * this.#config.probeTimeout)
  }

  #confirm(peer: Peer, accuser: MemberId): void {
    if (peer.accusers.includes(accuser) || peer.accusers.length >= limits.accusers) return
    peer.accusers = [...peer.accusers, accuser]
    const confirmations = peer.accusers.length - 1
    if (this.#suspicions.wants(peer.id, confirmations)) {
      const { id, incarnation } = peer
      this.#news.put({ kind: 'suspect', id, incarnation, accuser })
    }
    this.#suspicions.confirm(peer.id, confirmations, this.#notice())
  }

  /** Verdicts about nodes never met are not kept from gossip, or they would wander about for ever. */
  #heardVerdict(
    id: MemberId,
    verdict: Sentence['verdict'],
    incarnation: number,
    now: Instant,
  ): void {
    const peer = this.#table.get(id)
    if (!peer || incarnation < peer.incarnation || incarnation <= peer.pardoned) return
    if (this.#verdicts.get(id)?.verdict === 'left') return
    this.#enforce(peer, { verdict, incarnation }, now)
  }

  #enforce(peer: Peer, sentence: Sentence, now: Instant): void {
    const { verdict, incarnation } = sentence
    if (peer.status === verdict && peer.incarnation >= incarnation) return
    this.#verdicts.remember(peer.id, sentence, now)
    this.#suspicions.end(peer.id)
    peer.incarnation = incarnation
    if (peer.status !== verdict) this.#table.become(peer, verdict, [], now)
    this.#news.put({ kind: verdict, id: peer.id, incarnation })
    this.#listener.lost(now)
  }
}

export function earliest(...times: readonly (Instant | undefined)[]): Instant | undefined {
  let first: Instant | undefined
  for (const time of times) {
    if (time !== undefined && (first === undefined || time < first)) first = time
  }
  return first
}
