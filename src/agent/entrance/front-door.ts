import { Attempts, placeOf } from '../../base/attempts.ts'
import type { ErrorCode } from '../../base/errors.ts'
import { type Fields, fields, optionalText, text } from '../../base/shape.ts'
import type { Clock } from '../../base/time.ts'
import type { Links, RequestOutcome } from '../../net/link-types.ts'
import { hashOf } from '../../net/security/token.ts'
import type { Authority } from '../control/authority.ts'
import { joinBody } from '../desk/join.ts'
import { type Methods, type PeerRequest, refusal } from '../requests.ts'
import type { Self } from '../self.ts'
import type { Journal } from './journal.ts'

export interface FrontDoorParts {
  readonly self: Self
  readonly clock: Clock
  readonly links: Links
  readonly authority: Authority
  readonly journal: Journal
}

const askPatience = 10_000
/** From one place: so many wrong tokens at once, then one each so many ms; as many places are remembered. */
const failures = { burst: 10, period: 6_000, places: 1024 }

/** Who fails by these guesses, or has nothing: it is counted against where it comes from. */
const guesses: ReadonlySet<ErrorCode> = new Set([
  'TOKEN_WRONG',
  'TOKEN_EXPIRED',
  'TOKEN_SPENT',
  'TOKEN_REVOKED',
  'NAME_REFUSED',
  'UNTRUSTED',
])
/** Worth telling whoever looks at this node's journal. */
const told: ReadonlySet<ErrorCode> = new Set([
  ...guesses,
  'JOIN_REFUSED',
  'IDENTITY_MISMATCH',
  'NAME_TAKEN',
])

/**
 * Where a joiner knocks: this node asks the control plane for it. What a token's secret was goes no further than
 * here; and whoever guesses is held up before anybody else is bothered.
 */
export class FrontDoor {
  readonly #parts: FrontDoorParts
  readonly #attempts = new Attempts(failures.burst, failures.period, failures.places)

  constructor(parts: FrontDoorParts) {
    this.#parts = parts
  }

  methods(): Methods {
    return {
      'join-ask': request => {
        const { self, clock, links, authority } = this.#parts
        const { from, body, answer } = request
        if (!self.facts.cluster) {
          const busy = `${self.name} has not finished its own join`
          return answer(refusal('BUSY', busy, 'ask another node'))
        }
        const host = links.remote(from)?.host ?? ''
        const wait = this.#attempts.wait(placeOf(host), clock.now())
        if (wait > 0) return answer(this.#heldUp(host, wait))
        const ask = joinBody(request, shownToken(body), self.facts.cluster.epoch)
        authority.ask('join', ask, askPatience, outcome => {
          if (!outcome.ok) this.#refused(request, host, outcome)
          answer(outcome)
        })
      },
    }
  }

  #heldUp(host: string, wait: number): RequestOutcome {
    const seconds = Math.ceil(wait / 1000)
    const why = `too many failed attempts to join from ${host}`
    this.#parts.journal.refused(
      'by us',
      { name: '', id: '', address: { host, port: 0 } },
      'RATE_LIMITED',
      why,
    )
    return refusal(
      'RATE_LIMITED',
      why,
      `it is asked again by itself, in ${seconds} s at the earliest`,
    )
  }

  #refused(
    { from, body }: PeerRequest,
    host: string,
    { code, message }: RequestOutcome & { ok: false },
  ): void {
    const { clock, journal } = this.#parts
    if (guesses.has(code)) this.#attempts.failed(placeOf(host), clock.now())
    if (!told.has(code)) return
    const node = (body.node ?? {}) as Fields
    const name = typeof node.name === 'string' ? node.name.slice(0, 63) : ''
    const id = typeof node.id === 'string' ? node.id.slice(0, 36) : from
    journal.refused('by us', { name, id, address: { host, port: portOf(node) } }, code, message)
  }
}

/** Where it says that it can be dialled; the host is where it was seen. */
function portOf(node: Fields): number {
  const { port } = (node.address ?? {}) as Fields
  return typeof port === 'number' && port >= 0 && port <= 65_535 ? Math.floor(port) : 0
}

function shownToken(body: Fields): { readonly id: string; readonly hash: string } | undefined {
  if (body.token === undefined) return undefined
  const shown = fields(body.token, 'token')
  return { id: text(shown, 'id', 64), hash: hashOf(optionalText(shown, 'secret', 128) ?? '') }
}
