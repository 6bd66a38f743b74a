/**
 * How far a quorum has come, and whether an election is decided.
 *
 * In a joint configuration a decision needs a majority of the new voters and a majority of the
 * outgoing ones (thesis §4.3); without outgoing voters the second majority is free.
 */
import type { Configuration, PeerId } from './types.ts'

export type VoteResult = 'won' | 'lost' | 'pending'

/** The largest number that at least a majority of `voters` has reached; Infinity without voters. */
export function majorityReached(
  voters: readonly PeerId[],
  reached: (id: PeerId) => number,
): number {
  const count = voters.length
  if (count === 0) return Number.POSITIVE_INFINITY
  const descending: number[] = []
  for (let i = 0; i < count; i++) {
    const value = reached(voters[i]!)
    let at = i
    while (at > 0 && descending[at - 1]! < value) {
      descending[at] = descending[at - 1]!
      at--
    }
    descending[at] = value
  }
  return descending[count >> 1]!
}

/** The largest number that a quorum of `config` has reached. */
export function quorumReached(config: Configuration, reached: (id: PeerId) => number): number {
  const incoming = majorityReached(config.voters, reached)
  if (config.outgoing.length === 0) return incoming
  return Math.min(incoming, majorityReached(config.outgoing, reached))
}

/** What the ballots in so far decide among `voters`. Nobody to ask: won. */
export function majorityVote(
  voters: readonly PeerId[],
  ballots: ReadonlyMap<PeerId, boolean>,
): VoteResult {
  if (voters.length === 0) return 'won'
  let granted = 0
  let missing = 0
  for (const voter of voters) {
    const ballot = ballots.get(voter)
    if (ballot === undefined) missing++
    else if (ballot) granted++
  }
  const needed = (voters.length >> 1) + 1
  if (granted >= needed) return 'won'
  return granted + missing >= needed ? 'pending' : 'lost'
}

/** What the ballots in so far decide under `config`. */
export function quorumVote(
  config: Configuration,
  ballots: ReadonlyMap<PeerId, boolean>,
): VoteResult {
  const incoming = majorityVote(config.voters, ballots)
  const outgoing = majorityVote(config.outgoing, ballots)
  if (incoming === outgoing) return incoming
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending'
}
