import type { TokenReport } from '../../api/token-types.ts'
import { MalformedError } from '../../base/bytes.ts'
import { count, type Fields, fields, optionalCount, text, texts } from '../../base/shape.ts'
import type { EpochMillis } from '../../base/time.ts'
import { unknownRoles } from '../../cluster/admission.ts'
import type { TokenUse } from '../../state/events.ts'
import { deadToken } from '../../state/tokens.ts'
import type { TokenRecord } from '../../state/types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { type Methods, refusal } from '../requests.ts'
import { tellJudged } from '../trust/api-tokens.ts'
import { asSettledLeader, type DeskParts, outcomeOf } from './desk.ts'

/** Tokens, as operators make, see and revoke them. Their secrets never come here: only hashes do. */
export function tokensDesk(parts: DeskParts): Methods {
  const { clock } = parts
  return {
    'token-create': asSettledLeader(parts, ({ body, answer }, plane) => {
      const { cluster, authorities } = plane.state
      const use = readUse(fields(body.use, 'use'))
      const ca = [...authorities.keys()].at(-1)
      if (use.kind === 'join' && ca === undefined) {
        return answer(
          refusal(
            'REFUSED',
            'this cluster has no authority that a token could name: its nodes are on this machine only, and open to it',
            'join without a token: hive join ADDR',
          ),
        )
      }
      const unknown = use.kind === 'join' && use.roles.find(role => !parts.roles.requires(role))
      if (unknown) {
        const { code, message, remedy } = unknownRoles([unknown], parts.roles)
        return answer(refusal(code, message, remedy))
      }
      const life = optionalCount(body, 'life')
      const id = text(body, 'id', 64)
      const expires = life === undefined ? null : clock.wall() + life
      plane.propose(
        {
          type: 'TokenCreated',
          data: { id, hash: text(body, 'hash', 64), name: text(body, 'name', 255), expires, use },
          actor: text(body, 'actor'),
        },
        outcome => {
          if (!outcome.ok) return answer(outcomeOf(outcome))
          // Of a repeated question, what the first one came to.
          const { expires = null, createdAt = 0 } = plane.state.tokens.get(id) ?? {}
          // There may be another authority by now; it names the newest of its time, as whoever looks at it later takes it to.
          const older = [...plane.state.authorities.values()].filter(a => a.createdAt < createdAt)
          const named = older.at(-1)?.fingerprint ?? ca
          answer({ ok: true, body: { tag: cluster!.tag, ca: named, expires } })
        },
      )
    }),

    /** Of a node that carries no log, about a token that somebody showed it; the secret stays there. */
    'token-check': asSettledLeader(parts, ({ body, answer }, plane) => {
      const record = plane.state.tokens.get(text(body, 'id', 64))
      answer({ ok: true, body: tellJudged(record, text(body, 'hash', 64), clock.wall()) })
    }),

    'token-list': asSettledLeader(parts, ({ answer }, plane) => {
      answer({ ok: true, body: reportTokens(plane, clock.wall()) })
    }),

    'token-revoke': asSettledLeader(parts, ({ body, answer }, plane) => {
      const wanted = text(body, 'id', 64)
      const found = [...plane.state.tokens.keys()].filter(id => id.startsWith(wanted))
      const [id] = found
      if (id === undefined || found.length > 1) {
        return answer(
          refusal(
            'NOT_FOUND',
            id === undefined
              ? `there is no token ${wanted}`
              : `${found.length} tokens begin with ${wanted}: ${found.slice(0, 8).join(', ')}`,
            'see hive token list for their ids',
          ),
        )
      }
      plane.propose({ type: 'TokenRevoked', data: { id }, actor: text(body, 'actor') }, outcome =>
        answer(outcome.ok ? { ok: true, body: { id } } : outcomeOf(outcome)),
      )
    }),
  }
}

function reportTokens(plane: ControlPlane, wall: EpochMillis): readonly TokenReport[] {
  return [...plane.state.tokens.values()].map(token => {
    const { id, name, use, used, expires, time, by } = token
    const judged = stateOf(token, wall)
    const state = judged === 'alive' && isOutdated(plane, token) ? 'outdated' : judged
    return { id, name, state, use, used, expires, created: time, by }
  })
}

/** The authority that it names, the newest of its time, is believed no longer: no joiner who shows it would trust us. */
function isOutdated(plane: ControlPlane, { use, createdAt }: TokenRecord): boolean {
  if (use.kind !== 'join') return false
  return ![...plane.state.authorities.values()].some(ca => ca.createdAt < createdAt)
}

function stateOf(token: TokenRecord, wall: EpochMillis): TokenReport['state'] {
  switch (deadToken(token, wall)?.code) {
    case undefined:
      return 'alive'
    case 'TOKEN_REVOKED':
      return 'revoked'
    case 'TOKEN_EXPIRED':
      return 'expired'
    default:
      return 'spent'
  }
}

function readUse(from: Fields): TokenUse {
  const kind = text(from, 'kind', 8)
  if (kind === 'api') return { kind, policies: texts(from, 'policies', 64) }
  if (kind !== 'join') throw new MalformedError('kind must be join or api')
  const pattern = text(from, 'pattern', 63)
  return { kind, roles: texts(from, 'roles', 64), uses: count(from, 'uses'), pattern }
}
