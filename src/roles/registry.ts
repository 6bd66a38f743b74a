import type { Identity, ServiceDirectory } from './host/directory.ts'
import { hostFacts, hostRole } from './host/role.ts'
import type { Role } from './role.ts'

/** A role as far as one can know it without running it. */
export type RoleFacts = Omit<Role, 'plan' | 'apply'>

/** Every role that comes with hive: one line each, and one in `makeRoles`. */
export const builtInRoles: readonly RoleFacts[] = [
  hostFacts, // services of this node and their health
]

/** The roles of one agent, ready to run. */
export interface Roles {
  readonly byName: ReadonlyMap<string, Role>
  /** The services of this node, which the role `host` holds. */
  readonly services: ServiceDirectory
}

/** Roles keep state, so each agent makes its own. */
export function makeRoles(identity: Identity): Roles {
  const host = hostRole(identity)
  const all: readonly Role[] = [host as Role]
  return { byName: new Map(all.map(role => [role.name, role])), services: host.directory }
}
