/**
 * How a leader comes about (§5.2, §5.4.1; thesis §9.6 for pre-vote).
 *
 * A node that misses its leader first asks whether it could win at all: the pre-vote binds nobody
 * and raises no term, so that a node which merely lost its own network cannot disturb the others.
 * Only then does it stand for election in a new term. Votes, asked or given, leave when term and
 * vote are durable, and a candidate's own vote counts from then on.
 */
import { electorate } from './config-change.ts'
import type { Core } from './core.ts'
import { becomeLeader } from './leader.ts'
import { quorumVote } from './quorum.ts'
import type { Message } from './types.ts'

/** Quick repetitions of a pre-vote after a hint that the leader is gone. */
const hurriedElections = 8

type Of<Type extends Message['type']> = Extract<Message, { type: Type }>

/** Asks everybody whether an election would be won. */
export function campaignPreVote(core: Core): void {
  core.cause = core.log.lastIndex === 0 ? 'first' : core.hurried > 0 ? 'evidence' : 'timeout'
  core.why = core.cause
  core.rank = 'pre-candidate'
  core.leader = null
  core.campaignedAt = core.now
  core.resetElectionTimer()
  core.ballots.clear()
  core.ballots.set(core.id, true)
  const { index, term } = core.log.end
  for (const to of electorate(core.log.config)) {
    if (to === core.id) continue
    core.outbox.push({
      type: 'pre-vote',
      from: core.id,
      to,
      term: core.term + 1,
      lastIndex: index,
      lastTerm: term,
      transfer: false,
    })
  }
  decide(core)
}

/** Stands for election in the next term; `transfer`: because the leader asked for it. */
export function campaignVote(core: Core, transfer: boolean): void {
  if (transfer) core.cause = 'transfer'
  core.becomeFollower(core.term + 1, null)
  core.rank = 'candidate'
  core.vote = core.id
  core.campaignedAt = core.now
  core.resetElectionTimer()
  const { index, term } = core.log.end
  for (const to of electorate(core.log.config)) {
    if (to === core.id) continue
    core.promises.push({
      type: 'vote',
      from: core.id,
      to,
      term: core.term,
      lastIndex: index,
      lastTerm: term,
      transfer,
    })
  }
}

/** Term and vote may have become durable: then the candidate's own vote counts. */
export function countOwnVote(core: Core): void {
  if (core.rank !== 'candidate' || core.ballots.get(core.id)) return
  if (core.disk.term !== core.term || core.disk.vote !== core.id) return
  core.ballots.set(core.id, true)
  decide(core)
}

export function stepBallot(core: Core, message: Of<'pre-vote-response' | 'vote-response'>): void {
  if (message.type === 'vote-response') {
    if (core.rank !== 'candidate') return
  } else {
    // Granted for the term after ours; refused in ours.
    const asked = message.granted ? core.term + 1 : core.term
    if (core.rank !== 'pre-candidate' || message.term !== asked) return
  }
  if (core.ballots.has(message.from)) return
  core.ballots.set(message.from, message.granted)
  decide(core)
}

function decide(core: Core): void {
  const result = quorumVote(core.log.config, core.ballots)
  switch (result) {
    case 'pending':
      return
    case 'won':
      if (core.rank === 'candidate') becomeLeader(core)
      else campaignVote(core, false)
      return
    case 'lost':
      core.becomeFollower(core.term, null)
      if (core.hurried > 0) hurry(core)
      return
    default:
      result satisfies never
  }
}

export function stepPreVote(core: Core, message: Of<'pre-vote'>): void {
  const granted =
    message.term > core.term &&
    (message.transfer || !core.hearsLeader) &&
    core.log.isUpToDate(message.lastIndex, message.lastTerm) &&
    !outranks(core, message)
  core.outbox.push({
    type: 'pre-vote-response',
    from: core.id,
    to: message.from,
    term: granted ? message.term : core.term,
    granted,
  })
}

/**
 * Two pre-votes that cross each other would both be granted and the vote be split. So for the
 * moment in which they may have crossed, equals agree that the greater id goes first.
 */
function outranks(core: Core, message: Of<'pre-vote'>): boolean {
  if (core.rank !== 'pre-candidate' || message.term !== core.term + 1) return false
  if (core.now - core.campaignedAt > core.config.electionTimeout / 8) return false
  const { index, term } = core.log.end
  return message.lastIndex === index && message.lastTerm === term && core.id > message.from
}

/** The term is ours by now, and no leader is heard (or the leader itself asked for the election). */
export function stepVote(core: Core, message: Of<'vote'>): void {
  const free = core.vote === message.from || (core.vote === null && core.leader === null)
  const granted = free && core.log.isUpToDate(message.lastIndex, message.lastTerm)
  if (granted) {
    core.vote = message.from
    core.resetElectionTimer()
  }
  core.promises.push({
    type: 'vote-response',
    from: core.id,
    to: message.from,
    term: core.term,
    granted,
  })
}

/** The leader hands over: stands at once, whatever the others hear (thesis §3.10). */
export function stepTimeoutNow(core: Core): void {
  if (core.rank === 'leader' || !core.promotable) return
  campaignVote(core, true)
}

/** There is evidence that the leader's process is gone. */
export function suspectLeader(core: Core): void {
  if (core.rank !== 'follower') return
  core.leader = null
  // Hints come in swarms; the first one has set the moment.
  const soon = core.now + core.config.electionTimeout / 4
  if (!core.promotable || (core.hurried > 0 && core.electionAt <= soon)) return
  core.hurried = hurriedElections
  hurry(core)
}

/** The next campaign comes soon, at a random moment, as others may have had the same hint. */
function hurry(core: Core): void {
  core.hurried--
  const soon = core.now + (core.random.next() * core.config.electionTimeout) / 4
  core.electionAt = Math.min(core.electionAt, soon)
}
