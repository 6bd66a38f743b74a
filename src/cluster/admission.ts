import type { ErrorCode } from '../base/errors.ts'
import { didYouMean } from '../base/similar.ts'
import type { NodeDescription } from '../state/events.ts'
import type { NodeRecord } from '../state/types.ts'

/** Second validation (design §4): may this node enter the logical topology? Asked by the leader before it commits. */

export type Admission =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly remedy: string
      readonly final: boolean
    }

export interface RoleNeeds {
  /** Roles that must exist somewhere before `role` may be assigned; undefined: this build has no such role. */
  requires(role: string): readonly string[] | undefined
  /** Of all roles of this build, for who mistyped one. */
  names?(): readonly string[]
}

export function admission(
  nodes: ReadonlyMap<string, NodeRecord>,
  node: NodeDescription,
  catalog: RoleNeeds,
  productVersion: string,
): Admission {
  for (const other of nodes.values()) {
    if (other.name === node.name && other.id !== node.id) {
      return refuse(
        'NAME_TAKEN',
        `the name ${node.name} is taken by ${other.id} at ${other.address.host}:${other.address.port} (${other.phase})`,
        `start the new node with another --name, or take the old one out: hive node remove ${other.name}`,
      )
    }
  }
  if (!compatible(productVersion, node.version)) {
    return refuse(
      'VERSION_MISMATCH',
      `${node.name} runs hive ${node.version}, the control plane ${productVersion}`,
      'install the same major version on both, or upgrade one minor version at a time',
    )
  }
  return rolesVerdict(nodes, node, node.roles, catalog)
}

/** May a node have these roles, and no others? */
export function rolesVerdict(
  nodes: ReadonlyMap<string, NodeRecord>,
  node: { readonly id: string; readonly name: string },
  roles: readonly string[],
  catalog: RoleNeeds,
): Admission {
  const { unknown, required } = missingRoles(nodes, node.id, roles, catalog)
  if (unknown.length > 0) return unknownRoles(unknown, catalog)
  if (required.length > 0) {
    return {
      ...refuse(
        'MISSING_ROLE',
        `${node.name} needs a role that runs nowhere: ${required.join(', ')}`,
        `assign it first: hive role assign NODE ${required[0]}`,
      ),
      final: false,
    }
  }
  return { ok: true }
}

export function unknownRoles(unknown: readonly string[], { names }: RoleNeeds) {
  const meant = didYouMean(unknown[0]!, names?.() ?? [])
  return refuse(
    'UNKNOWN_ROLE',
    `no such role: ${unknown.join(', ')}`,
    meant === undefined
      ? 'see hive role list for those there are'
      : `did you mean ${meant}? hive role list shows those there are`,
  )
}

/** Which of the roles are unknown, and which required ones exist neither in the cluster nor among the roles themselves. */
export function missingRoles(
  nodes: ReadonlyMap<string, NodeRecord>,
  id: string,
  roles: readonly string[],
  catalog: RoleNeeds,
): { readonly unknown: readonly string[]; readonly required: readonly string[] } {
  const present = new Set(roles)
  for (const other of nodes.values()) {
    if (other.id !== id) for (const role of other.roles) present.add(role.name)
  }
  const unknown: string[] = []
  const required = new Set<string>()
  for (const role of roles) {
    const requires = catalog.requires(role)
    if (!requires) unknown.push(role)
    for (const needed of requires ?? []) if (!present.has(needed)) required.add(needed)
  }
  return { unknown, required: [...required] }
}

/** Same major version, and at most one minor apart; below 1.0 likewise (N and N−1 work together). */
export function compatible(a: string, b: string): boolean {
  const [majorA, minorA] = parts(a)
  const [majorB, minorB] = parts(b)
  return majorA === majorB && Math.abs(minorA - minorB) <= 1
}

function parts(version: string): [number, number] {
  const [major = '0', minor = '0'] = version.split('.')
  return [Number(major), Number(minor)]
}

function refuse(code: ErrorCode, message: string, remedy: string): Admission & { ok: false } {
  return { ok: false, code, message, remedy, final: true }
}
