import { type Address, formatAddress } from '../base/address.ts'
import { MalformedError } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import type { Clock, Instant, Millis, Timer } from '../base/time.ts'
import { encodeFrame, type Frame, frameHeaderBytes, sealFrame } from './framing.ts'
import { decodeSwim, encodeSwim } from './gossip-codec.ts'
import { protocol, type Verdict } from './handshake.ts'
import type { Duplicate, Greeting } from './hello-codec.ts'
import { defaultLimits, maxLinks, maxPingsMissed, maxRequests, maxStrangers } from './limits.ts'
import { frameKind, Link, type LinkOwner } from './link.ts'
import type {
  Answer,
  CreateLinks,
  DialFailure,
  LinkHandlers,
  LinkLimits,
  Links,
  RequestOutcome,
} from './link-types.ts'
import { Peer, unreachable } from './peer.ts'
import { decodeRaft, encodeRaft } from './raft-codec.ts'
import {
  decodeNotice,
  decodeRequest,
  decodeResponse,
  encodeNotice,
  encodeRequest,
  encodeResponse,
} from './request-codec.ts'
import type { CloseReason, Listener, Sockets } from './types.ts'

/**
 * One connection per pair of processes. Both ends may dial at once, so now and then two come up together;
 * then the one dialled by the smaller id stays, the other one is heard until it closes, and nothing that was
 * sent over it is lost (README, "Two connections").
 */
export const createLinks: CreateLinks = parts => new LinkTable(parts)

const empty = new Uint8Array(0)
const ping = encodeFrame(frameKind.ping, empty)
const pong = encodeFrame(frameKind.pong, empty)

class LinkTable implements Links, LinkOwner {
  readonly limits: LinkLimits
  readonly #sockets: Sockets
  readonly #clock: Clock
  readonly #parts: Parameters<CreateLinks>[0]
  readonly #handlers: LinkHandlers
  /** Tells this process from an earlier one of the same node. */
  readonly #session: string
  readonly #peers = new Map<string, Peer>()
  /** Dials to addresses whose node is not known, by address. */
  readonly #seeds = new Map<string, Link>()
  /** Accepted and not yet proved, oldest first. */
  readonly #strangers = new Set<Link>()
  #listener: Listener | undefined
  #nextRequest = 1
  #sweep: Timer | undefined
  #closed = false

  constructor(parts: Parameters<CreateLinks>[0]) {
    this.#parts = parts
    this.#sockets = parts.sockets
    this.#clock = parts.clock
    this.#handlers = parts.handlers
    this.limits = { ...defaultLimits, ...parts.limits }
    const half = () =>
      parts.random
        .below(2 ** 32)
        .toString(16)
        .padStart(8, '0')
    this.#session = half() + half()
  }

  // What the agent asks for.

  listen(at: Address): void {
    this.#listener = this.#sockets.listen(at, {
      listening: bound => this.#handlers.listening?.(bound),
      accepted: connection => {
        const link = new Link(this, undefined, undefined)
        const handlers = link.attach(connection)
        if (this.#closed) link.drop()
        else this.#admit(link)
        return handlers
      },
      failed: error => {
        if (!this.#handlers.failed) throw error
        this.#handlers.failed(error)
      },
    })
  }

