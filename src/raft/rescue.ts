/**
 * A quorum is lost for good, and an operator has one survivor go on alone. Raft itself forbids this, as
 * nobody can know what the lost majority has committed; so it is no step of the group but the birth of
 * another one, which takes over the survivor's log.
 *
 * The new group has a *lineage* of its own, a number that every message carries and every node compares
 * before anything else. Nobody of the old group is heard in the new one, nor the other way round: the lost
 * side may come back with a quorum, go on, and even be rescued in turn, and neither can touch the other's
 * log. Within a lineage Raft's guarantees hold as ever, from this moment on: all that the survivor's log
 * holds, committed before or not, is committed by the new group's first leader.
 */

import type { Core } from './core.ts'
import { campaignVote } from './election.ts'
import type { Message } from './types.ts'

/**
 * False: this node leads, so that a quorum answers; or its disk failed; or it is of that lineage already.
 * The lineage becomes durable in the same batch as the entry that makes this node the only voter.
 */
export function rescue(core: Core, lineage: number): boolean {
  if (core.failed || core.leadership !== undefined || lineage === core.lineage) return false
  // What was to be said was meant for the old group.
  core.outbox = []
  core.promises = []
  core.held = []
  core.lineage = lineage
  core.becomeFollower(core.term + 1, null)
  const config = { voters: [core.id], outgoing: [], learners: [], learnersNext: [] }
  const { term, log } = core
  log.push({ index: log.lastIndex + 1, term, type: 'config', config, ...core.date() })
  core.cause = 'rescue'
  campaignVote(core, false)
  return true
}

export function isOfLineage(core: Core, message: Message): boolean {
  return (message.lineage ?? 0) === core.lineage
}

/** As the messages leave: of this node's lineage. */
export function marked(core: Core, messages: readonly Message[]): readonly Message[] {
  const { lineage } = core
  if (lineage === 0 || messages.length === 0) return messages
  return messages.map(message => ({ ...message, lineage }))
}
