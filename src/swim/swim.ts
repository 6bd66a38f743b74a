import { assert } from '../base/errors.ts'
import type { Machine } from '../base/machine.ts'
import type { Random } from '../base/random.ts'
import type { Instant, Millis } from '../base/time.ts'
import { Beliefs, earliest } from './beliefs.ts'
import { Calls } from './calls.ts'
import { limits } from './config.ts'
import { Exchange } from './exchange.ts'
import { Gossiper } from './gossiper.ts'
import { Health } from './health.ts'
import { MemberTable, type Peer, snapshot } from './members.ts'
import { Post, type Recipient } from './post.ts'
import { Probes } from './probes.ts'
import { Relays } from './relays.ts'
import { Rounds } from './rounds.ts'
import { Self } from './self.ts'
import type {
  Member,
  MemberId,
  MemberInfo,
  SwimConfig,
  SwimInput,
  SwimReady,
  Update,
} from './types.ts'
import { subjectOf, UpdateQueue } from './update-queue.ts'
import { VerdictMemory } from './verdicts.ts'

export { swimDefaults } from './config.ts'
export { headerBytes, updateBytes } from './update-size.ts'

type MessageInput = SwimInput & { readonly type: 'message' }

/**
 * Who is alive: SWIM (Das, Gupta, Motivala, DSN 2002) with Lifeguard (Dadgar, Phillips, Currey 2017).
 * This class takes input apart and hands it to those who know; the rules are theirs.
 */
export class Swim implements Machine<SwimInput, SwimReady, never> {
  readonly #table: MemberTable
  readonly #self: Self
  readonly #health: Health
  readonly #post: Post
  readonly #beliefs: Beliefs
  readonly #probes: Probes
  readonly #rounds: Rounds
  readonly #relays: Relays
  readonly #calls: Calls
  readonly #exchange: Exchange
  readonly #gossiper: Gossiper
  readonly #config: SwimConfig
  #now: Instant

