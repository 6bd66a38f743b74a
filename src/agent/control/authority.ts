import type { Clock, Instant, Millis } from '../../base/time.ts'
import type { Answer, Gone, Links, RequestOutcome } from '../../net/link-types.ts'
import type { RequestId } from '../../state/events.ts'

/**
 * Asks the one who may decide. Finds the leader wherever it is now, asks again when leadership moved or
 * the link broke, and gives up at a deadline. A retried request carries its id, so it takes effect once.
 */
export interface AuthorityParts {
  readonly self: { readonly id: string }
  readonly clock: Clock
  readonly links: Links
  /** `node id/incarnation`: this boot as a client of the log. */
  readonly client: string
  /** Tag of the cluster that this node is of, or on its way back to. */
  home(): string | undefined
  /** Who leads, as far as this node knows. */
  leader(): string | null
  /** Control nodes to ask about the leader when it is not known. */
  control(): readonly string[]
  /** Whether that node is linked, and one of this cluster. */
  isNear(id: string): boolean
  /** Answers as the leader, if this node is the leader. */
  local(method: string, body: unknown, blob: Uint8Array, answer: Answer, gone?: Gone): void
}

/** One attempt waits at most so long; a leader that is there answers in milliseconds. */
const attemptPatience = 5_000
/** A question that was out for longer, ms, was held: somebody led until then. */
const heldAfter = 1_000
/** Between attempts, so that an election is not hammered. */
const pause = 60
/** No control node that this node knows was near for so long, ms: it asks somebody else, who may remember less well. */
const lookAround = 2_000
/** Requests under way from this node; beyond it they are refused at once. */
const maxOutstanding = 20_000

const none: Uint8Array = new Uint8Array(0)

export class Authority {
  readonly #parts: AuthorityParts
  readonly #outstanding = new Set<number>()
  #serial = 0
  #turn = 0
  /** When a control node was near, or this node last looked around for somebody else; undefined: not since its start. */
  #nearAt: Instant | undefined
  #hint: string | null = null

  constructor(parts: AuthorityParts) {
    this.#parts = parts
  }

  /**
   * A write: `body.request` is filled in, so that it takes effect once however often it is sent. `wait`: how long the
   * answer may be held back on purpose.
   */
  write(
    method: string,
    body: Record<string, unknown>,
    patience: Millis,
    done: Answer,
    blob: Uint8Array = none,
    wait: Millis = 0,
  ): void {
    if (this.#outstanding.size >= maxOutstanding) {
      return done({
        ok: false,
        code: 'BUSY',
        message: 'too many requests wait for the leader',
        remedy: 'try again in a moment',
      })
    }
    const serial = ++this.#serial
    this.#outstanding.add(serial)
    this.#attempt(
      {
        method,
        body: { ...body, request: this.#requestId(serial) },
        blob,
        home: this.#parts.home(),
        heldUntil: this.#parts.clock.now() + wait,
        patience,
        wait,
        signal: undefined,
        missedSince: undefined,
      },
      outcome => {
        this.#outstanding.delete(serial)
        done(outcome)
      },
    )
  }