  dialSeed(address: Address): void {
    const key = formatAddress(address)
    if (this.#closed || this.#seeds.has(key)) return
    this.#seeds.set(key, this.#dial(address, undefined))
  }

  setAddress(id: string, address: Address): void {
    this.#peer(id).address = address
  }

  forget(id: string): void {
    const peer = this.#peers.get(id)
    if (!peer) return
    peer.address = undefined
    peer.seenAt = undefined
    peer.calm()
    peer.dial?.drop()
    peer.dial = undefined
    const { link } = peer
    peer.link = undefined
    peer.retired?.drop()
    peer.retired = undefined
    link?.goodbye()
    if (link) this.#handlers.disconnected(id, 'closed')
    this.#settleLost(peer)
    peer.settleAll(peer.requests.ids('unsent'), unreachable(peer.name, { why: 'closed' }))
    this.#tidy(peer)
  }

  connect(id: string): void {
    const peer = this.#peers.get(id)
    if (peer) this.#dialPeer(peer, 'now')
  }

  isConnected(id: string): boolean {
    return this.#peers.get(id)?.link !== undefined
  }

  connectedPeers(): readonly string[] {
    const ids: string[] = []
    for (const peer of this.#peers.values()) if (peer.link) ids.push(peer.id)
    return ids
  }

  sendRaft: Links['sendRaft'] = (to, message) => {
    const link = this.#ready(to)
    if (!link) return false
    return this.#write(link, frameKind.raft, encodeRaft(message, frameHeaderBytes))
  }

  sendSwim: Links['sendSwim'] = (to, message) => {
    const link = this.#ready(to)
    if (!link) return false
    return this.#writeSealed(link, encodeFrame(frameKind.swim, encodeSwim(message)))
  }

  notice(to: string, kind: string, body: unknown, blob = empty): boolean {
    const link = this.#ready(to)
    if (!link) return false
    return this.#write(link, frameKind.notice, encodeNotice({ kind, body, blob }))
  }

  queued(to: string): number {
    const peer = this.#peers.get(to)
    return peer ? (peer.link?.pending() ?? 0) + peer.waitingBytes : 0
  }

  request(
    to: string,
    method: string,
    body: unknown,
    timeout: Millis,
    done: Answer,
    blob = empty,
  ): void {
    const refuse = (outcome: RequestOutcome) => this.#clock.soon(() => done(outcome))
    const peer = this.#peers.get(to)
    if (!peer || this.#closed || (!peer.link && !peer.target)) {
      return refuse(refusal('UNKNOWN_NODE', `no address of ${to} is known`))
    }
    if (peer.requests.size >= maxRequests || this.queued(to) > this.limits.queueBytes) {
      return refuse(refusal('BUSY', `${peer.name} has too much to answer already`))
    }
    const id = this.#nextRequest
    this.#nextRequest = (id + 1) >>> 0
    const frame = sealFrame(frameKind.request, encodeRequest({ id, method, body, blob }))
    if (frame.length > this.limits.frameBytes) {
      return refuse(refusal('TOO_LARGE', `a request of ${frame.length} bytes`))
    }
    peer.ask(id, frame, timeout, done)
    if (!peer.link) this.#dialPeer(peer, 'in turn')
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#listener?.close()
    this.#sweep?.cancel()
    for (const link of [...this.#strangers, ...this.#seeds.values()]) link.drop()
    for (const peer of this.#peers.values()) {
      peer.calm()
      peer.dial?.drop()
      peer.retired?.drop()
      peer.link?.goodbye()
      peer.link = undefined
    }
    for (const peer of this.#peers.values()) {
      this.#settleLost(peer)
      peer.settleAll(peer.requests.ids('unsent'), unreachable(peer.name, { why: 'closed' }))
    }
    this.#peers.clear()
  }

  // What a link asks for (LinkOwner).

  now(): Instant {
    return this.#clock.now()
  }

  after(delay: Millis, task: () => void): Timer {
    return this.#clock.after(delay, task)
  }

  greeting(): Greeting {
    return { hello: this.#handlers.hello(), session: this.#session }
  }

  judge(link: Link, { hello, session }: Greeting): Verdict | Duplicate {
    const own = this.#handlers.hello()
    if (hello.id === own.id) return rejected('BAD_REQUEST', 'that is this node itself')
    if (link.expected !== undefined && link.expected !== hello.id) {
      return rejected('UNKNOWN_NODE', `another node answers there: ${hello.name} (${hello.id})`)
    }
    if (hello.protocolMin > protocol.max || hello.protocolMax < protocol.min) {
      const theirs = `${hello.protocolMin} to ${hello.protocolMax}`
      const ours = `${protocol.min} to ${protocol.max}`
      return rejected('VERSION_MISMATCH', `protocol ${theirs} meets protocol ${ours}`)
    }
    const current = this.#peers.get(hello.id)?.link
    if (current?.peer?.session === session && link.target) return { outcome: 'duplicate' }
    if (current && current.peer?.session !== session) {
      const newer = current.hello.incarnation
      if (hello.incarnation < newer) {
        return rejected('REFUSED', `a process of the same id is linked, incarnation ${newer}`)
      }
    }
    if (!current && this.connectedPeers().length >= maxLinks) {
      return { outcome: 'busy', reason: `${maxLinks} peers are linked already` }
    }
    return this.#handlers.validate(hello, link.remote)
  }

  up(link: Link): void {
    this.#strangers.delete(link)
    this.#forgetSeed(link)
    const peer = this.#peer(link.hello.id)
    const current = peer.link
    if (current && current.peer?.session === link.peer?.session) {
      peer.retired?.drop()
      peer.retired = this.#outlives(current, link) ? link : current
      if (peer.retired === link) return link.yield()
      current.retire()
      return this.#use(peer, link)
    }
    if (current) {
      current.drop()
      this.#lost(peer, 'reset')
      if (this.#closed || !link.isUp) return
    }
    this.#use(peer, link)
    this.#handlers.connected(link.hello, link.hello.address)
    peer.flush()
  }

  frame(link: Link, frame: Frame): void {
    const from = link.hello.id
    const { payload } = frame
    switch (frame.kind) {
      case frameKind.raft:
        return this.#handlers.raft(from, decodeRaft(payload, from, this.#handlers.hello().id))
      case frameKind.swim:
        return this.#handlers.swim(from, decodeSwim(payload))
      case frameKind.request:
        return this.#requested(this.#peer(from), link, payload)
      case frameKind.response: {
        const { id, outcome } = decodeResponse(payload)
        return this.#peers.get(from)?.requests.settle(id, outcome)
      }
      case frameKind.notice: {
        const { kind, body, blob } = decodeNotice(payload)
        return this.#handlers.notice(from, kind, body, blob)
      }
      case frameKind.ping:
        this.#writeSealed(link, pong)
        return
      case frameKind.pong:
        return
      case frameKind.goodbye:
        link.saidGoodbye = true
        return
      default:
        throw new MalformedError(`a frame of the unknown kind ${frame.kind}`)
    }
  }

  foreign(link: Link, why: string): void {
    this.#handlers.foreign(link.remote, why)
  }

  down(link: Link, why: CloseReason): void {
    const peer = this.#peers.get(link.hello.id)
    if (!peer) return
    if (peer.retired === link) {
      peer.retired = undefined
      return this.#tidy(peer)
    }
    if (peer.link !== link) return
    peer.lostAfter(this.now() - link.upSince)
    this.#lost(peer, why)
    if (!link.saidGoodbye && this.#peers.has(peer.id)) this.#dialPeer(peer, 'in turn')
    else this.#tidy(peer)
  }

  dialFailed(link: Link, failure: DialFailure): void {
    const target = link.target!
    if (link.expected === undefined) {
      this.#forgetSeed(link)
      return this.#handlers.dialFailed(target, undefined, failure)
    }
    const peer = this.#peers.get(link.expected)
    if (!peer || peer.dial !== link) return
    peer.dial = undefined
    if (peer.link) return
    peer.failed()
    const waited = peer.requests.ids('unsent')
    this.#handlers.dialFailed(target, peer.id, failure)
    peer.settleAll(waited, unreachable(peer.name, failure))
    this.#tidy(peer)
  }

  strangerGone(link: Link): void {
    this.#strangers.delete(link)
  }

  // How it is done.

  #peer(id: string): Peer {
    let peer = this.#peers.get(id)
    if (!peer) {
      peer = new Peer(id, this.#clock, this.#parts.random)
      this.#peers.set(id, peer)
    }
    return peer
  }

  #tidy(peer: Peer): void {
    if (peer.isIdle && this.#peers.get(peer.id) === peer) {
      peer.calm()
      this.#peers.delete(peer.id)
    }
  }

  #admit(link: Link): void {
    this.#strangers.add(link)
    if (this.#strangers.size <= maxStrangers) return
    const [oldest] = this.#strangers
    if (!oldest) return
    this.#strangers.delete(oldest)
    oldest.drop()
  }

  #dial(address: Address, expected: string | undefined): Link {
    const link = new Link(this, address, expected)
    link.attach(this.#sockets.dial(address, link.handlers))
    return link
  }

  #dialPeer(peer: Peer, when: 'now' | 'in turn'): void {
    if (this.#closed || peer.link || peer.dial || !peer.target) return
    if (when === 'in turn' && this.now() < peer.retryAt) {
      return peer.retryLater(() => this.#dialPeer(peer, 'now'))
    }
    peer.calm()
    peer.dial = this.#dial(peer.target, peer.id)
  }

  /** The link to use, if there is one and it has room; else a dial is begun. */
  #ready(to: string): Link | undefined {
    const peer = this.#peers.get(to)
    if (!peer) return undefined
    if (!peer.link) {
      this.#dialPeer(peer, 'in turn')
      return undefined
    }
    return peer.link.pending() > this.limits.queueBytes ? undefined : peer.link
  }

  #write(link: Link, kind: number, frame: Uint8Array): boolean {
    return this.#writeSealed(link, sealFrame(kind, frame))
  }

  #writeSealed(link: Link, frame: Uint8Array): boolean {
    if (frame.length > this.limits.frameBytes) return false
    link.write(frame)
    return true
  }

  /** Two links of the same two processes, both confirmed: whether the one that was there stays. */
  #outlives(current: Link, newcomer: Link): boolean {
    const dialledHere = current.target !== undefined && newcomer.target === undefined
    const smaller = this.#handlers.hello().id < newcomer.hello.id
    // An old link would not have been dialled over, had the peer still known it.
    const crossed = this.now() - current.upSince < this.limits.handshakeTimeout
    return dialledHere && smaller && crossed
  }

  #use(peer: Peer, link: Link): void {
    if (peer.dial !== link) peer.dial?.drop()
    peer.dial = undefined
    peer.calm()
    peer.link = link
    peer.name = link.hello.name
    peer.seenAt = link.hello.address
    this.#sweep ??= this.#clock.after(this.limits.pingIdle, () => this.#sweepLinks())
  }

  #lost(peer: Peer, why: CloseReason): void {
    peer.link = undefined
    peer.retired?.drop()
    peer.retired = undefined
    const asked = peer.requests.ids('sent')
    this.#handlers.disconnected(peer.id, why)
    peer.settleAll(asked, lostOutcome(peer.name))
  }

  #settleLost(peer: Peer): void {
    peer.settleAll(peer.requests.ids('sent'), lostOutcome(peer.name))
  }

