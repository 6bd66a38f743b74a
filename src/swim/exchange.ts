import type { Random } from '../base/random.ts'
import type { Instant, Millis } from '../base/time.ts'
import { limits, rhythm } from './config.ts'
import { isAlive, type MemberTable, opinionOf, type Peer } from './members.ts'
import { type Post, type Recipient, recipient } from './post.ts'
import type { Self } from './self.ts'
import type { MemberId, MemberInfo, SwimConfig, Update } from './types.ts'
import { updateBytes } from './update-size.ts'

/** Up to so many members the exchange keeps its period; each doubling beyond adds one. */
const unscaledSize = 32

export function exchangePeriod(base: Millis, clusterSize: number): Millis {
  return base * (1 + Math.max(0, Math.ceil(Math.log2(clusterSize / unscaledSize))))
}

/** `updates` in pieces that each fit one message of the stream; at least one piece. */
export function split(updates: readonly Update[], maxBytes: number): Update[][] {
  const pieces: Update[][] = [[]]
  let bytes = 0
  for (const update of updates) {
    const size = updateBytes(update)
    const piece = pieces.at(-1)!
    if (piece.length > 0 && (bytes + size > maxBytes || piece.length >= limits.updates)) {
      pieces.push([update])
      bytes = size
    } else {
      piece.push(update)
      bytes += size
    }
  }
  return pieces
}

/**
 * Push-pull: now and then two members tell each other all they know (anti-entropy; what gossip
 * lost heals here), and a newcomer does so at once. A long listing goes out in pieces; only the last of a
 * question asks for the answer.
 */
export class Exchange {
  readonly #config: SwimConfig
  readonly #random: Random
  readonly #table: MemberTable
  readonly #post: Post
  readonly #self: Self
  /** Somebody told us everything once. */
  #met = false
  /** Exchanges asked for so far. */
  #rounds = 0
  #nextAt: Instant | undefined
  #lastAt = Number.NEGATIVE_INFINITY
  /** Who was asked in this round and has not answered: the question is lost where no stream was there yet to carry it. */
  readonly #unanswered = new Set<MemberId>()
  /** There may be somebody nearer than whom this node knows. */
  #searching = false

  constructor(config: SwimConfig, random: Random, table: MemberTable, post: Post, self: Self) {
    this.#config = config
    this.#random = random
    this.#table = table
    this.#post = post
    this.#self = self
  }

  /** There may be somebody to talk to now. The first exchange is at once, the next at a random time. */
  wake(now: Instant): void {
    if (this.#table.present.size === 0) this.#nextAt = undefined
    else this.#nextAt ??= this.#met ? now + this.#pause() * this.#random.next() : now
  }

  next(): Instant | undefined {
    return this.#nextAt
  }

  tick(now: Instant): void {
    if (this.#nextAt === undefined || now < this.#nextAt) return
    this.#nextAt = now + (this.#met ? this.#pause() : this.#gap())
    this.#rounds += 1
    this.#unanswered.clear()
    const guides = this.#searching ? this.#table.slice.guides() : []
    this.#searching = false
    if (guides.length === 0) {
      const peer = this.#partner()
      if (peer) this.#ask(peer, now)
    }
    for (const guide of guides) this.#ask(guide, now)
  }

  /** The slice lost many: whoever lives beyond them is to be found. */
  thinned(now: Instant): void {
    if (this.#table.slice.thin) this.#search(now)
  }

  /** `peer` is back, perhaps with a whole half of the cluster. */
  returned(peer: Peer, now: Instant): void {
    if (now >= this.#lastAt + this.#gap()) this.#ask(peer, now)
  }

  /** There is a stream to these, or they are vouched for: whom this node asked in vain it asks once more. */
  introduced(members: readonly MemberInfo[], now: Instant): void {
    if (now <= this.#lastAt) return
    for (const { id } of members) {
      if (!this.#unanswered.has(id)) continue
      const peer = this.#table.get(id)
      if (peer) this.#ask(peer, now)
      this.#unanswered.delete(id)
    }
  }

  /** Somebody's listing came in; answers if that was wanted. */
  heard(from: Recipient, wantsAnswer: boolean, toldOfSomebody: boolean, now: Instant): void {
    this.#unanswered.delete(from.id)
    if (!this.#met) {
      this.#met = true
      this.#nextAt = now + this.#pause() * this.#random.next()
    }
    if (toldOfSomebody && !wantsAnswer) this.#search(now)
    if (wantsAnswer) this.#tell(from, true)
  }

  /**
   * In a cluster that is kept in part, neighbours know of more neighbours: asking on as long as that helps
   * finds this node's place (Jelasity, Montresor and Babaoglu, T-Man, 2009). Asked is whoever stands nearest on
   * each side of each ring. Whom it keeps for the sake of that ring stand near as well, a few steps nearer;
   * whom it keeps for the sake of others stand anywhere, and now and then one stands much nearer. Far off
   * these leaps bring more, close by the steps do: of n members the search takes about √n / slice rounds.
   */
  #search(now: Instant): void {
    if (!this.#table.slice.partial) return
    this.#searching = true
    this.#rounds = 0
    const at = now + rhythm.searchGap * this.#config.probePeriod * (0.5 + this.#random.next())
    this.#nextAt = Math.min(this.#nextAt ?? at, at)
  }

  #partner(): Peer | undefined {
    const { present, slice } = this.#table
    if (slice.partial && this.#random.below(2) === 0) {
      const next = present.sample(1, this.#random, peer => isAlive(peer) && slice.isNext(peer))[0]
      if (next) return next
    }
    return present.sample(1, this.#random, isAlive)[0]
  }

  #ask(peer: Peer, now: Instant): void {
    this.#lastAt = now
    this.#unanswered.add(peer.id)
    peer.consulted = true
    this.#tell(recipient(peer, 'stream'), false)
  }

  #tell(to: Recipient, answer: boolean): void {
    const pieces = split(this.#listing(), limits.exchangeBytes)
    pieces.forEach((updates, i) => {
      const reply = answer || i < pieces.length - 1
      this.#post.sendBare(to, { type: 'push-pull', reply, updates })
    })
  }

  /**
   * All that this node knows. The doubted are named twice, so that whoever never met them meets them; those
   * given up only where all know all: among slices the dead would be met, doubted and forgotten for ever.
   */
  #listing(): Update[] {
    const out: Update[] = [{ kind: 'alive', member: this.#self.info }]
    const { partial } = this.#table.slice
    for (const peer of this.#table.all()) {
      if (partial && peer.status === 'unreachable') continue
      const opinion = opinionOf(peer)
      if (opinion.kind === 'suspect') out.push({ kind: 'alive', member: peer.info })
      out.push(opinion)
    }
    return out
  }

  /**
   * A young node asks more often: those who met at the same moment gossiped past each other, before
   * they knew of one another.
   */
  #pause(): Millis {
    return Math.min(this.#period(), this.#gap() * 2 ** this.#rounds)
  }

  #period(): Millis {
    return exchangePeriod(this.#config.pushPullPeriod, this.#table.clusterSize)
  }

  #gap(): Millis {
    const gap = rhythm.exchangeGap * this.#config.probePeriod
    return exchangePeriod(gap, this.#table.clusterSize)
  }
}
