import type { Random } from '../base/random.ts'
import type { Instant } from '../base/time.ts'
import { limits, rhythm } from './config.ts'
import { Deadlines } from './deadlines.ts'
import type { MemberTable, Peer } from './members.ts'
import { type Post, recipient } from './post.ts'
import { ping } from './prober.ts'
import type { MemberId, SwimConfig } from './types.ts'

/**
 * Pings outside the rotation. A second opinion: whoever hears of a suspicion looks for itself,
 * which tells the suspect at once and lets a dead process refuse the connection. And calls to absent members,
 * seldom and for ever: after a partition of any length the halves find each other again.
 */
export class Calls {
  readonly #config: SwimConfig
  readonly #random: Random
  readonly #table: MemberTable
  readonly #post: Post
  readonly #awaited = new Map<number, MemberId>()
  readonly #ends = new Deadlines<number>()
  #nextCall: Instant | undefined
  #calls = 0

  constructor(config: SwimConfig, random: Random, table: MemberTable, post: Post) {
    this.#config = config
    this.#random = random
    this.#table = table
    this.#post = post
  }

  /** In a large cluster only some look, by lot: a suspect must not drown in questions. */
  secondOpinion(peer: Peer, now: Instant): void {
    const others = this.#table.clusterSize - 1
    if (others > limits.secondOpinions && this.#random.below(others) >= limits.secondOpinions)
      return
    this.#call(peer, true, now)
  }

  /** The member that answered such a ping; undefined: it was none of these. */
  ack(seq: number, from: MemberId): Peer | undefined {
    if (this.#awaited.get(seq) !== from) return undefined
    this.#awaited.delete(seq)
    this.#ends.delete(seq)
    return this.#table.get(from)
  }

  /** There may be somebody to call now. */
  wake(now: Instant): void {
    if (this.#table.absent.size === 0) this.#nextCall = undefined
    else this.#nextCall ??= now + this.#period() * (0.5 + this.#random.next() / 2)
  }

  next(): Instant | undefined {
    const call = this.#nextCall
    const end = this.#ends.next()
    if (call === undefined || end === undefined) return call ?? end
    return Math.min(call, end)
  }

  tick(now: Instant): void {
    for (let seq = this.#ends.due(now); seq !== undefined; seq = this.#ends.due(now)) {
      this.#awaited.delete(seq)
    }
    if (this.#nextCall === undefined || now < this.#nextCall) return
    this.#nextCall = now + this.#period()
    const peer = this.#table.absent.next(this.#random)
    if (peer) this.#call(peer, this.#calls++ % rhythm.callsPerStreamCall === 0, now)
  }

  #period(): number {
    return rhythm.call * this.#config.probePeriod
  }

  #call(peer: Peer, byStream: boolean, now: Instant): void {
    if (this.#awaited.size >= limits.calls) return
    const seq = this.#post.nextSeq()
    this.#awaited.set(seq, peer.id)
    this.#ends.set(seq, now + rhythm.callAnswer * this.#config.probePeriod)
    this.#post.send(recipient(peer, 'datagram'), ping(seq, peer.id))
    if (byStream) this.#post.send(recipient(peer, 'stream'), ping(seq, peer.id))
  }
}
