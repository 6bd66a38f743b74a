import type { IncomingMessage } from 'node:http'
import { Attempts, placeOf } from '../base/attempts.ts'
import type { Policy } from '../base/policy.ts'
import type { Instant } from '../base/time.ts'
import type { Trace } from '../base/trace.ts'
import { type Caller, type Entrance, local } from './caller.ts'
import { Denied } from './denied.ts'
import { byAddress } from './guard.ts'

/** Whoever knows the tokens of the cluster. */
export interface TokenBook {
  /** At once where it is known; rejects with OperatorError when nobody who knows answers. */
  look(token: string): TokenFound | Promise<TokenFound>
}

export type TokenFound =
  | {
      readonly ok: true
      readonly id: string
      readonly name: string
      readonly policies: readonly Policy[]
    }
  /** `why` says what is wrong with the token, never what it is. */
  | { readonly ok: false; readonly why: string }

/** Longer ones are none; a header may be 16 KiB. */
const maxTokenChars = 512
/** Tokens that counted, remembered so that a neighbour who fails does not shut them out. */
const maxGood = 256
/** From one place: so many wrong tokens at once, then one each so many ms; as many places are remembered. */
const failures = { burst: 10, period: 6_000, places: 4096 }
/** Failures of one source are traced once in so long, ms. */
const traceAgain = 60_000

/** Says on whose behalf a request comes, before anything is done for it. */
export class Gate {
  readonly #book: TokenBook | undefined
  readonly #trace: Trace
  readonly #now: () => Instant
  readonly #failures = new Attempts(failures.burst, failures.period, failures.places)
  readonly #traced = new Map<string, Instant>()
  readonly #good = new Set<string>()

  constructor(book: TokenBook | undefined, trace: Trace, now: () => Instant) {
    this.#book = book
    this.#trace = trace
    this.#now = now
  }

  /** Throws, or rejects with, OperatorError; at once where no token is sent and none is needed. */
  admit(request: IncomingMessage, entrance: Entrance): Caller | Promise<Caller> {
    const { headers } = request
    if (headers.authorization === undefined && headers['x-consul-token'] === undefined) {
      if (entrance === 'network') return this.#missing(request)
      if (entrance === 'loopback') byAddress(request)
      return local
    }
    return this.#prove(request)
  }

  async #prove(request: IncomingMessage): Promise<Caller> {
    const source = placeOf(request.socket.remoteAddress)
    const token = tokenOf(request)
    const wait = this.#failures.wait(source, this.#now())
    if (wait > 0 && !(token !== undefined && this.#good.has(token))) throw tooMany(wait)
    const found = await this.#find(token)
    if (found.ok) {
      this.#remember(token!)
      const { id, name, policies } = found
      return { token: { id, name }, policies }
    }
    if (token !== undefined) this.#good.delete(token)
    this.#failed(source, found.why)
    throw unauthenticated(found.why)
  }

  #find(token: string | undefined): TokenFound | Promise<TokenFound> {
    if (token === undefined) return { ok: false, why: 'the Authorization header holds no token' }
    return this.#book?.look(token) ?? { ok: false, why: 'no token counts here' }
  }

  #missing(request: IncomingMessage): never {
    const source = placeOf(request.socket.remoteAddress)
    const wait = this.#failures.wait(source, this.#now())
    if (wait > 0) throw tooMany(wait)
    this.#failed(source, 'no token')
    throw unauthenticated('this agent answers only those who send a token')
  }

  #failed(source: string, why: string): void {
    const now = this.#now()
    this.#failures.failed(source, now)
    if (now - (this.#traced.get(source) ?? Number.NEGATIVE_INFINITY) < traceAgain) return
    if (this.#traced.size >= maxGood) this.#traced.clear()
    this.#traced.set(source, now)
    this.#trace.warn({ source, why }, 'a request without the right to it was refused')
  }

  #remember(token: string): void {
    if (this.#good.has(token)) return
    if (this.#good.size >= maxGood) this.#good.delete(this.#good.values().next().value!)
    this.#good.add(token)
  }
}

/** `Authorization: Bearer TOKEN`, or Consul's own header. */
function tokenOf({ headers }: IncomingMessage): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
  const token = headers.authorization === undefined ? headers['x-consul-token'] : bearer
  return typeof token === 'string' && token.length <= maxTokenChars ? token : undefined
}

function unauthenticated(why: string): Denied {
  return new Denied(
    'UNAUTHENTICATED',
    why,
    'send "Authorization: Bearer TOKEN" (hive: --api-token-file); make one on a node with: hive token create --api --policy read',
    { 'WWW-Authenticate': 'Bearer realm="hive"' },
  )
}

function tooMany(wait: number): Denied {
  const seconds = Math.ceil(wait / 1000)
  return new Denied(
    'RATE_LIMITED',
    'too many requests from this address had no token that counts',
    `wait ${seconds} s and send the right one`,
    { 'Retry-After': String(seconds) },
  )
}
