/**
 * From one configuration to the next (thesis §4.3). A change of voters always goes through a joint
 * configuration, also when only one voter changes: then no two configurations that can be in use at
 * the same time have disjoint quorums, whatever uncommitted entries old leaders have left around.
 * A change of learners alone moves no quorum and takes one step.
 */
import type { ConfigChange, Configuration, PeerId } from './types.ts'

/** Whether `id` counts in any of the majorities that decide now. */
export function isVoter(config: Configuration, id: PeerId): boolean {
  return config.voters.includes(id) || config.outgoing.includes(id)
}

export function isJoint(config: Configuration): boolean {
  return config.outgoing.length > 0
}

/** Everybody the leader replicates to, each once. */
export function members(config: Configuration): Set<PeerId> {
  return new Set([...config.voters, ...config.outgoing, ...config.learners, ...config.learnersNext])
}

/** Everybody whose ballot matters, each once. */
export function electorate(config: Configuration): Set<PeerId> {
  return new Set([...config.voters, ...config.outgoing])
}

/** The configuration to append so that `change` comes about; joint when voters change. */
export function enter(current: Configuration, change: ConfigChange): Configuration {
  const voters = [...new Set(change.voters)]
  const learners = [...new Set(change.learners)].filter(id => !voters.includes(id))
  const same =
    voters.length === current.voters.length && voters.every(id => current.voters.includes(id))
  if (same) return { voters, outgoing: [], learners, learnersNext: [] }
  return {
    voters,
    outgoing: current.voters,
    // Who still votes in the old majority cannot be a learner yet.
    learners: learners.filter(id => !current.voters.includes(id)),
    learnersNext: learners.filter(id => current.voters.includes(id)),
  }
}

/** What a joint configuration ends in. */
export function leave(joint: Configuration): Configuration {
  return {
    voters: joint.voters,
    outgoing: [],
    learners: [...joint.learners, ...joint.learnersNext],
    learnersNext: [],
  }
}