  #forgetSeed(link: Link): void {
    if (!link.target || link.expected !== undefined) return
    const key = formatAddress(link.target)
    if (this.#seeds.get(key) === link) this.#seeds.delete(key)
  }

  #requested(peer: Peer, link: Link, payload: Uint8Array): void {
    const { id, method, body, blob } = decodeRequest(payload)
    const session = link.peer?.session
    let answered = false
    const respond = (outcome: RequestOutcome) => {
      const current = this.#peers.get(peer.id)?.link
      if (!current || current.peer?.session !== session) return
      const frame = sealFrame(frameKind.response, encodeResponse({ id, outcome }))
      if (current.pending() > this.limits.queueBytes) return
      if (frame.length <= this.limits.frameBytes) return current.write(frame)
      respond({ ok: false, code: 'TOO_LARGE', message: `an answer of ${frame.length} bytes` })
    }
    if (peer.working >= maxRequests) {
      const message = 'this node has too many requests of yours to answer already'
      return respond({ ok: false, code: 'BUSY', message })
    }
    peer.working++
    this.#handlers.request(peer.id, method, body, blob, outcome => {
      assert(!answered, `the request ${method} was answered twice`)
      answered = true
      peer.working--
      respond(outcome)
    })
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

function rejected(code: (Verdict & { outcome: 'rejected' })['code'], reason: string): Verdict {
  return { outcome: 'rejected', code, reason }
}

function refusal(code: (RequestOutcome & { ok: false })['code'], message: string): RequestOutcome {
  return { ok: false, code, message, unsent: true }
}

function lostOutcome(name: string): RequestOutcome {
  const message = `the link to ${name} was lost; what became of the request is unknown`
  return { ok: false, code: 'TIMEOUT', message }
}