  /**
   * A read, or a request that may be repeated harmlessly. `wait`: how long the answer may be held back on
   * purpose, whoever leads meanwhile, and `wait` in the body says the same to who holds it; that nobody decides is said
   * after `patience` all the same. `signal`: nobody waits for it any more.
   */
  ask(
    method: string,
    body: unknown,
    patience: Millis,
    done: Answer,
    wait: Millis = 0,
    signal?: AbortSignal,
  ): void {
    const { clock, home } = this.#parts
    const heldUntil = clock.now() + wait
    this.#attempt(
      {
        ...{ method, body, blob: none, home: home(), heldUntil, patience, wait, signal },
        missedSince: undefined,
      },
      done,
    )
  }

  #requestId(serial: number): RequestId {
    const [oldest = serial] = this.#outstanding
    return { client: this.#parts.client, serial, acked: oldest }
  }

  #attempt(request: Pending, done: Answer): void {
    const { self, clock, links } = this.#parts
    const { signal } = request
    if (request.home !== undefined && request.home !== this.#parts.home()) return done(parted)
    const begun = clock.now()
    const retry = (outcome: RequestOutcome) => {
      if (outcome.ok || !worthRetrying(outcome.code) || signal?.aborted) return done(outcome)
      request.missedSince ??= clock.now()
      const end = Math.min(deadlineOf(request), request.missedSince + request.patience)
      if (clock.now() + pause >= end) return done(giveUp(outcome))
      clock.after(pause, () => this.#attempt(request, done))
    }
    const leader = this.#leaderFor(request)
    if (leader === null) return this.#lookForLeader(request, retry)
    const asked = (outcome: RequestOutcome) => {
      if (request.wait > 0 && clock.now() - begun > heldAfter) request.missedSince = undefined
      retry(outcome)
    }
    if (leader === self.id) {
      const answered: Answer = outcome => {
        // An own proposal whose outcome nobody knows must not be made twice.
        if (!outcome.ok && outcome.code === 'TIMEOUT') return done(outcome)
        asked(outcome)
      }
      const { method, blob } = request
      const body = bodyOf(request, begun)
      return this.#parts.local(method, body, blob, answered, signal && (() => signal))
    }
    const left = Math.max(1, deadlineOf(request) - begun)
    links.request(
      leader,
      request.method,
      bodyOf(request, begun),
      Math.min(left, attemptPatience + request.wait),
      outcome => {
        if (!outcome.ok && worthRetrying(outcome.code)) this.#hint = null
        if (!outcome.ok && outcome.code === 'TIMEOUT') request.silent = leader
        // Nobody knows what became of it: the next one who is asked may find it done.
        if (!outcome.ok && outcome.code === 'TIMEOUT' && !outcome.unsent)
          request.body = { ...(request.body as object), again: true }
        asked(outcome)
      },
      request.blob,
      signal,
    )
  }

  /** Who was silent may be cut off, and all that this node hears of the others came through it: they are asked themselves. */
  #leaderFor({ silent }: Pending): string | null {
    const leader = this.#parts.leader()
    return leader === null || leader === silent ? this.#hint : leader
  }

  #lookForLeader(request: Pending, retry: (outcome: RequestOutcome) => void): void {
    const nobody: RequestOutcome = {
      ok: false,
      code: 'NO_QUORUM',
      message: 'no leader: no quorum of control nodes answers',
      remedy: 'hive status shows which control nodes are missing; start them again',
    }
    const asked = this.#whoMayKnow()
    if (asked === undefined) return retry(nobody)
    const left = Math.max(1, deadlineOf(request) - this.#parts.clock.now())
    this.#parts.links.request(asked, 'who-leads', {}, Math.min(left, 1000), outcome => {
      const leader = outcome.ok ? (outcome.body as { leader?: unknown })?.leader : undefined
      this.#hint = typeof leader === 'string' && leader !== this.#parts.self.id ? leader : null
      retry(nobody)
    })
  }

  /** None of those that this node knew carries the log any more, perhaps: then whoever is near knows who does. */
  #whoMayKnow(): string | undefined {
    const { self, clock, links, isNear } = this.#parts
    const now = clock.now()
    const others = this.#parts.control().filter(id => id !== self.id)
    const isFar = !others.some(isNear)
    if (!isFar || this.#nearAt === undefined) this.#nearAt = now
    if (isFar && now >= this.#nearAt + lookAround) {
      this.#nearAt = now
      const near = links.connectedPeers().filter(isNear)
      if (near.length > 0) return near[this.#turn++ % near.length]
    }
    return others[this.#turn++ % others.length]
  }
}

interface Pending {
  readonly method: string
  /** `again`: it was asked before, and the answer did not come. */
  body: unknown
  readonly blob: Uint8Array
  /** Of which cluster it is asked. */
  readonly home: string | undefined
  /** Until then the answer may be held back. */
  readonly heldUntil: Instant
  readonly patience: Millis
  readonly wait: Millis
  readonly signal: AbortSignal | undefined
  /** Since when no leader could be asked. */
  missedSince: Instant | undefined
  /** Who led, and did not answer. */
  silent?: string
}

function deadlineOf({ heldUntil, patience }: Pending): Instant {
  return heldUntil + patience
}

/** Whoever is asked next holds it no longer than is left. */
function bodyOf({ body, heldUntil }: Pending, now: Instant): unknown {
  const { wait } = body as { readonly wait?: unknown }
  if (typeof wait !== 'number') return body
  return { ...(body as object), wait: Math.min(wait, Math.max(0, Math.ceil(heldUntil - now))) }
}

const parted: RequestOutcome = {
  ok: false,
  code: 'TIMEOUT',
  message: 'this node left the cluster that it had asked; what became of the request is unknown',
  remedy: 'ask a node of that cluster',
}

function worthRetrying(code: string): boolean {
  return code === 'NOT_LEADER' || code === 'TIMEOUT' || code === 'NO_QUORUM'
}

/** Which node answered "not I" is no news to an operator: what is missing is a leader. */
function giveUp(outcome: RequestOutcome): RequestOutcome {
  if (outcome.ok) return outcome
  const remedy = 'hive status shows which control nodes are missing; try again'
  if (outcome.code !== 'NOT_LEADER') return { remedy, ...outcome }
  return {
    ok: false,
    code: 'NO_QUORUM',
    message: 'no leader answered in time',
    remedy,
  }
}
