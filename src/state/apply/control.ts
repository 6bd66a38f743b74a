import type { EventData } from '../events.ts'
import type { EntryLike } from '../types.ts'
import { raiseMetaVersion } from './cluster.ts'
import { type At, done, type Parts, type Ruling, refused, repeated } from './ruling.ts'

type Configuration = Extract<EntryLike, { type: 'config' }>['config']

/**
 * Who votes, from raft's own entries. The joint configuration of a change under way (thesis §4.3) is
 * not taken in: it says whose majority counts for a moment, not who the control nodes are; the entry
 * that leaves it follows. Returns whether voters or observers changed; only voters raise the meta version.
 */
export function configure(parts: Parts, config: Configuration): boolean {
  if (config.outgoing.length > 0) return false
  const voters = [...config.voters].sort()
  const observers = [...config.learners].sort()
  const old = parts.meta.fact('control')
  if (old !== undefined && same(old.voters, voters) && same(old.observers, observers)) return false
  if (old === undefined || !same(old.voters, voters)) raiseMetaVersion(parts)
  parts.meta.note('control', { voters, observers })
  return true
}

/** Only what is still so when it is agreed: an operator may have changed who votes, or the node be back. */
export function replaceVoter(parts: Parts, data: EventData['VoterReplacing'], at: At): Ruling {
  const { id, by } = data
  const control = parts.meta.fact('control')
  const votes = control?.voters.includes(id) && control.observers.includes(by)
  if (!votes) return refused('REFUSED', 'who votes has changed since')
  const { name, failedAt } = parts.nodes.get(id) ?? {}
  if (failedAt === undefined) return refused('REFUSED', `${name ?? id} has not failed`)
  const last = parts.meta.fact('replacement')
  if (last?.id === id && last.by === by && last.time >= failedAt) return repeated(at)
  parts.meta.note('replacement', { id, by, seq: at.index, time: at.time })
  return done(at)
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i])
}
