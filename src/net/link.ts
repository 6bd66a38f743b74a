import type { Address } from '../base/address.ts'
import { MalformedError } from '../base/bytes.ts'
import type { Instant, Timer } from '../base/time.ts'
import { encodeFrame, type Frame, FrameDecoder, frameHeaderBytes, frameKind } from './framing.ts'
import { dialable, type Hello, type Verdict } from './handshake.ts'
import {
  type Duplicate,
  decodeGreeting,
  decodeReply,
  encodeGreeting,
  encodeReply,
  type Greeting,
  type Reply,
} from './hello-codec.ts'
import { answerCounts, maxHandshakeBytes } from './limits.ts'
import type { LinkOwner } from './link-owner.ts'
import type { DialFailure } from './link-types.ts'
import type { CloseReason, Connection, ConnectionHandlers, PeerIdentity } from './types.ts'

/**
 * One connection, from its first byte to its last. The dialler greets, the other end judges and greets
 * back, the dialler judges and confirms: only then is the link up for both, so that whoever hears of a link
 * knows that both ends wanted it. Everything that follows belongs to the owner.
 */
type Phase = 'dialling' | 'greeted' | 'accepted' | 'judged' | 'up' | 'ending' | 'closed'

export class Link {
  readonly owner: LinkOwner
  /** Where this end dialled; undefined: the other end did. */
  readonly target: Address | undefined
  /** Whom this end expects there; undefined: whoever answers. */
  readonly expected: string | undefined
  /** The other end, from the moment it is known. */
  peer: Greeting | undefined
  /** Instant of `up`. */
  upSince: Instant = 0
  /** Another link took over: what still arrives counts, but nothing more is sent. */
  retired = false
  /** The other end has none like this any more: what it has not answered, it may never have heard. */
  lostThere = false
  /** The other end said that it leaves of its own will. */
  saidGoodbye = false
  heard = false
  pingsMissed = 0
  /** It is being found out whether it lives. */
  doubted = false
  /** When it last answered a doubt. */
  #answered: Instant = Number.NEGATIVE_INFINITY
  #phase: Phase
  #connection!: Connection
  #decoder = new FrameDecoder(frameHeaderBytes + maxHandshakeBytes)
  #timer: Timer | undefined

  constructor(owner: LinkOwner, target: Address | undefined, expected: string | undefined) {
    this.owner = owner
    this.target = target
    this.expected = expected
    this.#phase = target ? 'dialling' : 'accepted'
  }

  /** Takes the connection over; call once, right after it was made. */
  attach(connection: Connection): ConnectionHandlers {
    this.#connection = connection
    const { dialTimeout, handshakeTimeout } = this.owner.limits
    this.#timer = this.owner.after(this.target ? dialTimeout : handshakeTimeout, () => this.#late())
    return this.handlers
  }

  readonly handlers: ConnectionHandlers = {
    opened: () => this.#opened(),
    received: bytes => this.#received(bytes),
    drained: () => {},
    closed: why => this.#closed(why),
  }

  get isUp(): boolean {
    return this.#phase === 'up'
  }

  get hello(): Hello {
    return this.peer!.hello
  }

  get remote(): Address {
    return this.#connection.remote
  }

  /** What the other end has proved. */
  get identity(): PeerIdentity | undefined {
    return this.#connection.identity?.()
  }

  /** Where the other end can be dialled: as it says, or where it is seen. */
  get reachable(): Address {
    return dialable(this.hello, this.remote)
  }

  /** Somebody doubted it a moment ago, and it lives. */
  get hasShownLife(): boolean {
    return this.owner.now() - this.#answered < answerCounts
  }

  pending(): number {
    return this.#phase === 'closed' ? 0 : this.#connection.pending()
  }

