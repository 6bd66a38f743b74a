import type { Actor, EventData, NodeDescription } from '../events.ts'
import { stateLimits } from '../limits.ts'
import { deadToken, tokenTrouble } from '../tokens.ts'
import type { TokenRecord } from '../types.ts'
import { type At, done, type Parts, type Ruling, refused, repeated } from './ruling.ts'

/** Tokens come, are spent by the events that they make possible, and go. Only hashes of their secrets are known here. */

export function create(parts: Parts, data: EventData['TokenCreated'], by: Actor, at: At): Ruling {
  const { id, hash, name, expires, use } = data
  const known = parts.tokens.get(id)
  if (known) {
    return known.hash === hash ? repeated(at) : refused('REFUSED', `there is another token ${id}`)
  }
  if (use.kind === 'join' && (expires === null || use.uses < 1)) {
    return refused('BAD_REQUEST', 'a join token must expire, and let in one node at least')
  }
  if (expires !== null && expires <= at.time) {
    return refused('TOKEN_EXPIRED', 'the token would have expired before it was made')
  }
  sweep(parts, at)
  if (parts.tokens.all.size >= stateLimits.tokens) {
    return refused(
      'REFUSED',
      `there are ${stateLimits.tokens} living tokens already`,
      'revoke those that nobody needs: hive token list, hive token revoke ID',
    )
  }
  const fresh = { id, hash, name, expires, use, used: 0, revoked: null }
  parts.tokens.set(id, { ...fresh, by, createdAt: at.index, time: at.time })
  return done(at)
}

export function revoke(parts: Parts, { id }: EventData['TokenRevoked'], at: At): Ruling {
  const token = parts.tokens.get(id)
  if (!token) return refused('NOT_FOUND', `there is no token ${id}`, 'see `hive token list`')
  if (token.revoked !== null) return repeated(at)
  parts.tokens.set(id, { ...token, revoked: at.time })
  return done(at)
}

/**
 * One use of it, for a node that is new; undefined: spent. Who had to wait for an operator came in time if it was
 * in time when it asked.
 */
export function spend(parts: Parts, id: string, node: NodeDescription, at: At): Ruling | undefined {
  const token = parts.tokens.get(id)
  const asked = parts.joinRequests.get(node.id)
  const when = asked?.token === id ? asked.since : at.time
  const trouble = tokenTrouble(token, node.name, when)
  if (trouble) return refused(trouble.code, trouble.message, trouble.remedy)
  parts.tokens.set(id, { ...token!, used: token!.used + 1 })
  return undefined
}

/** Those that have been dead for long; and when there is no room, the oldest of the dead. */
function sweep(parts: Parts, at: At): void {
  const { tokens } = parts
  for (const token of [...tokens.all.values()]) {
    if (at.time - diedAt(token) > stateLimits.deadTokens) tokens.delete(token.id)
  }
  for (const token of [...tokens.all.values()]) {
    if (tokens.all.size < stateLimits.tokens) return
    if (deadToken(token, at.time)) tokens.delete(token.id)
  }
}

function diedAt({ revoked, expires }: TokenRecord): number {
  return Math.min(revoked ?? Number.MAX_SAFE_INTEGER, expires ?? Number.MAX_SAFE_INTEGER)
}
