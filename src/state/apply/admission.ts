import { formatAddress } from '../../base/address.ts'
import type { EventData, NodeDescription } from '../events.ts'
import type { NodeRecord } from '../types.ts'
import {
  type At,
  change,
  done,
  type Parts,
  type Ruling,
  refused,
  repeated,
  unknownNode,
} from './ruling.ts'
import { spend } from './tokens.ts'

/** How a node enters, comes back, and leaves for good. */

export function newNode(description: NodeDescription, at: At, token?: string): NodeRecord {
  const { id, name, address, dc, version, incarnation, key } = description
  return {
    ...{ id, name, address, dc, version, incarnation },
    phase: 'recovering',
    before: null,
    drainDeadline: null,
    roles: mergedRoles([], description.roles),
    admittedAt: at.index,
    changedAt: at.index,
    ...(key !== undefined && { key }),
    ...(token !== undefined && { token }),
  }
}

/**
 * The second validation's last word: two joins that conflict are ordered by the log, and the first
 * wins. A node that is known already came back (after an absence, or a reset): it recovers again, and
 * keeps the roles that operators gave it, to be started anew; it spends no token.
 */
export function admit(parts: Parts, data: EventData['NodeAdmitted'], at: At): Ruling {
  const { node } = data
  const holder = parts.nodes.named(node.name)
  if (holder !== undefined && holder.id !== node.id) {
    const theirs = formatAddress(holder.address)
    return refused(
      'NAME_TAKEN',
      `the name ${node.name} of the node at ${formatAddress(node.address)} is taken by the one at ${theirs}`,
      'start it with another --name, or let the other one leave first',
    )
  }
  if (comesLate(parts, node)) return late(node)
  const known = parts.nodes.get(node.id)
  if (known?.key !== undefined && node.key !== undefined && known.key !== node.key) {
    return otherKey(known)
  }
  const token = known ? known.token : data.token
  const fresh = newNode(known?.key === undefined ? node : { ...node, key: known.key }, at, token)
  if (known === undefined) {
    const trouble = token !== undefined && spend(parts, token, node, at)
    if (trouble) return trouble
    parts.joinRequests.delete(node.id)
    parts.nodes.set(node.id, fresh)
    parts.tombstones.delete(node.id)
    return done(at)
  }
  const roles = mergedRoles(
    known.roles.map(role => role.name),
    node.roles,
  )
  const { admittedAt, changedAt, drainDeadline } = known
  const back = { ...fresh, roles, admittedAt, changedAt, drainDeadline, before: comesBackTo(known) }
  if (JSON.stringify(back) === JSON.stringify(known)) return repeated(at)
  change(parts, at, back, {})
  return done(at)
}

/** The id is bound to the key that it came with first. */
function otherKey(known: NodeRecord): Ruling {
  return refused(
    'IDENTITY_MISMATCH',
    `the id of ${known.name} belongs to another key`,
    'a node that lost its key comes back as a new one: run `hive reset` on it, and `hive node remove` for the old one',
  )
}

/**
 * A join that the node's boot before asked for, still retried by whoever it asked. It must neither
 * bring back who has left since, nor undo a newer admission.
 */
export function comesLate(
  { nodes, tombstones }: Parts,
  { id, incarnation }: NodeDescription,
): boolean {
  const known = nodes.get(id)
  const left = tombstones.get(id)?.incarnation
  if (known !== undefined) return incarnation < known.incarnation
  return left !== undefined && incarnation <= left
}

export function late({ name }: NodeDescription): Ruling {
  return refused('REFUSED', `${name} has said newer things of itself since`)
}

/** A drain outlives an absence: only an operator ends it. */
function comesBackTo(known: NodeRecord): 'draining' | 'drained' | null {
  for (const phase of [known.phase, known.before]) {
    if (phase === 'draining' || phase === 'drained') return phase
  }
  return null
}

function mergedRoles(held: readonly string[], more: readonly string[]): NodeRecord['roles'] {
  const names = new Set([...held, ...more])
  return Array.from(names, name => ({ name, state: 'assigned' as const, detail: '' }))
}

/** Address, version or datacenter changed; what an older incarnation said is out of date. */
export function update(parts: Parts, data: EventData['NodeUpdated'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  const { incarnation, address = node.address, version = node.version, dc = node.dc } = data
  if (incarnation < node.incarnation) {
    return refused('REFUSED', `${node.name} has said newer things of itself since`)
  }
  if (node.key !== undefined && data.key !== undefined && node.key !== data.key) {
    return otherKey(node)
  }
  const key = node.key ?? data.key
  const changed = {
    ...node,
    ...{ address, version, dc, incarnation },
    ...(key !== undefined && { key }),
  }
  if (JSON.stringify(changed) === JSON.stringify(node)) return repeated(at)
  change(parts, at, changed, {})
  return done(at)
}

export function beginLeaving(parts: Parts, data: EventData['NodeLeaving'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  if (node.phase === 'leaving') return repeated(at)
  change(parts, at, node, { phase: 'leaving', before: null, drainDeadline: null })
  return done(at)
}

/** Out of the logical topology. The tombstone says so to whoever still believes otherwise. */
export function remove(parts: Parts, data: EventData['NodeLeft'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) {
    return parts.tombstones.get(data.id) ? repeated(at) : unknownNode(parts, data.id)
  }
  const { id, name, incarnation } = node
  parts.nodes.delete(id)
  const tombstone = { id, name, incarnation, leftAt: at.index, time: at.time, reason: data.reason }
  parts.tombstones.set(id, tombstone)
  return done(at)
}
