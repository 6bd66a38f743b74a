import type { EpochMillis, Millis } from '../base/time.ts'
import type { VoterReplacement } from '../state/meta.ts'
import type { NodeRecord } from '../state/types.ts'
import { quorumOf } from './voters.ts'

/**
 * A voter that stays dead gives its vote to an observer: with one voter less the cluster survives one
 * failure less, and nobody may be awake to see it. Operators choose who may vote, by making nodes observers
 * (`hive control promote NODE --observer`); when is decided here, from what is agreed and what the leader sees.
 *
 * Votes change hands one for one: never fewer voters than before, never more. A vote moves at most once in
 * the time after which it may, so that nodes which come and go do not make it wander.
 */
export interface ReplacementFacts {
  /** Of the latest configuration; undefined: a change of voters is under way. */
  readonly config:
    | { readonly voters: readonly string[]; readonly observers: readonly string[] }
    | undefined
  readonly nodes: ReadonlyMap<string, NodeRecord>
  /** Those that answer the leader now, itself included. */
  readonly reachable: ReadonlySet<string>
  /** Those that follow the log closely. */
  readonly caughtUp: ReadonlySet<string>
  /** The latest one that was agreed on. */
  readonly last: VoterReplacement | undefined
  /** Undefined: switched off. */
  readonly after: Millis | undefined
  readonly wall: EpochMillis
}

export interface Replacement {
  /** The dead voter. */
  readonly id: string
  /** The observer that votes in its place. */
  readonly by: string
  readonly voters: readonly string[]
  readonly observers: readonly string[]
  /** It is agreed already, and has to be carried out. */
  readonly agreed: boolean
}

/** What to do now; undefined: nothing. */
export function replacement(facts: ReplacementFacts): Replacement | undefined {
  const { config, after, last, wall } = facts
  if (!config || after === undefined) return undefined
  const { voters, observers } = config
  const answering = voters.filter(v => facts.reachable.has(v)).length
  if (answering < quorumOf(voters.length)) return undefined
  const dead = overdue(facts, voters, after)
  if (!dead) return undefined
  const heirs = heirsOf(facts, observers, dead)
  const begun = last?.id === dead.id && last.time >= dead.failedAt!
  const by = (begun && heirs.find(h => h.id === last.by)) || heirs[0]
  if (!by) return undefined
  const agreed = begun && last.by === by.id
  if (!agreed && last && isSoon(wall, last.time, after)) return undefined
  return {
    id: dead.id,
    by: by.id,
    voters: [...voters.filter(v => v !== dead.id), by.id],
    observers: [...observers.filter(o => o !== by.id), dead.id],
    agreed,
  }
}

/** The voter that has been dead longest, if long enough. */
function overdue(
  { nodes, reachable, wall }: ReplacementFacts,
  voters: readonly string[],
  after: Millis,
): NodeRecord | undefined {
  return voters
    .map(v => nodes.get(v))
    .filter(n => n !== undefined)
    .filter(n => n.failedAt !== undefined && n.phase !== 'leaving' && !reachable.has(n.id))
    .filter(n => !isSoon(wall, n.failedAt!, after))
    .sort((a, b) => a.failedAt! - b.failedAt! || (a.name < b.name ? -1 : 1))[0]
}

/** A moment that is later than now by more than that was told by a clock that was wrong, and long ago for all that is known. */
function isSoon(wall: EpochMillis, since: EpochMillis, after: Millis): boolean {
  return Math.abs(wall - since) < after
}

/** Observers that could vote at once; one of the dead voter's datacenter first, so that votes stay spread. */
function heirsOf(
  { nodes, reachable, caughtUp }: ReplacementFacts,
  observers: readonly string[],
  dead: NodeRecord,
): NodeRecord[] {
  const near = (n: NodeRecord) => (n.dc === dead.dc ? 0 : 1)
  return observers
    .map(o => nodes.get(o))
    .filter(n => n !== undefined)
    .filter(n => n.phase === 'ready' && reachable.has(n.id) && caughtUp.has(n.id))
    .sort((a, b) => near(a) - near(b) || (a.name < b.name ? -1 : 1))
}
