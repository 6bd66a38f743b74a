import type { NodeRecord } from '../state/types.ts'
import { demoteVerdict, quorumOf, type VotersNow, type VotersVerdict } from './voters.ts'

/** Taking a node out of the cluster for good: may it be, and what is left then. */
export interface RemovalFacts extends VotersNow {
  readonly node: NodeRecord
  readonly nodes: ReadonlyMap<string, NodeRecord>
  /** The node says it of itself. */
  readonly own: boolean
  readonly force: boolean
}

/** It was agreed that it leaves; also if it died since: nobody else would finish what an operator asked for. */
export function isLeaving({ phase, before }: Pick<NodeRecord, 'phase' | 'before'>): boolean {
  return phase === 'leaving' || (phase === 'failed' && before === 'leaving')
}

export type RemovalVerdict =
  /** `advice`: what the operator should do next; '': nothing. */
  { readonly ok: true; readonly advice: string } | Extract<VotersVerdict, { ok: false }>

export function removalVerdict(facts: RemovalFacts): RemovalVerdict {
  const { node, own, force, voters, reachable } = facts
  const rests = node.phase === 'drained' || node.phase === 'leaving'
  if (!own && !force && !rests && reachable.has(node.id)) {
    return {
      ok: false,
      code: 'REFUSED',
      message: `${node.name} is alive, and would hand nothing over`,
      remedy: `hive drain ${node.name} first, or hive leave on it; --force takes it out as it is`,
    }
  }
  const verdict = demoteVerdict(facts, node.id, force)
  if (!verdict.ok) return { ...verdict, remedy: remedyFor(facts, verdict.remedy) }
  const rest = voters.filter(v => v !== node.id)
  if (rest.length === voters.length || rest.length === 0) return { ok: true, advice: '' }
  return { ok: true, advice: adviceFor(facts, rest) }
}

function remedyFor(facts: RemovalFacts, usual: string): string {
  const { node, voters, reachable } = facts
  if (voters.length === 1)
    return `promote another node first (${promotion(facts)}); a cluster of one ends with hive reset`
  const answering = voters.filter(v => reachable.has(v)).length
  const rest = voters.filter(v => v !== node.id)
  const then = rest.filter(v => reachable.has(v)).length
  if (then < quorumOf(rest.length) || answering < quorumOf(voters.length)) {
    const silent = rest.filter(v => !reachable.has(v)).map(facts.nameOf)
    return `start ${silent.sort().join(', ')} again, or give votes to others first: ${promotion(facts)}`
  }
  return usual.includes('--force') ? `${promotion(facts)} first, or use --force` : usual
}

function adviceFor(facts: RemovalFacts, rest: readonly string[]): string {
  const answering = rest.filter(v => facts.reachable.has(v)).length
  if (answering > quorumOf(rest.length)) return ''
  const left = rest.length === 1 ? 'one control node is' : `${rest.length} control nodes are`
  return `${left} left, and the loss of one stops the cluster: ${promotion(facts)}`
}

/** The command, with a node that could vote if there is one: an observer first. */
function promotion({ nodes, voters, observers, reachable, node }: RemovalFacts): string {
  const [best] = [...nodes.values()]
    .filter(n => n.phase === 'ready' && reachable.has(n.id))
    .filter(n => n.id !== node.id && !voters.includes(n.id))
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
  function rank(n: NodeRecord): number {
    return observers.includes(n.id) ? 0 : 1
  }
  return `hive control promote ${best?.name ?? 'NODE'}`
}
