import type { Random } from '../base/random.ts'
import type { Instant, Millis } from '../base/time.ts'
import type { Health } from './health.ts'
import { isAlive, type MemberTable, type Peer } from './members.ts'
import { type Post, recipient } from './post.ts'
import type { MemberId, SwimConfig } from './types.ts'

interface Probe {
  readonly peer: Peer
  readonly seq: number
  /** Without an answer by then, others are asked too. */
  askAt: Instant
  /** Without an answer by then, it failed. */
  endAt: Instant
  asked: boolean
  answered: boolean
  readonly helpers: Set<MemberId>
  readonly nacks: Set<MemberId>
}

export interface ProberParts {
  readonly config: SwimConfig
  readonly random: Random
  readonly table: MemberTable
  readonly post: Post
  readonly health: Health
  /** The probe of `peer` failed. */
  readonly failed: (peer: Peer, now: Instant) => void
}

/**
 * One probe a period: a ping; if it stays unanswered, pings through helpers and one over the stream
 * (SWIM §4.1, memberlist's fallback); at the end of the period the verdict of this node's own ears.
 * Period and timeout stretch with local health (Lifeguard §IV-A).
 */
export class Prober {
  readonly #config: SwimConfig
  readonly #random: Random
  readonly #table: MemberTable
  readonly #post: Post
  readonly #health: Health
  readonly #failed: ProberParts['failed']
  #probe: Probe | undefined
  /** When the first probe begins, once there is somebody to probe. */
  #startAt: Instant | undefined

  constructor(parts: ProberParts) {
    this.#config = parts.config
    this.#random = parts.random
    this.#table = parts.table
    this.#post = parts.post
    this.#health = parts.health
    this.#failed = parts.failed
  }

  /** There may be somebody to probe now. The start is jittered, so that nodes do not march in step. */
  wake(now: Instant): void {
    if (this.#probe || this.#startAt !== undefined || this.#table.present.size === 0) return
    this.#startAt = now + this.#random.next() * this.#config.probePeriod
  }

  next(): Instant | undefined {
    const probe = this.#probe
    if (!probe) return this.#startAt
    return probe.answered || probe.asked ? probe.endAt : probe.askAt
  }

  tick(now: Instant): void {
    const probe = this.#probe
    if (probe) {
      if (!probe.answered && !probe.asked && now >= probe.askAt) this.#askOthers(probe, now)
      if (now < probe.endAt) return
      this.#probe = undefined
      this.#conclude(probe, now)
    } else if (this.#startAt === undefined || now < this.#startAt) {
      return
    }
    this.#startAt = undefined
    this.#begin(now)
  }

  /** True: it answers the probe that runs, by itself or through a helper. */
  ack(seq: number, from: MemberId): boolean {
    const probe = this.#probe
    if (!probe || probe.seq !== seq) return false
    if (from !== probe.peer.id && !probe.helpers.has(from)) return false
    probe.answered = true
    return true
  }

  nack(seq: number, from: MemberId): void {
    const probe = this.#probe
    if (probe?.seq === seq && probe.helpers.has(from)) probe.nacks.add(from)
  }

  extend(by: Millis): void {
    if (!this.#probe) return
    this.#probe.askAt += by
    this.#probe.endAt += by
  }

  #begin(now: Instant): void {
    const peer = this.#table.present.next(this.#random)
    if (!peer) return
    const seq = this.#post.nextSeq()
    this.#probe = {
      peer,
      seq,
      askAt: now + this.#health.scale(this.#config.probeTimeout),
      endAt: now + this.#health.scale(this.#config.probePeriod),
      asked: false,
      answered: false,
      helpers: new Set(),
      nacks: new Set(),
    }
    this.#post.send(recipient(peer, 'datagram'), ping(seq, peer.id))
  }

  #askOthers(probe: Probe, now: Instant): void {
    const { peer, seq } = probe
    // If the crank comes late, helpers and target still get their full time to answer.
    probe.endAt = Math.max(probe.endAt, now + probe.endAt - probe.askAt)
    probe.asked = true
    const helpers = this.#table.present.sample(
      this.#config.indirectProbes,
      this.#random,
      other => other !== peer && isAlive(other),
    )
    for (const helper of helpers) {
      probe.helpers.add(helper.id)
      const address = peer.info.address
      this.#post.send(recipient(helper, 'datagram'), {
        type: 'ping-req',
        seq,
        target: peer.id,
        address,
        updates: [],
      })
    }
    this.#post.send(recipient(peer, 'stream'), ping(seq, peer.id))
  }

  #conclude(probe: Probe, now: Instant): void {
    if (probe.answered) {
      this.#health.change(-1)
      return
    }
    // A helper that does not even say no is one that this node fails to hear.
    const missing = probe.helpers.size - probe.nacks.size
    this.#health.change(probe.helpers.size > 0 ? missing : 1)
    if (this.#table.present.has(probe.peer)) this.#failed(probe.peer, now)
  }
}

export function ping(seq: number, target: MemberId) {
  return { type: 'ping', seq, target, updates: [] } as const
}
