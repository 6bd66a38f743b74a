import type { TokenBook, TokenFound } from '../../api/gate.ts'
import { OperatorError } from '../../base/errors.ts'
import { parsePolicies } from '../../base/policy.ts'
import { fields, flag, optionalCount, text, texts } from '../../base/shape.ts'
import type { Clock, EpochMillis, Instant, Millis } from '../../base/time.ts'
import type { RequestOutcome } from '../../net/link-types.ts'
import { hashOf, parseApiToken, sameHash } from '../../net/security/token.ts'
import { deadToken } from '../../state/tokens.ts'
import type { TokenRecord } from '../../state/types.ts'
import type { Authority } from '../control/authority.ts'
import type { ControlPlane } from '../control/control-plane.ts'

/**
 * Which tokens count, on any node. A control node sees it in its own state, so a revocation counts there as soon as
 * it is applied. Any other node asks the leader and believes the answer for a few seconds, or until it hears of the
 * next administrative event; when no leader answers, no token counts that was not asked about just now.
 */
export interface ApiTokensParts {
  readonly clock: Clock
  readonly authority: Pick<Authority, 'ask'>
  /** With the state of a cluster; undefined: this node carries no log. */
  plane(): Pick<ControlPlane, 'state' | 'isLeader'> | undefined
  /** Of the newest administrative event that this node has heard of. */
  heard(): number
  /** False: a zombie, where no token can count. */
  inCluster(): boolean
}

/** How long an answer of the leader counts, ms: no revocation takes longer to be known. */
export const believed: Millis = 5_000
/** Answers remembered; the oldest makes room. About 300 bytes each. */
const maxKnown = 1024
/** Questions to the leader at a time; garbage shall not keep it busy. */
const maxAsked = 64
const patience: Millis = 3_000

interface Known {
  readonly judged: Judged
  readonly at: Instant
  readonly heard: number
}

/** A token as the control plane answers about it. */
type Judged = TokenFound & { readonly expires?: EpochMillis | null }

export class ApiTokens implements TokenBook {
  readonly #parts: ApiTokensParts
  readonly #known = new Map<string, Known>()
  readonly #asked = new Map<string, Promise<Judged>>()

  constructor(parts: ApiTokensParts) {
    this.#parts = parts
  }

  look(token: string): TokenFound | Promise<TokenFound> {
    const parsed = parseApiToken(token)
    if (!parsed) return unknown
    const { id, secret } = parsed
    const hash = hashOf(secret)
    const { clock } = this.#parts
    if (!this.#parts.inCluster()) return unknown
    const plane = this.#parts.plane()
    const record = plane?.state.tokens.get(id)
    // One that is not known here may have been made a moment ago.
    if (record || plane?.isLeader()) return judge(record, hash, clock.wall())
    const known = this.#known.get(id + hash)
    if (known && clock.now() - known.at < believed && known.heard === this.#parts.heard()) {
      return inTime(known.judged, clock.wall())
    }
    return this.#ask(id, hash).then(judged => inTime(judged, clock.wall()))
  }

  #ask(id: string, hash: string): Promise<Judged> {
    const key = id + hash
    const asked = this.#asked.get(key)
    if (asked) return asked
    if (this.#asked.size >= maxAsked) {
      return Promise.reject(
        new OperatorError('BUSY', 'too many tokens wait for the leader', 'try again in a moment'),
      )
    }
    const { authority, clock } = this.#parts
    const at = clock.now()
    const heard = this.#parts.heard()
    // It may be answered before it is noted as asked.
    let answered = false
    const answer = new Promise<Judged>((resolve, reject) => {
      authority.ask('token-check', { id, hash }, patience, outcome => {
        answered = true
        this.#asked.delete(key)
        if (!outcome.ok) {
          reject(nobodyKnows(outcome))
          return
        }
        try {
          const judged = readJudged(outcome.body)
          this.#remember(key, { judged, at, heard })
          resolve(judged)
        } catch (error) {
          reject(error)
        }
      })
    })
    if (!answered) this.#asked.set(key, answer)
    return answer
  }

  #remember(key: string, known: Known): void {
    this.#known.delete(key)
    this.#known.set(key, known)
    if (this.#known.size > maxKnown) this.#known.delete(this.#known.keys().next().value!)
  }
}

/** Whether nobody leads or nobody answers: to whoever asks it is the same. */
function nobodyKnows({ code, message, remedy }: RequestOutcome & { ok: false }): OperatorError {
  if (!['TIMEOUT', 'NOT_LEADER', 'NO_QUORUM'].includes(code)) {
    return new OperatorError(code, `the token cannot be checked: ${message}`, remedy)
  }
  return new OperatorError(
    'NO_QUORUM',
    'the token cannot be checked: no control node answers',
    'ask a control node, or use the local socket of this one',
  )
}

const unknown: TokenFound = { ok: false, why: 'the cluster knows no such token' }

/** What a control node says of a token whose secret has that hash. */
export function judge(record: TokenRecord | undefined, hash: string, wall: EpochMillis): Judged {
  if (!record || !sameHash(record.hash, hash)) return unknown
  const { id, name, use, expires } = record
  if (use.kind !== 'api')
    return { ok: false, why: `token ${id} lets nodes in; it is not for the API` }
  const dead = deadToken(record, wall)
  if (dead) return { ok: false, why: dead.message }
  return { ok: true, id, name, policies: parsePolicies(use.policies), expires }
}

/** As it travels; the policies as text. */
export function tellJudged(
  record: TokenRecord | undefined,
  hash: string,
  wall: EpochMillis,
): object {
  const judged = judge(record, hash, wall)
  if (!judged.ok || record?.use.kind !== 'api') return judged
  return { ...judged, policies: record.use.policies }
}

/** Throws MalformedError. */
function readJudged(body: unknown): Judged {
  const from = fields(body)
  if (!flag(from, 'ok')) return { ok: false, why: text(from, 'why') }
  return {
    ok: true,
    id: text(from, 'id'),
    name: text(from, 'name'),
    policies: parsePolicies(texts(from, 'policies')),
    expires: optionalCount(from, 'expires') ?? null,
  }
}

/** An answer that is remembered may have aged. */
function inTime(judged: Judged, wall: EpochMillis): Judged {
  if (!judged.ok || judged.expires == null || wall < judged.expires) return judged
  return { ok: false, why: `token ${judged.id} expired` }
}
