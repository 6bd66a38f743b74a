import { describe, expect, test } from 'vitest'
import { type ReplacementFacts, replacement } from '../../src/cluster/replacement.ts'
import type { NodeRecord } from '../../src/state/types.ts'
import { node, nodesOf } from './nodes.ts'

const minute = 60_000
const failedAt = 1_000_000

/** n1 leads, n3 is dead since `failedAt`, n4 and n5 observe. */
function facts(more: Partial<ReplacementFacts> = {}): ReplacementFacts {
  const names = ['n1', 'n2', 'n3', 'n4', 'n5']
  const dead = { phase: 'failed', before: 'ready', failedAt } as const
  const nodes = nodesOf(...names.map(id => node(id, { id, ...(id === 'n3' && dead) })))
  return {
    config: { voters: ['n1', 'n2', 'n3'], observers: ['n4', 'n5'] },
    nodes,
    reachable: new Set(['n1', 'n2', 'n4', 'n5']),
    caughtUp: new Set(['n1', 'n2', 'n4', 'n5']),
    last: undefined,
    after: 10 * minute,
    wall: failedAt + 10 * minute,
    ...more,
  }
}

function told(more: Partial<ReplacementFacts> = {}): string {
  const order = replacement(facts(more))
  if (!order) return 'nothing'
  const { id, by, voters, observers, agreed } = order
  return `${by} for ${id}: ${voters.join(' ')} + ${observers.join(' ')}${agreed ? ', as agreed' : ''}`
}

function withNode(id: string, by: Partial<NodeRecord>): ReadonlyMap<string, NodeRecord> {
  const { nodes } = facts()
  return new Map(nodes).set(id, { ...nodes.get(id)!, ...by })
}

const config = { voters: ['n1', 'n2', 'n3'], observers: ['n4', 'n5'] }

describe('the vote of a voter that stays dead', () => {
  test.each<[string, Partial<ReplacementFacts>, string]>([
    ['goes to an observer', {}, 'n4 for n3: n1 n2 n4 + n5 n3'],
    ['not before its time', { wall: failedAt + 10 * minute - 1 }, 'nothing'],
    ['a little before it died, as clocks differ: not yet', { wall: failedAt - minute }, 'nothing'],
    [
      'long before it died, by a clock that was wrong: no wait of hours for that',
      { wall: failedAt - 10 * minute },
      'n4 for n3: n1 n2 n4 + n5 n3',
    ],
    [
      'nor for one that moved long after now',
      { last: { id: 'n2', by: 'n9', seq: 1, time: failedAt + 600 * minute } },
      'n4 for n3: n1 n2 n4 + n5 n3',
    ],
    ['not when it is switched off', { after: undefined }, 'nothing'],
    ['not while voters change', { config: undefined }, 'nothing'],
    ['not without an observer', { config: { ...config, observers: [] } }, 'nothing'],
    ['not while it answers', { reachable: new Set(['n1', 'n2', 'n3', 'n4']) }, 'nothing'],
    ['not without a quorum', { reachable: new Set(['n1', 'n4', 'n5']) }, 'nothing'],
    [
      'not to one that is silent',
      { reachable: new Set(['n1', 'n2', 'n5']) },
      'n5 for n3: n1 n2 n5 + n4 n3',
    ],
    [
      'not to one that is behind',
      { caughtUp: new Set(['n1', 'n2', 'n5']) },
      'n5 for n3: n1 n2 n5 + n4 n3',
    ],
    [
      'not to one that drains',
      { nodes: withNode('n4', { phase: 'draining' }) },
      'n5 for n3: n1 n2 n5 + n4 n3',
    ],
    [
      'rather stays in its datacenter',
      { nodes: withNode('n4', { dc: 'far' }) },
      'n5 for n3: n1 n2 n5 + n4 n3',
    ],
    ['not when it leaves anyway', { nodes: withNode('n3', { phase: 'leaving' }) }, 'nothing'],
    [
      'also when a drain hides that it is dead',
      { nodes: withNode('n3', { phase: 'drained', before: 'failed', failedAt }) },
      'n4 for n3: n1 n2 n4 + n5 n3',
    ],
    [
      'not when it only rests',
      { nodes: nodesOf(...[...facts().nodes.values()].map(n => node(n.id, { id: n.id }))) },
      'nothing',
    ],
  ])('%s', (_, more, text) => expect(told(more)).toBe(text))

  test('is moved as agreed, by whoever leads then', () => {
    const last = { id: 'n3', by: 'n5', seq: 9, time: failedAt + 10 * minute }
    expect(told({ last })).toBe('n5 for n3: n1 n2 n5 + n4 n3, as agreed')
  })

  test('is not moved on a decision about an earlier death', () => {
    const last = { id: 'n3', by: 'n5', seq: 9, time: failedAt - 30 * minute }
    expect(told({ last })).toBe('n4 for n3: n1 n2 n4 + n5 n3')
  })

  test('moves once in its time, whoever dies next', () => {
    const last = { id: 'n2', by: 'n1', seq: 9, time: failedAt + 5 * minute }
    expect(told({ last })).toBe('nothing')
    expect(told({ last, wall: failedAt + 15 * minute })).toBe('n4 for n3: n1 n2 n4 + n5 n3')
  })

  test('waits when the heir that was agreed on is gone, and then looks for another', () => {
    const last = { id: 'n3', by: 'n4', seq: 9, time: failedAt + 10 * minute }
    const reachable = new Set(['n1', 'n2', 'n5'])
    expect(told({ last, reachable })).toBe('nothing')
    expect(told({ last, reachable, wall: failedAt + 20 * minute })).toBe(
      'n5 for n3: n1 n2 n5 + n4 n3',
    )
  })

  test('of two, the one that is dead longer goes first', () => {
    const nodes = withNode('n2', { phase: 'failed', failedAt: failedAt - 1 })
    const voters = ['n0', 'n1', 'n2', 'n3', 'n6']
    const reachable = new Set(['n0', 'n1', 'n6', 'n4', 'n5'])
    expect(told({ nodes, reachable, config: { voters, observers: ['n4', 'n5'] } })).toBe(
      'n4 for n2: n0 n1 n3 n6 n4 + n5 n2',
    )
  })
})
