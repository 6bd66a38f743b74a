import type { Random } from '../base/random.ts'
import type { Instant, Millis } from '../base/time.ts'
import { limits, rhythm } from './config.ts'
import { Deadlines } from './deadlines.ts'
import type { Health } from './health.ts'
import { isAlive, type MemberTable, type Peer } from './members.ts'
import { type Post, recipient } from './post.ts'
import type { Self } from './self.ts'
import type { MemberId, SwimConfig, Update } from './types.ts'

/** How each kind of probe goes about it. */
const manners = {
  /** The regular one of the rotation: others are troubled only if it stays unanswered. */
  turn: { streamAtOnce: false, alone: false },
  /** A second opinion on a suspicion, in haste: a dead process shows by refusing the stream. */
  look: { streamAtOnce: true, alone: false },
  /** To somebody given up; nobody else is troubled with it. */
  call: { streamAtOnce: false, alone: true },
  'stream-call': { streamAtOnce: true, alone: true },
} as const

export type ProbeKind = keyof typeof manners

export interface Probe {
  readonly kind: ProbeKind
  readonly peer: Peer
  /** The member's when the probe began: a refutation since then is proof of life. */
  readonly incarnation: number
  readonly endAt: Instant
  asked: boolean
  readonly helpers: Set<MemberId>
  readonly nacks: Set<MemberId>
}

export interface ProbesParts {
  readonly config: SwimConfig
  readonly random: Random
  readonly self: Self
  readonly table: MemberTable
  readonly post: Post
  readonly health: Health
  /** Suspicions to ask about in passing. */
  readonly doubts: () => readonly Update[]
  /** Nobody answered in time. */
  readonly failed: (probe: Probe, now: Instant) => void
}

/**
 * Probes under way. A ping; if it stays unanswered, pings through helpers and one over the stream
 * (SWIM §4.1, memberlist's fallback); at the end what this node's own ears say. Times stretch with
 * local health (Lifeguard §IV-A).
 */
export class Probes {
  readonly #parts: ProbesParts
  readonly #running = new Map<number, Probe>()
  /** When each does something next: ask others, or end. */
  readonly #due = new Deadlines<number>()

  constructor(parts: ProbesParts) {
    this.#parts = parts
  }

  next(): Instant | undefined {
    return this.#due.next()
  }

  begin(peer: Peer, kind: ProbeKind, now: Instant): void {
    if (this.#running.size >= limits.probes) return
    const { config, post, health } = this.#parts
    const { alone, streamAtOnce } = manners[kind]
    const seq = post.nextSeq()
    const endAt =
      now + (alone ? rhythm.callAnswer * config.probePeriod : health.scale(config.probePeriod))
    const askAt = now + health.scale(config.probeTimeout)
    this.#running.set(seq, {
      kind,
      peer,
      incarnation: peer.incarnation,
      endAt,
      asked: alone,
      helpers: new Set(),
      nacks: new Set(),
    })
    this.#due.set(seq, alone ? endAt : askAt)
    const words = kind === 'turn' ? [...this.#greeting(peer), ...this.#parts.doubts()] : []
    post.send(recipient(peer, 'datagram'), ping(seq, peer.id), words)
    if (streamAtOnce) post.send(recipient(peer, 'stream'), ping(seq, peer.id))
  }

  /** Where members are kept in part, whom this node found may not know of it; keeping is to be mutual. */
  #greeting(peer: Peer): readonly Update[] {
    const { table, self } = this.#parts
    if (peer.greeted || !table.slice.partial) return []
    peer.greeted = true
    return [{ kind: 'alive', member: self.info }]
  }

  tick(now: Instant): void {
    for (let seq = this.#due.due(now); seq !== undefined; seq = this.#due.due(now)) {
      const probe = this.#running.get(seq)!
      if (probe.asked) {
        this.#running.delete(seq)
        this.#fail(probe, now)
      } else {
        this.#askOthers(probe, seq)
        this.#due.set(seq, Math.max(probe.endAt, now + this.#answerTime()))
      }
    }
  }

  /** The member that answered a probe of ours, if it did so itself and not through a helper. */
  ack(seq: number, from: MemberId): Peer | undefined {
    const probe = this.#running.get(seq)
    if (!probe) return undefined
    const direct = from === probe.peer.id
    if (!direct && !probe.helpers.has(from)) return undefined
    this.#running.delete(seq)
    this.#due.delete(seq)
    if (probe.kind === 'turn') this.#parts.health.change(-1)
    return direct ? probe.peer : undefined
  }

  nack(seq: number, from: MemberId): void {
    const probe = this.#running.get(seq)
    if (probe?.helpers.has(from)) probe.nacks.add(from)
  }

  extend(by: Millis): void {
    this.#due.shift(by)
  }

  /** If the crank comes late, helpers and target still get their full time to answer. */
  #answerTime(): Millis {
    const { config, health } = this.#parts
    return health.scale(config.probePeriod - config.probeTimeout)
  }

  #askOthers(probe: Probe, seq: number): void {
    const { config, random, table, post } = this.#parts
    const { peer } = probe
    const helpers = table.present.sample(
      config.indirectProbes,
      random,
      other => other !== peer && isAlive(other),
    )
    for (const helper of helpers) {
      probe.helpers.add(helper.id)
      const { address } = peer.info
      const request = { type: 'ping-req', seq, target: peer.id, address, updates: [] } as const
      post.send(recipient(helper, 'datagram'), request)
    }
    if (!manners[probe.kind].streamAtOnce) {
      post.send(recipient(peer, 'stream'), ping(seq, peer.id))
    }
    probe.asked = true
  }

  #fail(probe: Probe, now: Instant): void {
    if (probe.kind === 'turn') {
      // A helper that does not even say no is one that this node fails to hear.
      const missing = probe.helpers.size - probe.nacks.size
      this.#parts.health.change(probe.helpers.size > 0 ? missing : 1)
    }
    this.#parts.failed(probe, now)
  }
}

export function ping(seq: number, target: MemberId) {
  return { type: 'ping', seq, target, updates: [] } as const
}
