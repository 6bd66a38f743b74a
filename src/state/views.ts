import type { NodeId } from './events.ts'
import type { State } from './state.ts'
import type { NodeRecord } from './types.ts'

/** Questions that several rooms ask of the state. Who leads is not among them: no entry says so. */

export function controlOf(state: State, id: NodeId): 'voter' | 'observer' | 'none' {
  if (state.voters.includes(id)) return 'voter'
  return state.observers.includes(id) ? 'observer' : 'none'
}

/** Nodes that have the role, whatever their phase, by name. */
export function nodesByRole(state: State, role: string): NodeRecord[] {
  const having = [...state.nodes.values()].filter(node => node.roles.some(r => r.name === role))
  return having.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * Which of `requires` no node can be counted on for: nobody has the role, or only nodes that are failed,
 * drained or leaving, or on which the role itself failed or stopped. One that is still starting counts.
 */
export function rolesMissing(state: State, requires: readonly string[]): string[] {
  return requires.filter(role => !nodesByRole(state, role).some(node => offers(node, role)))
}

function offers(node: NodeRecord, role: string): boolean {
  if (node.phase === 'failed' || node.phase === 'drained' || node.phase === 'leaving') return false
  const own = node.roles.find(r => r.name === role)
  return own !== undefined && own.state !== 'failed' && own.state !== 'stopped'
}
