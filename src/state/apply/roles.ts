import type { EventData } from '../events.ts'
import { type At, change, done, type Parts, type Ruling, repeated, unknownNode } from './ruling.ts'

/** Operators say which roles a node has; the node says how far each is. */

export function assign(parts: Parts, data: EventData['RoleAssigned'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  const missing = new Set(data.roles)
  for (const role of node.roles) missing.delete(role.name)
  if (missing.size === 0) return repeated(at)
  const added = Array.from(missing, name => ({ name, state: 'assigned' as const, detail: '' }))
  change(parts, at, node, { roles: [...node.roles, ...added] })
  return done(at)
}

export function unassign(parts: Parts, data: EventData['RoleUnassigned'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  const roles = node.roles.filter(role => !data.roles.includes(role.name))
  if (roles.length === node.roles.length) return repeated(at)
  change(parts, at, node, { roles })
  return done(at)
}

/** A report of a role that was unassigned meanwhile crossed that event on its way: no harm. */
export function report(parts: Parts, data: EventData['RoleReported'], at: At): Ruling {
  const node = parts.nodes.get(data.id)
  if (node === undefined) return unknownNode(parts, data.id)
  const { role: name, state, detail } = data
  const old = node.roles.find(role => role.name === name)
  if (old === undefined || (old.state === state && old.detail === detail)) return repeated(at)
  const roles = node.roles.map(role => (role === old ? { name, state, detail } : role))
  change(parts, at, node, { roles })
  return done(at)
}
