import type { EpochMillis, Millis } from '../base/time.ts'
import type { NodeRecord } from '../state/types.ts'

/** Control nodes that do not answer, as an operator should read of them. */
export interface MissingVoter {
  readonly name: string
  /** `failed`: agreed. `unreachable`: whoever reports does not hear it now. */
  readonly state: 'failed' | 'unreachable'
  /** When it was agreed that it failed; null: it was not. */
  readonly since: EpochMillis | null
  /** Who gets its vote, and from when on; absent: nobody by itself. */
  readonly heir?: string
  readonly heirFrom?: EpochMillis
}

export interface MissingFacts {
  readonly voters: readonly string[]
  readonly observers: readonly string[]
  readonly nodes: ReadonlyMap<string, NodeRecord>
  readonly reachable: ReadonlySet<string>
  /** Undefined: votes stay where they are. */
  readonly after: Millis | undefined
  /** When a vote moved last by itself; undefined: never. */
  readonly lastMove: EpochMillis | undefined
}

export function missingVoters(facts: MissingFacts): readonly MissingVoter[] {
  const { voters, nodes, reachable } = facts
  return voters
    .filter(v => !reachable.has(v))
    .map(v => nodes.get(v))
    .filter(n => n !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(node => ({
      name: node.name,
      state: node.failedAt === undefined ? ('unreachable' as const) : ('failed' as const),
      since: node.failedAt ?? null,
      ...heirOf(facts, node),
    }))
}

function heirOf({ observers, nodes, reachable, after, lastMove }: MissingFacts, dead: NodeRecord) {
  if (after === undefined || dead.failedAt === undefined || dead.phase === 'leaving') return {}
  const near = (n: NodeRecord) => (n.dc === dead.dc ? 0 : 1)
  const [heir] = observers
    .map(o => nodes.get(o))
    .filter(n => n !== undefined && n.phase === 'ready' && reachable.has(n.id))
    .map(n => n!)
    .sort((a, b) => near(a) - near(b) || (a.name < b.name ? -1 : 1))
  if (!heir) return {}
  return { heir: heir.name, heirFrom: Math.max(dead.failedAt, lastMove ?? 0) + after }
}
