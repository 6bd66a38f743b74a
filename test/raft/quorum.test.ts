/** Quorum arithmetic against a slow twin that tries every subset (thesis §4.3 for the joint case). */
import { describe, expect, test } from 'vitest'
import { type Random, seeded, shuffled } from '../../src/base/random.ts'
import { majorityReached, majorityVote, quorumReached, quorumVote } from '../../src/raft/quorum.ts'
import type { Configuration, PeerId } from '../../src/raft/types.ts'

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g']

function subsets(items: readonly PeerId[]): PeerId[][] {
  const all: PeerId[][] = [[]]
  for (const item of items) all.push(...all.map(set => [...set, item]))
  return all
}

/** Every set of voters that may decide: a majority of each half that is not empty. */
function quorums(config: Configuration): PeerId[][] {
  const isMajority = (set: PeerId[], voters: readonly PeerId[]) =>
    voters.length === 0 || set.filter(id => voters.includes(id)).length * 2 > voters.length
  const everybody = [...new Set([...config.voters, ...config.outgoing])]
  return subsets(everybody).filter(
    set => isMajority(set, config.voters) && isMajority(set, config.outgoing),
  )
}

function someConfig(random: Random): Configuration {
  const voters = shuffled(ids, random).slice(0, 1 + random.below(ids.length))
  const outgoing = shuffled(ids, random).slice(0, random.below(ids.length + 1))
  return { voters, outgoing, learners: [], learnersNext: [] }
}

describe('a quorum', () => {
  test('has reached the best that any set of deciders has all reached', () => {
    const random = seeded('reached')
    for (let i = 0; i < 1500; i++) {
      const config = someConfig(random)
      const reached = new Map(ids.map(id => [id, random.below(6)]))
      const best = Math.max(
        ...quorums(config).map(set => Math.min(...set.map(id => reached.get(id)!))),
      )
      expect(quorumReached(config, id => reached.get(id)!)).toBe(best)
    }
  })

  test('has voted when some set of deciders has, and has refused when none can any more', () => {
    const random = seeded('votes')
    for (let i = 0; i < 1500; i++) {
      const config = someConfig(random)
      const ballots = new Map<PeerId, boolean>()
      for (const id of ids) if (random.below(3) > 0) ballots.set(id, random.below(2) === 0)
      const sets = quorums(config)
      const won = sets.some(set => set.every(id => ballots.get(id) === true))
      const open = sets.some(set => set.every(id => ballots.get(id) !== false))
      expect(quorumVote(config, ballots)).toBe(won ? 'won' : open ? 'pending' : 'lost')
    }
  })

  test('meets every other quorum of the same configuration', () => {
    const random = seeded('meets')
    for (let i = 0; i < 50; i++) {
      const sets = quorums(someConfig(random))
      for (const a of sets) for (const b of sets) expect(a.some(id => b.includes(id))).toBe(true)
    }
  })

  test('of nobody is always there: the free half of a configuration that is not joint', () => {
    expect(majorityReached([], () => 0)).toBe(Number.POSITIVE_INFINITY)
    expect(majorityVote([], new Map())).toBe('won')
  })
})
