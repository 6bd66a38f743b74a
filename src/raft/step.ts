/** A message arrives: first its term is compared with ours (§5.1), then whom it addresses decides. */
import { members } from './config-change.ts'
import type { Core } from './core.ts'
import { stepBallot, stepPreVote, stepTimeoutNow, stepVote } from './election.ts'
import { stepAppend, stepHeartbeat, stepSnapshot } from './follower.ts'
import { stepAppendResponse, stepHeartbeatResponse } from './leader.ts'
import { isOfLineage } from './rescue.ts'
import type { Message } from './types.ts'

export function step(core: Core, message: Message): void {
  if (message.to !== core.id || message.from === core.id) return
  if (!isOfLineage(core, message)) return
  if (core.failed) stepFailed(core, message)
  else if (message.term < core.term) answerOldTerm(core, message)
  else if (message.term === core.term || enterTerm(core, message)) dispatch(core, message)
}

function dispatch(core: Core, message: Message): void {
  switch (message.type) {
    case 'append':
      stepAppend(core, message)
      break
    case 'heartbeat':
      stepHeartbeat(core, message)
      break
    case 'snapshot':
      stepSnapshot(core, message)
      break
    case 'append-response':
      stepAppendResponse(core, message)
      break
    case 'heartbeat-response':
      stepHeartbeatResponse(core, message)
      break
    case 'pre-vote':
      stepPreVote(core, message)
      break
    case 'vote':
      stepVote(core, message)
      break
    case 'pre-vote-response':
    case 'vote-response':
      stepBallot(core, message)
      break
    case 'timeout-now':
      stepTimeoutNow(core)
      break
    default:
      message satisfies never
  }
}

/** The message is of a later term. Whether it is worth a look; enters that term if it binds us. */
function enterTerm(core: Core, message: Message): boolean {
  switch (message.type) {
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      core.becomeFollower(message.term, message.from)
      return true
    case 'vote':
      if (core.hearsLeader && !message.transfer) return false
      core.becomeFollower(message.term, null)
      return true
    case 'pre-vote':
      return true
    case 'pre-vote-response':
      // A granted one names the term in which we might stand, not one that anybody is in.
      if (!message.granted) core.becomeFollower(message.term, null)
      return true
    case 'append-response':
    case 'heartbeat-response':
    case 'vote-response':
    case 'timeout-now':
      if (isStranger(core, message)) return false
      core.becomeFollower(message.term, null)
      return true
    default:
      return message satisfies never
  }
}

/** Somebody whom a leader does not know of cannot unseat it by an answer. */
function isStranger(core: Core, message: Message): boolean {
  const lead = core.leadership
  if (lead === undefined) return false
  return !lead.peers.has(message.from) && !members(core.log.config).has(message.from)
}

/**
 * The sender is behind. A leader of an old term is told, so that it steps down; this also brings in
 * a node whose term has run ahead, which could otherwise neither follow nor be elected.
 */
function answerOldTerm(core: Core, message: Message): void {
  const { id: from, term } = core
  const to = message.from
  switch (message.type) {
    case 'append':
    case 'heartbeat':
    case 'snapshot': {
      const nothing = { index: 0, rejected: true, hintIndex: 0, hintTerm: 0 }
      core.outbox.push({ type: 'append-response', from, to, term, ...nothing })
      return
    }
    case 'pre-vote':
      core.outbox.push({ type: 'pre-vote-response', from, to, term, granted: false })
      return
    case 'vote':
      core.promises.push({ type: 'vote-response', from, to, term, granted: false })
      return
    case 'append-response':
    case 'heartbeat-response':
    case 'pre-vote-response':
    case 'vote-response':
    case 'timeout-now':
      return
    default:
      message satisfies never
  }
}

/** A node without a disk only watches who leads. */
function stepFailed(core: Core, message: Message): void {
  if (message.type !== 'heartbeat' && message.type !== 'append') return
  if (message.term < core.term) return
  core.becomeFollower(message.term, message.from)
}
