import { type Address, sameAddress } from '../base/address.ts'
import type { Random } from '../base/random.ts'
import type { Clock, Instant, Millis, Timer } from '../base/time.ts'
import { frameKind, sealFrame } from './framing.ts'
import { backOff, stableAfter } from './limits.ts'
import type { Link } from './link.ts'
import type { Answer, DialFailure, RequestOutcome } from './link-types.ts'
import { encodeNotice, letGo } from './request-codec.ts'
import { Requests } from './requests.ts'

/** What this node keeps of one other node: where it is, the link to it, and what waits for one. */
export class Peer {
  readonly id: string
  readonly requests: Requests
  /** Where the owner says that it is; wins over `seenAt`. */
  address: Address | undefined
  /** Where it said that it is when it was last linked. */
  seenAt: Address | undefined
  /** The one that is used. */
  link: Link | undefined
  /** The one before, still heard until it closes. */
  retired: Link | undefined
  /** The one that is being made from this end. */
  dial: Link | undefined
  /** Requests of the peer that this node has not answered. */
  working = 0
  /** Those of them that are answered late, by the number that the peer gave them. */
  readonly late = new Map<number, AbortController>()
  name: string
  readonly #clock: Clock
  readonly #random: Random
  /** Requests that wait for a link: id and frame. */
  #waiting = new Map<number, Uint8Array>()
  #waitingBytes = 0
  #failures = 0
  #retryAt: Instant = 0
  #retry: Timer | undefined

  constructor(id: string, clock: Clock, random: Random) {
    this.id = id
    this.name = id
    this.#clock = clock
    this.#random = random
    this.requests = new Requests(clock, () => this.name)
  }

  get target(): Address | undefined {
    return this.address ?? this.seenAt
  }

  /** Nothing here that would be missed. */
  get isIdle(): boolean {
    return !this.address && !this.link && !this.dial && !this.retired && this.requests.size === 0
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Sends `frame` now, or as soon as there is a link. */
  ask(id: number, frame: Uint8Array, timeout: Millis, done: Answer, signal?: AbortSignal): void {
    const letGo = () => this.#letGo(id)
    this.requests.open(id, timeout, outcome => {
      signal?.removeEventListener('abort', letGo)
      this.#unqueue(id)
      done(outcome)
    })
    signal?.addEventListener('abort', letGo)
    if (this.link) {
      this.requests.sent(id, this.link)
      this.link.write(frame)
    } else {
      this.#waiting.set(id, frame)
      this.#waitingBytes += frame.length
    }
  }

  /** That request of the peer, or all of them, will be answered for nothing. */
  unwanted(ids: Iterable<number> = [...this.late.keys()]): void {
    for (const id of ids) this.late.get(id)?.abort()
  }

  /** The link is there: send what waited. */
  flush(): void {
    for (const [id, frame] of [...this.#waiting]) {
      if (!this.link) return
      this.#unqueue(id)
      this.requests.sent(id, this.link)
      this.link.write(frame)
    }
  }

  /** A link is there, in either direction. */
  use(link: Link): void {
    if (this.dial !== link) this.dial?.drop()
    this.dial = undefined
    this.calm()
    this.link = link
    this.name = link.hello.name
    this.seenAt = link.hello.address
  }

  /** Nothing more is wanted of it; the links hear no more of their owner. */
  part(): void {
    this.calm()
    this.unwanted()
    this.dial?.drop()
    this.retired?.drop()
    this.link?.goodbye()
    this.dial = undefined
    this.retired = undefined
    this.link = undefined
  }

  /** Every request gets its answer: that there will be none. */
  abandon(): void {
    this.requests.settleAll(this.requests.ids('sent'), lost(this.name))
    this.requests.settleAll(this.requests.ids('unsent'), unreachable(this.name, { why: 'closed' }))
  }

  moveTo(address: Address): void {
    if (this.address && sameAddress(this.address, address)) return
    this.address = address
    this.#failures = 0
    this.#retryAt = 0
  }

  /** When the next dial is allowed; 0 or the past: now. */
  get retryAt(): Instant {
    return this.#retryAt
  }

  /** Doubles from the first pause to the longest, each cut by up to half so that peers don't march in step. */
  failed(): void {
    const pause = Math.min(backOff.first * 2 ** this.#failures, backOff.longest)
    this.#failures = Math.min(this.#failures + 1, 16)
    this.#retryAt = this.#clock.now() + pause * (0.5 + this.#random.next() / 2)
  }

  /** How long the link lasted decides whether the next dial has to wait. */
  lostAfter(lasted: Millis): void {
    if (lasted < stableAfter) {
      this.failed()
    } else {
      this.#failures = 0
      this.#retryAt = 0
    }
  }

  retryLater(task: () => void): void {
    this.#retry ??= this.#clock.after(Math.max(0, this.#retryAt - this.#clock.now()), () => {
      this.#retry = undefined
      task()
    })
  }

  calm(): void {
    this.#retry?.cancel()
    this.#retry = undefined
  }

  #letGo(id: number): void {
    if (!this.#waiting.has(id))
      this.link?.write(sealFrame(frameKind.notice, encodeNotice(letGo(id))))
    this.requests.settle(id, {
      ok: false,
      code: 'TIMEOUT',
      message: 'nobody waits for it any more',
    })
  }

  #unqueue(id: number): void {
    const frame = this.#waiting.get(id)
    if (!frame) return
    this.#waiting.delete(id)
    this.#waitingBytes -= frame.length
  }
}

/** What a request hears whose link was lost. */
export function lost(name: string): RequestOutcome {
  const message = `the link to ${name} was lost; what became of the request is unknown`
  return { ok: false, code: 'TIMEOUT', message, lost: true }
}

/** What a request hears that waited for a dial which came to nothing. */
export function unreachable(name: string, failure: DialFailure): RequestOutcome {
  const unsent = true
  switch (failure.why) {
    case 'rejected': {
      // Somebody else at an address is no word of the cluster about a node.
      const code = failure.code === 'UNKNOWN_NODE' ? 'TIMEOUT' : failure.code
      return { ok: false, code, message: `${name}: ${failure.reason}`, unsent }
    }
    case 'busy':
      return { ok: false, code: 'BUSY', message: `${name}: ${failure.reason}`, unsent }
    default:
      return {
        ok: false,
        code: 'TIMEOUT',
        message: `${name} cannot be reached: ${failure.why}`,
        unsent,
      }
  }
}
