import type { Instant, Millis } from '../base/time.ts'
import { limits } from './config.ts'
import { Deadlines } from './deadlines.ts'
import type { Post, Recipient } from './post.ts'
import { ping } from './probes.ts'
import type { MemberId, SwimConfig, SwimMessage } from './types.ts'

interface Relay {
  readonly asker: Recipient
  /** The asker's number of the probe. */
  readonly askerSeq: number
  readonly target: MemberId
  refused: boolean
}

/**
 * Probes on behalf of others (SWIM §3.1). The asker hears of an answer, or of none after the probe
 * timeout (nack, Lifeguard §IV-A); not stretched by local health, for the asker waits by its own clock. An
 * answer that comes later than the nack is still passed on.
 */
export class Relays {
  readonly #config: SwimConfig
  readonly #post: Post
  readonly #running = new Map<number, Relay>()
  readonly #due = new Deadlines<number>()

  constructor(config: SwimConfig, post: Post) {
    this.#config = config
    this.#post = post
  }

  begin(asker: Recipient, request: SwimMessage & { type: 'ping-req' }, now: Instant): void {
    if (this.#running.size >= limits.relays) return
    const { target, address } = request
    const seq = this.#post.nextSeq()
    this.#running.set(seq, { asker, askerSeq: request.seq, target, refused: false })
    this.#due.set(seq, now + this.#config.probeTimeout)
    this.#post.send({ id: target, address, via: 'datagram' }, ping(seq, target))
  }

  /** True: it answers a probe of ours for somebody. */
  ack(seq: number, from: MemberId): boolean {
    const relay = this.#running.get(seq)
    if (!relay || relay.target !== from) return false
    this.#running.delete(seq)
    this.#due.delete(seq)
    this.#post.send(relay.asker, { type: 'ack', seq: relay.askerSeq, updates: [] })
    return true
  }

  next(): Instant | undefined {
    return this.#due.next()
  }

  tick(now: Instant): void {
    for (let seq = this.#due.due(now); seq !== undefined; seq = this.#due.due(now)) {
      const relay = this.#running.get(seq)!
      if (relay.refused) {
        this.#running.delete(seq)
      } else {
        relay.refused = true
        this.#due.set(seq, now + this.#config.probePeriod)
        this.#post.send(relay.asker, { type: 'nack', seq: relay.askerSeq, updates: [] })
      }
    }
  }

  extend(by: Millis): void {
    this.#due.shift(by)
  }
}
