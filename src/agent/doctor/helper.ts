import { type Address, formatAddress } from '../../base/address.ts'
import { count, type Fields } from '../../base/shape.ts'
import type { Clock, Instant, Millis } from '../../base/time.ts'
import { datagramSizes } from '../../cluster/doctor.ts'
import type { Datagrams } from '../../net/datagrams.ts'
import type { Sockets } from '../../net/types.ts'
import { type Methods, refusal } from '../requests.ts'

/**
 * What a node does so that a peer can examine the way between them: tells the time, sends it a few datagrams and
 * says which of its own arrived, and dials it. Only members are answered, each at most so often, and everything goes to
 * the address that is agreed for whoever asks: nobody can be made to send to a stranger.
 */
export interface HelperParts {
  readonly clock: Clock
  readonly sockets: Sockets
  readonly datagrams: () => Datagrams
  /** Where that member is, as all believe; undefined: nobody knows. */
  addressOf(id: string): Address | undefined
}

/** Each size is sent so often: a network loses a packet now and then. */
export const tries = 2
/** Pause between two questions of one member that make this node send something, ms. */
const pause: Millis = 500
/** Members remembered for that; all of them ask at once when an operator says `--all`. */
const maxGuests = 1024
/** Questions of all members together that make this node send something, a second. */
const maxPerSecond = 100
/** Probes that are waited for at a time: two for each peer, its question and ours. */
const maxExpected = 256
/** Longer than whoever waits for probes waits, ms. */
const expectPatience: Millis = 10_000
/** A dial that has not come to anything by then goes nowhere, ms. */
export const dialPatience: Millis = 3_000

export class Helper {
  readonly #parts: HelperParts
  readonly #guests = new Map<string, Instant>()
  /** By sender and nonce: sizes of what arrived. */
  readonly #expected = new Map<string, Set<number>>()
  #second: Instant = Number.NEGATIVE_INFINITY
  #asked = 0

  constructor(parts: HelperParts) {
    this.#parts = parts
  }

  methods(): Methods {
    return {
      'doctor-time': ({ answer }) => {
        const heard = this.#parts.clock.wall()
        answer({ ok: true, body: { heard, answered: this.#parts.clock.wall() } })
      },

      'doctor-probe': ({ from, body, answer }) => {
        const nonce = nonceOf(body)
        const to = this.#parts.addressOf(from)
        if (!to) return answer(refusal('UNKNOWN_NODE', 'its address is not known here'))
        if (!this.#mayAsk(`probe ${from}`)) return answer(tooOften)
        this.expect(from, nonce)
        this.probe(to, nonce)
        answer({ ok: true, body: {} })
      },

      'doctor-seen': ({ from, body, answer }) => {
        answer({ ok: true, body: { sizes: this.seen(from, nonceOf(body)) } })
      },

      'doctor-dial': ({ from, answer }) => {
        const to = this.#parts.addressOf(from)
        if (!to) return answer(refusal('UNKNOWN_NODE', 'its address is not known here'))
        if (!this.#mayAsk(`dial ${from}`)) return answer(tooOften)
        this.dial(to, outcome => answer({ ok: true, body: { outcome, at: formatAddress(to) } }))
      },
    }
  }

  /** Datagrams of that member with this nonce count from now on. */
  expect(from: string, nonce: number): void {
    const key = `${from} ${nonce}`
    if (this.#expected.size >= maxExpected) return
    this.#expected.set(key, new Set())
    this.#parts.clock.after(expectPatience, () => this.#expected.delete(key))
  }

  arrived(from: string, nonce: number, bytes: number): void {
    this.#expected.get(`${from} ${nonce}`)?.add(bytes)
  }

  seen(from: string, nonce: number): readonly number[] {
    return [...(this.#expected.get(`${from} ${nonce}`) ?? [])]
  }

  probe(to: Address, nonce: number): void {
    for (let i = 0; i < tries; i++)
      for (const bytes of datagramSizes) this.#parts.datagrams().probe(to, nonce, bytes)
  }

  /** `open`, or why not. */
  dial(to: Address, done: (outcome: string) => void): void {
    let over = false
    const end = (outcome: string): void => {
      if (over) return
      over = true
      timer.cancel()
      connection.destroy()
      done(outcome)
    }
    const connection = this.#parts.sockets.dial(to, {
      opened: () => end('open'),
      received() {},
      drained() {},
      closed: why => end(why),
    })
    const timer = this.#parts.clock.after(dialPatience, () => end('timeout'))
  }

  #mayAsk(what: string): boolean {
    const now = this.#parts.clock.now()
    const last = this.#guests.get(what)
    if (last !== undefined && now - last < pause) return false
    if (now - this.#second >= 1000) {
      this.#second = now
      this.#asked = 0
    }
    if (++this.#asked > maxPerSecond) return false
    this.#guests.delete(what)
    this.#guests.set(what, now)
    if (this.#guests.size > maxGuests) this.#guests.delete(this.#guests.keys().next().value!)
    return true
  }
}

const tooOften = refusal(
  'BUSY',
  'it helped with an examination a moment ago',
  'try again in a second',
)

function nonceOf(body: Fields): number {
  return count(body, 'nonce') % 2 ** 32
}
