import { type Address, formatAddress } from '../base/address.ts'
import type { Random } from '../base/random.ts'
import type { Clock, Instant, Millis, Timer } from '../base/time.ts'
import { encodeFrame, type Frame, frameKind } from './framing.ts'
import type { Verdict } from './handshake.ts'
import type { Duplicate, Greeting } from './hello-codec.ts'
import { Inbox } from './inbox.ts'
import { doubtedFor, maxLinks, maxPingsMissed, maxStrangers } from './limits.ts'
import { Link } from './link.ts'
import type { LinkOwner } from './link-owner.ts'
import type { DialFailure, LinkHandlers, LinkLimits } from './link-types.ts'
import { lost, Peer, unreachable } from './peer.ts'
import { judgeRival, otherKey, rivalry } from './rivals.ts'
import type { CloseReason, Connection, ConnectionHandlers, Sockets } from './types.ts'

/** Who is linked, who is being dialled, and who has connected without saying who it is. */
export class LinkTable implements LinkOwner {
  readonly limits: LinkLimits
  readonly #sockets: Sockets
  readonly #clock: Clock
  readonly #random: Random
  readonly #handlers: LinkHandlers
  readonly #inbox: Inbox
  /** Tells this process from an earlier one of the same node. */
  readonly #session: string
  readonly #peers = new Map<string, Peer>()
  /** Dials to addresses whose node is not known, by address. */
  readonly #seeds = new Map<string, Link>()
  /** Accepted and not yet proved, oldest first. */
  readonly #strangers = new Set<Link>()
  #ownId = ''
  #sweep: Timer | undefined
  #closed = false

  constructor(
    lent: { sockets: Sockets; clock: Clock; random: Random },
    limits: LinkLimits,
    handlers: LinkHandlers,
  ) {
    this.limits = limits
    this.#sockets = lent.sockets
    this.#clock = lent.clock
    this.#random = lent.random
    this.#handlers = handlers
    this.#inbox = new Inbox(handlers, limits)
    const hex = (bits: number) => bits.toString(16).padStart(8, '0')
    // The time as well, so that dice which start alike in each life make no two lives one.
    const time = Math.floor(lent.clock.wall()) % 2 ** 32
    this.#session = hex(time) + hex(lent.random.below(2 ** 32))
  }

  get isClosed(): boolean {
    return this.#closed
  }

  find(id: string): Peer | undefined {
    return this.#peers.get(id)
  }