  constructor(config: SwimConfig, self: MemberInfo, random: Random, now: Instant) {
    assert(config.probeTimeout < config.probePeriod, 'a probe times out within its period')
    assert(config.packetBytes >= 1024, 'a datagram has room for the longest update')
    this.#config = config
    this.#now = now
    const table = (this.#table = new MemberTable(random.fork(), self.id, config.slice))
    const news = new UpdateQueue<Peer>(limits.news, id => table.get(id))
    const verdicts = new VerdictMemory(config.verdictMemory)
    this.#self = new Self(self, news)
    const health = (this.#health = new Health(config.maxHealthScore))
    const post = (this.#post = new Post(config, table, news, verdicts))
    this.#relays = new Relays(config, post)
    this.#exchange = new Exchange(config, random.fork(), table, post, this.#self)
    this.#gossiper = new Gossiper(config, random.fork(), table, news, post)
    this.#beliefs = new Beliefs({
      config,
      self: this.#self,
      table,
      news,
      verdicts,
      health,
      listener: {
        condemning: peer => this.#calls.lastCall(peer, this.#now),
        doubted: peer => this.#calls.secondOpinion(peer, this.#now),
        returned: peer => this.#exchange.returned(peer, this.#now),
        lost: now => this.#exchange.thinned(now),
      },
    })
    const probes = (this.#probes = new Probes({
      config,
      random: random.fork(),
      self: this.#self,
      table,
      post,
      health,
      doubts: () => this.#beliefs.doubts(),
      failed: ({ peer, incarnation }, at) => this.#beliefs.accuse(peer, incarnation, at),
    }))
    this.#rounds = new Rounds(config, random.fork(), table, health, probes)
    this.#calls = new Calls(config, random.fork(), table, probes)
  }

  /** What this node says of itself. */
  get self(): MemberInfo {
    return this.#self.info
  }

  /** Everybody known, without this node; O(n). */
  members(): readonly Member[] {
    return Array.from(this.#table.all(), snapshot)
  }

  member(id: MemberId): Member | undefined {
    const peer = this.#table.get(id)
    return peer && snapshot(peer)
  }

  /** Whether the cluster has more members than this node keeps, as far as it knows. */
  get partial(): boolean {
    return this.#table.slice.partial
  }

  /** Local health score: 0 is healthy, the more the less this node trusts itself. */
  health(): number {
    return this.#health.score
  }

  tick(now: Instant): void {
    this.#now = now
    this.#probes.tick(now)
    this.#rounds.tick(now)
    this.#relays.tick(now)
    this.#calls.tick(now)
    this.#beliefs.tick(now)
    this.#exchange.tick(now)
    this.#wake(now)
  }

  step(input: SwimInput, now: Instant): void {
    this.#now = now
    switch (input.type) {
      case 'message':
        this.#receive(input, now)
        break
      case 'introduce':
        this.#introduce(input.members, now)
        break
      case 'refused':
        this.#beliefs.refused(input.id, now)
        break
      case 'verdict':
        this.#decided(input.id, input.incarnation, input.verdict, now)
        break
      case 'slice':
        this.#table.resize(input.size)
        break
      case 'forget':
        for (const id of input.ids) this.#beliefs.forget(id)
        break
      case 'lag':
        this.#lagged(input.by)
        break
      case 'update-self': {
        const { type: _, ...change } = input
        this.#self.restate(0, change)
        break
      }
      default:
        input satisfies never
    }
    this.#wake(now)
  }

  ready(): SwimReady | undefined {
    this.#gossiper.tick(this.#now)
    const send = this.#post.take()
    const changes = this.#table.takeChanges()
    const incarnation = this.#self.takeRaised()
    if (send.length === 0 && changes.length === 0 && incarnation === undefined) return undefined
    return incarnation === undefined ? { send, changes } : { send, changes, incarnation }
  }

  advance(): void {}

  wakeAt(): Instant | undefined {
    const at = earliest(
      this.#probes.next(),
      this.#rounds.next(),
      this.#relays.next(),
      this.#calls.next(),
      this.#beliefs.next(),
      this.#exchange.next(),
      this.#gossiper.next(),
    )
    return at === undefined ? undefined : Math.max(at, this.#now)
  }

  #wake(now: Instant): void {
    this.#rounds.wake(now)
    this.#calls.wake(now)
    this.#exchange.wake(now)
    if (this.#exchange.next() === now) this.#exchange.tick(now)
  }

  /** As many as fill a slice come from the full list, and so does the word to those who keep them: no news. */
  #introduce(members: readonly MemberInfo[], now: Instant): void {
    const digest = members.length >= this.#table.slice.size
    for (const info of members) this.#beliefs.introduce(info, now, digest)
    this.#exchange.introduced(members, now)
  }

  #receive(input: MessageInput, now: Instant): void {
    const { from, message } = input
    if (from === this.#self.id) return
    if (message.type === 'ping' && message.target !== this.#self.id) return
    const { met } = this.#table
    const aboutSelf = this.#hear(from, message.updates, now)
    const sender: Recipient = { id: from, address: input.fromAddress, via: input.via }
    switch (message.type) {
      case 'ping':
        this.#post.send(
          sender,
          { type: 'ack', seq: message.seq, updates: [] },
          this.#answers(message.updates, aboutSelf),
        )
        break
      case 'ack':
        this.#acked(message.seq, from, now)
        break
      case 'ping-req':
        if (this.#mayAsk(from)) this.#relays.begin(sender, message, now)
        break
      case 'nack':
        this.#probes.nack(message.seq, from)
        break
      case 'gossip':
        break
      case 'push-pull':
        if (this.#mayAsk(from)) {
          this.#exchange.heard(sender, !message.reply, this.#table.met > met, now)
        }
        break
      default:
        message satisfies never
    }
  }

  /**
   * Takes in gossip; true: some was about this node. From strangers only that counts: one that
   * accuses us must hear us refute, but membership enters through members alone.
   */
  #hear(from: MemberId, updates: readonly Update[], now: Instant): boolean {
    let aboutSelf = false
    const trusted = updates.length > 0 && this.#isTrusted(from)
    for (const update of updates) {
      if (subjectOf(update) === this.#self.id) {
        aboutSelf = true
        this.#beliefs.hearAboutSelf(update)
      } else if (trusted) {
        this.#beliefs.hear(update, now)
      }
    }
    return aboutSelf
  }

  /** What the sender of a ping should hear in reply to its news. */
  #answers(doubts: readonly Update[], aboutSelf: boolean): Update[] {
    const answers: Update[] = aboutSelf ? [{ kind: 'alive', member: this.#self.info }] : []
    for (const doubt of doubts) {
      if (answers.length > limits.doubts) break
      const answer = this.#beliefs.answer(doubt)
      if (answer) answers.push(answer)
    }
    return answers
  }

  #isTrusted(from: MemberId): boolean {
    const peer = this.#table.get(from)
    if (peer !== undefined) return peer.status !== 'left'
    return this.#table.slice.partial && !this.#beliefs.judged(from)
  }

  /** Where this node keeps only some, others are members as well: the driver lets nobody else through. */
  #mayAsk(from: MemberId): boolean {
    return this.#table.get(from) !== undefined || this.#isTrusted(from)
  }

  #acked(seq: number, from: MemberId, now: Instant): void {
    if (this.#relays.ack(seq, from)) return
    const peer = this.#probes.ack(seq, from)
    if (peer) this.#beliefs.answered(peer, now)
  }

  #decided(
    id: MemberId,
    incarnation: number,
    verdict: 'failed' | 'left' | 'alive',
    now: Instant,
  ): void {
    if (verdict === 'alive') this.#beliefs.pardon(id, incarnation, now)
    else this.#beliefs.condemn(id, verdict, incarnation, now)
  }

  /** Nothing that became due while this node slept may count against others. */
  #lagged(by: Millis): void {
    if (!(by > 0)) return
    this.#probes.extend(by)
    this.#relays.extend(by)
    this.#beliefs.extend(by)
    if (by * 2 >= this.#config.probeTimeout) {
      this.#health.change(Math.ceil(by / this.#config.probePeriod))
    }
  }
}
