import type { Random } from '../base/random.ts'
import type { Instant } from '../base/time.ts'
import { urgentGossipDivisor } from './config.ts'
import type { MemberTable, Peer } from './members.ts'
import { type Post, recipient } from './post.ts'
import type { SwimConfig } from './types.ts'
import type { UpdateQueue } from './update-queue.ts'

/**
 * Spreads news apart from the piggyback (Lifeguard's dedicated gossip layer): fresh news at once, then every
 * gossip period to a few members in turn, until each piece was sent often enough.
 */
export class Gossiper {
  readonly #config: SwimConfig
  readonly #random: Random
  readonly #table: MemberTable
  readonly #news: UpdateQueue<Peer>
  readonly #post: Post
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(
    config: SwimConfig,
    random: Random,
    table: MemberTable,
    news: UpdateQueue<Peer>,
    post: Post,
  ) {
    this.#config = config
    this.#random = random
    this.#table = table
    this.#news = news
    this.#post = post
  }

  next(): Instant | undefined {
    if (this.#news.size === 0 || this.#table.present.size === 0) return undefined
    const period = this.#config.gossipPeriod
    return this.#lastAt + (this.#news.fresh ? period / urgentGossipDivisor : period)
  }

  tick(now: Instant): void {
    const at = this.next()
    if (at === undefined || now < at) return
    this.#lastAt = now
    this.#news.settle()
    if (this.#table.slice.partial) return this.#tellConcerned()
    for (const peer of this.#audience()) this.#post.sendNews(recipient(peer, 'datagram'))
  }

  /** To those whom it concerns, in turn; what concerns nobody is not kept for ever. */
  #tellConcerned(): void {
    const { audience } = this.#table
    let told = 0
    for (let turn = audience.size; turn > 0 && told < this.#config.gossipFanout; turn--) {
      const peer = audience.next(this.#random)!
      if (this.#post.sendNews(recipient(peer, 'datagram'))) told++
    }
    if (told < this.#config.gossipFanout) this.#post.ageNews()
  }

  #audience(): Set<Peer> {
    const { audience } = this.#table
    const count = Math.min(this.#config.gossipFanout, audience.size)
    const peers = new Set<Peer>()
    // Where one round ends and the next begins, somebody may come twice in a row.
    while (peers.size < count) peers.add(audience.next(this.#random)!)
    return peers
  }
}