  linked(): string[] {
    const ids: string[] = []
    for (const peer of this.#peers.values()) if (peer.link) ids.push(peer.id)
    return ids
  }

  accept(connection: Connection): ConnectionHandlers {
    const link = new Link(this, undefined, undefined)
    const handlers = link.attach(connection)
    if (this.#closed) {
      link.drop()
      return handlers
    }
    this.#strangers.add(link)
    const [oldest] = this.#strangers
    if (this.#strangers.size > maxStrangers && oldest) {
      this.#strangers.delete(oldest)
      this.foreign(oldest, 'too many connections that say nothing')
      oldest.drop()
    }
    return handlers
  }

  dialSeed(address: Address): void {
    const key = formatAddress(address)
    if (this.#closed || this.#seeds.has(key)) return
    this.#seeds.set(key, this.#dial(address, undefined))
  }

  /** `in turn`: after the pause that earlier failures ask for. */
  dialPeer(peer: Peer, when: 'now' | 'in turn'): void {
    if (this.#closed || peer.link || peer.dial || !peer.target) return
    if (when === 'in turn' && this.now() < peer.retryAt) {
      peer.retryLater(() => this.dialPeer(peer, 'now'))
      return
    }
    peer.calm()
    peer.dial = this.#dial(peer.target, peer.id)
  }

  setAddress(id: string, address: Address): void {
    if (!this.#closed) this.#peer(id).moveTo(address)
  }

  forget(id: string): void {
    const peer = this.#peers.get(id)
    if (!peer) return
    this.#peers.delete(id)
    const wasLinked = peer.link !== undefined
    peer.part()
    if (wasLinked) this.#handlers.disconnected(id, 'closed')
    peer.abandon()
  }

  renew(id: string): void {
    const peer = this.#peers.get(id)
    if (!peer?.link || this.#closed) return
    peer.link.goodbye()
    this.#lose(peer, 'closed')
    this.dialPeer(peer, 'now')
  }

  doubt(id: string): void {
    const peer = this.#peers.get(id)
    const link = peer?.link
    if (!link || link.doubted) return
    link.doubted = true
    link.heard = false
    link.write(ping)
    this.#clock.after(doubtedFor, () => {
      link.doubted = false
      if (!link.heard && peer.link === link) link.fail('timeout')
    })
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#sweep?.cancel()
    for (const link of [...this.#strangers, ...this.#seeds.values()]) link.drop()
    const peers = [...this.#peers.values()]
    this.#peers.clear()
    for (const peer of peers) peer.part()
    for (const peer of peers) peer.abandon()
  }

  // What a link asks and tells (LinkOwner).

  now(): Instant {
    return this.#clock.now()
  }

  after(delay: Millis, task: () => void): Timer {
    return this.#clock.after(delay, task)
  }

  greeting(): Greeting {
    const hello = this.#handlers.hello()
    this.#ownId = hello.id
    return { hello, session: this.#session }
  }

  judge(link: Link, greeting: Greeting): Verdict | Duplicate {
    const current = this.#peers.get(greeting.hello.id)?.link
    const verdict = judgeRival(link, greeting, this.greeting().hello, current)
    if (verdict.outcome === 'duplicate') return verdict
    if (verdict.outcome !== 'welcome') return this.#turnDown(link, greeting, verdict)
    if (!current && this.linked().length >= maxLinks) {
      return { outcome: 'busy', reason: `${maxLinks} peers are linked already` }
    }
    return this.#validated(link, greeting)
  }

  #turnDown(link: Link, greeting: Greeting, verdict: Exclude<Verdict, { outcome: 'welcome' }>) {
    const { hello } = greeting
    const code = verdict.outcome === 'rejected' ? verdict.code : 'BUSY'
    if (code === 'BAD_REQUEST' || link.expected) return verdict
    // The owner's rules say it first: they keep a record, and whoever has stolen an id hears no more than that.
    const said = this.#validated(link, greeting)
    if (said.outcome === 'rejected') return said
    if (verdict.outcome === 'busy') this.doubt(hello.id)
    if (code === 'DUPLICATE_NODE') this.#handlers.copied?.(hello, link.remote, verdict.reason)
    return verdict
  }

  #validated(link: Link, { hello }: Greeting): Verdict {
    const asked = link.target === undefined
    return this.#handlers.validate(hello, link.remote, link.identity, asked)
  }

  up(link: Link): void {
    this.#strangers.delete(link)
    this.#forgetSeed(link)
    const { id, address } = link.hello
    const current = this.#peers.get(id)?.link
    // Both were judged before either was up.
    if (current && otherKey(link, current)) return this.#turnAway(link)
    if (current && current.peer?.session === link.peer?.session) {
      this.#choose(this.#peer(id), current, link)
      return
    }
    if (current) {
      current.drop()
      this.#lose(this.#peer(id), 'reset')
      if (!link.isUp) return
    }
    const peer = this.#peer(id)
    this.#use(peer, link)
    this.#handlers.connected(link.hello, address)
    peer.flush()
  }

  #turnAway(link: Link): void {
    const peer = this.#peers.get(link.hello.id)
    if (peer?.dial === link) peer.dial = undefined
    link.drop()
  }

  frame(link: Link, frame: Frame): void {
    this.#inbox.take(this.#peer(link.hello.id), link, this.#ownId, frame)
  }

  foreign(link: Link, why: string): void {
    this.#handlers.foreign(link.remote, why)
  }

  down(link: Link, why: CloseReason): void {
    const peer = this.#peers.get(link.hello.id)
    if (!peer) return
    if (peer.retired === link) {
      this.#endRetired(peer)
      this.#tidy(peer)
    } else if (peer.link === link) {
      peer.lostAfter(this.now() - link.upSince)
      this.#lose(peer, why)
      // Nobody said goodbye: whether somebody still listens there is what failure detection wants to know.
      if (!link.saidGoodbye && this.#peers.get(peer.id) === peer) this.dialPeer(peer, 'in turn')
      this.#tidy(peer)
    }
  }

  dialFailed(link: Link, failure: DialFailure): void {
    const target = link.target!
    if (link.expected === undefined) {
      this.#forgetSeed(link)
      this.#handlers.dialFailed(target, undefined, failure)
      return
    }
    const peer = this.#peers.get(link.expected)
    if (!peer || peer.dial !== link) return
    peer.dial = undefined
    if (peer.link) return
    peer.failed()
    const waited = peer.requests.ids('unsent')
    this.#handlers.dialFailed(target, peer.id, failure)
    peer.requests.settleAll(waited, unreachable(peer.name, failure))
    this.#tidy(peer)
  }

  refused(failure: DialFailure): void {
    this.#handlers.refused?.(failure)
  }

  strangerGone(link: Link): void {
    this.#strangers.delete(link)
  }

  // How it is done.

  #peer(id: string): Peer {
    let peer = this.#peers.get(id)
    if (!peer) {
      peer = new Peer(id, this.#clock, this.#random)
      this.#peers.set(id, peer)
    }
    return peer
  }

  #tidy(peer: Peer): void {
    if (!peer.isIdle || this.#peers.get(peer.id) !== peer) return
    peer.calm()
    this.#peers.delete(peer.id)
  }

  #dial(address: Address, expected: string | undefined): Link {
    const link = new Link(this, address, expected)
    link.attach(this.#sockets.dial(address, link.handlers))
    return link
  }

  #forgetSeed(link: Link): void {
    if (!link.target || link.expected !== undefined) return
    const key = formatAddress(link.target)
    if (this.#seeds.get(key) === link) this.#seeds.delete(key)
  }

  /** A second link of the same two processes; nobody needs to hear of it. */
  #choose(peer: Peer, current: Link, newcomer: Link): void {
    this.#endRetired(peer)
    const { handshakeTimeout } = this.limits
    const chosen = rivalry(current, newcomer, this.#ownId, this.now(), handshakeTimeout)
    if (chosen === 'older') {
      peer.retired = newcomer
      newcomer.yield()
      return
    }
    peer.retired = current
    current.lostThere = chosen === 'lost'
    if (current.lostThere) peer.unwanted()
    current.retire()
    this.#use(peer, newcomer)
  }

  /** Answers to what the peer had heard of it came before its end, or come over the one that is used. */
  #endRetired(peer: Peer): void {
    const { retired, requests } = peer
    if (!retired) return
    peer.retired = undefined
    retired.drop()
    if (retired.lostThere) requests.settleAll(requests.over(retired), lost(peer.name))
  }

  #use(peer: Peer, link: Link): void {
    peer.use(link)
    this.#sweep ??= this.#clock.after(this.limits.pingIdle, () => this.#sweepLinks())
  }

  #lose(peer: Peer, why: CloseReason): void {
    peer.link = undefined
    peer.retired?.drop()
    peer.retired = undefined
    const asked = peer.requests.ids('sent')
    peer.unwanted()
    this.#handlers.disconnected(peer.id, why)
    peer.requests.settleAll(asked, lost(peer.name))
  }

  /** Counts rounds and not time, so that a process that was paused does not blame its peers. */
  #sweepLinks(): void {
    this.#sweep = this.#clock.after(this.limits.pingIdle, () => this.#sweepLinks())
    for (const { link } of [...this.#peers.values()]) {
      if (!link) continue
      if (link.heard) {
        link.heard = false
        link.pingsMissed = 0
      } else if (link.pingsMissed >= maxPingsMissed) {
        link.fail('timeout')
      } else {
        link.pingsMissed++
        link.write(ping)
      }
    }
  }
}

const ping = encodeFrame(frameKind.ping, new Uint8Array(0))