  /** A frame with its header. */
  write(frame: Uint8Array): void {
    if (this.#phase === 'up') this.#connection.write(frame)
  }

  /** Closes once everything written has left, and hears the other end until then. */
  retire(): void {
    if (this.#phase !== 'up' || this.retired) return
    this.retired = true
    this.#connection.end()
    this.#linger()
  }

  /** As `retire`, but leaves the closing to the other end, which knows which link won. */
  yield(): void {
    if (this.#phase !== 'up' || this.retired) return
    this.retired = true
    this.#linger()
  }

  /** The last word, then the end; nothing more is heard. */
  goodbye(): void {
    if (this.#phase === 'up') this.write(encodeFrame(frameKind.goodbye, new Uint8Array(0)))
    if (this.#phase === 'up' || this.#phase === 'judged') this.#end()
    else this.drop()
  }

  /** Closes at once, without a word to anybody. */
  drop(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#timer?.cancel()
    this.#connection.destroy()
  }

  /** Closes at once a link that was up, and says why. */
  fail(why: CloseReason): void {
    if (this.#phase !== 'up') return
    this.drop()
    this.owner.down(this, why)
  }

  #opened(): void {
    if (this.#phase !== 'dialling') return
    this.#phase = 'greeted'
    this.#timer?.cancel()
    this.#timer = this.owner.after(this.owner.limits.handshakeTimeout, () => this.#late())
    const greeting = encodeGreeting(this.owner.greeting())
    this.#connection.write(encodeFrame(frameKind.handshake, greeting))
  }

  #late(): void {
    switch (this.#phase) {
      case 'dialling':
        this.#unsuccessful({ why: 'timeout' })
        break
      case 'greeted':
        this.#unsuccessful({ why: 'handshake-timeout' })
        break
      case 'accepted':
        this.#broken('no handshake in time')
        break
      case 'judged':
        this.#gone()
        break
    }
  }

  #received(bytes: Uint8Array): void {
    if (this.#isOver) return
    this.heard = true
    if (this.doubted) this.#answered = this.owner.now()
    this.#decoder.push(bytes)
    try {
      // Anything that a frame sets off may close the link.
      while (!this.#isOver) {
        const frame = this.#decoder.next()
        if (!frame) return
        this.#take(frame)
      }
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.#broken(error.message)
    }
  }

  get #isOver(): boolean {
    return this.#phase === 'closed' || this.#phase === 'ending'
  }

  #take(frame: Frame): void {
    const { kind, payload } = frame
    const isHandshake = kind === frameKind.handshake || kind === frameKind.verdict
    if (this.#phase === 'up' && !isHandshake) this.owner.frame(this, frame)
    else if (this.#phase === 'accepted' && kind === frameKind.handshake) this.#judge(payload)
    else if (this.#phase === 'greeted' && kind === frameKind.verdict) this.#confirm(payload)
    else if (this.#phase === 'judged' && kind === frameKind.verdict) this.#confirmed(payload)
    else throw new MalformedError(`a frame of kind ${kind} out of turn`)
  }

  /** The end that was dialled hears who dials. */
  #judge(payload: Uint8Array): void {
    this.peer = this.#located(decodeGreeting(payload))
    const verdict = this.owner.judge(this, this.peer)
    if (this.#isOver) return
    this.#say({ verdict, greeting: this.owner.greeting() })
    if (verdict.outcome === 'welcome') this.#phase = 'judged'
    else this.#end()
  }

  /** The dialler hears what the other end thinks, and who it is. */
  #confirm(payload: Uint8Array): void {
    const { verdict, greeting } = decodeReply(payload)
    if (greeting) this.peer = this.#located(greeting)
    if (verdict.outcome !== 'welcome') {
      this.#unsuccessful(this.#failure(verdict))
      return
    }
    if (!this.peer) throw new MalformedError('a welcome without a hello')
    const own = this.owner.judge(this, this.peer)
    if (this.#isOver) return
    this.#say({ verdict: own })
    if (own.outcome === 'welcome') {
      this.#up()
      return
    }
    this.#end()
    const failure = this.#failure(own)
    this.owner.dialFailed(this, failure.why === 'rejected' ? { ...failure, own: true } : failure)
  }

  /** The end that was dialled hears that the dialler wants it too. */
  #confirmed(payload: Uint8Array): void {
    const { verdict } = decodeReply(payload)
    if (verdict.outcome === 'welcome') return this.#up()
    const failure = this.#failure(verdict)
    this.#gone()
    this.owner.refused(failure)
  }

  /** A hello whose host is empty means: where you see me. */
  #located(greeting: Greeting): Greeting {
    const { hello } = greeting
    if (hello.address.host !== '') return greeting
    const address = { host: this.remote.host, port: hello.address.port }
    return { ...greeting, hello: { ...hello, address } }
  }

  #say(reply: Reply): void {
    this.#connection.write(encodeFrame(frameKind.verdict, encodeReply(reply)))
  }

  #up(): void {
    this.#phase = 'up'
    this.upSince = this.owner.now()
    this.#timer?.cancel()
    // The wish to be let in, which is all that it may say, is no longer than a handshake.
    const proves = this.identity?.kind !== 'anonymous'
    if (proves) this.#decoder.limit = this.owner.limits.frameBytes
    this.owner.up(this)
  }

  #failure(verdict: Exclude<Verdict | Duplicate, { outcome: 'welcome' }>): DialFailure {
    const by = this.peer?.hello
    if (verdict.outcome === 'duplicate') {
      return by ? { why: 'duplicate', by } : { why: 'malformed' }
    }
    const { reason } = verdict
    if (verdict.outcome === 'busy') return { why: 'busy', reason, ...(by && { by }) }
    const { identity } = this
    return {
      ...{ why: 'rejected' as const, code: verdict.code, reason },
      ...(by && { by }),
      ...(identity && { identity }),
    }
  }

  #unsuccessful(failure: DialFailure): void {
    this.drop()
    this.owner.dialFailed(this, failure)
  }

  #gone(): void {
    this.drop()
    this.owner.strangerGone(this)
  }

  #broken(why: string): void {
    if (this.#phase === 'up') {
      this.owner.foreign(this, why)
      this.fail('closed')
    } else if (this.target) {
      this.#unsuccessful({ why: 'malformed' })
    } else {
      this.owner.foreign(this, why)
      this.#gone()
    }
  }

  #end(): void {
    this.#phase = 'ending'
    this.#connection.end()
    this.#linger()
  }

  /** The other end has this long to close in turn. */
  #linger(): void {
    this.#timer?.cancel()
    this.#timer = this.owner.after(this.owner.limits.handshakeTimeout, () => {
      if (this.#phase === 'up') this.fail('closed')
      else this.#closed('closed')
    })
  }

  #closed(why: CloseReason): void {
    const phase = this.#phase
    if (phase === 'closed') return
    this.drop()
    if (phase === 'up') this.owner.down(this, why)
    else if (phase === 'dialling' || phase === 'greeted') this.owner.dialFailed(this, { why })
    else if (!this.target) this.owner.strangerGone(this)
  }
}
