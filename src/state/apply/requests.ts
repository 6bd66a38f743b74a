import type { Actor, EventData } from '../events.ts'
import { stateLimits } from '../limits.ts'
import { tokenTrouble } from '../tokens.ts'
import { comesLate, late } from './admission.ts'
import { type At, done, type Parts, type Ruling, refused, repeated } from './ruling.ts'

/**
 * Who asks to be let in where an operator decides. Agreed, so that a new leader knows whom an operator refused and
 * since when who waits; and few, so that strangers fill neither memory nor log.
 */

export function request(parts: Parts, data: EventData['JoinRequested'], at: At): Ruling {
  const { node, token } = data
  const { id } = node
  if (parts.nodes.get(id)) return repeated(at)
  const before = parts.joinRequests.get(id)
  // Once its tombstone is forgotten, an operator would let in what it was before it left.
  if (comesLate(parts, node) || (before && node.incarnation < before.node.incarnation))
    return late(node)
  if (before && before.node.key !== node.key) {
    return refused(
      'IDENTITY_MISMATCH',
      `another key asked to be let in under the id of ${node.name}`,
    )
  }
  if (before?.refused) return refusedBefore(before.node.name, before.refused)
  const trouble =
    token !== undefined &&
    tokenTrouble(parts.tokens.get(token), node.name, before?.since ?? at.time)
  if (trouble) return refused(trouble.code, trouble.message, trouble.remedy)
  const { requestedAt, since } = before ?? { requestedAt: at.index, since: at.time }
  const fresh = { node, ...(token !== undefined && { token }), requestedAt, since, refused: null }
  if (JSON.stringify(fresh) === JSON.stringify(before)) return repeated(at)
  if (!before && !hasRoom(parts)) {
    return refused(
      'BUSY',
      `${stateLimits.joinRequests} nodes wait for an operator already`,
      'an operator has to decide about them first: hive join-requests',
    )
  }
  parts.joinRequests.set(id, fresh)
  return done(at)
}

export function refuse(
  parts: Parts,
  { id, reason }: EventData['JoinRefused'],
  by: Actor,
  at: At,
): Ruling {
  const asked = parts.joinRequests.get(id)
  if (!asked) {
    return refused('NOT_FOUND', `nobody with the id ${id} waits`, 'see `hive join-requests`')
  }
  if (asked.refused) return repeated(at)
  parts.joinRequests.set(id, { ...asked, refused: { reason, by, time: at.time } })
  return done(at)
}

export function refusedBefore(name: string, { reason }: { readonly reason: string }): Ruling {
  const why = reason === '' ? '' : `: ${reason}`
  return refused(
    'JOIN_REFUSED',
    `an operator refused ${name}${why}`,
    `an operator can still let it in: hive admit ${name}, on a node of the cluster`,
  )
}

/** Whoever was refused first has been told by now. */
function hasRoom({ joinRequests }: Parts): boolean {
  if (joinRequests.all.size < stateLimits.joinRequests) return true
  const told = [...joinRequests.all.values()].find(r => r.refused !== null)
  if (!told) return false
  joinRequests.delete(told.node.id)
  return true
}
