import { expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { Slices } from '../../src/cluster/slices.ts'
import type { NodeRecord } from '../../src/state/types.ts'
import { node, nodesOf } from './nodes.ts'

const size = 8

const many = (count: number) =>
  new Map(
    Array.from({ length: count }, (_, i) => node(`n${i}`, { id: `n${i}` })).map(n => [n.id, n]),
  )

function learnt(nodes: ReadonlyMap<string, NodeRecord>, index = 1): Slices {
  const slices = new Slices()
  slices.learn(nodes, size, index, 'all')
  return slices
}

test('a cluster no larger than a slice is everybody, and every event concerns all', () => {
  const nodes = many(size + 1)
  const slices = learnt(nodes)
  expect(slices.of('n0').toSorted()).toEqual([...nodes.keys()].filter(id => id !== 'n0').toSorted())
  nodes.set('n3', { ...nodes.get('n3')!, phase: 'draining' })
  slices.learn(nodes, size, 2, 'nodes')
  expect([...nodes.keys()].map(id => slices.version(id))).toEqual(Array(size + 1).fill(2))
})

test('an event about one node concerns itself and those who keep it', () => {
  const nodes = many(100)
  const slices = learnt(nodes)
  nodes.set('n3', { ...nodes.get('n3')!, incarnation: 9 })
  slices.learn(nodes, size, 2, 'nodes')
  const concerned = [...nodes.keys()].filter(id => slices.version(id) === 2)
  expect(concerned).toEqual(expect.arrayContaining(['n3', ...slices.of('n3')]))
  expect(concerned.length).toBeLessThanOrEqual(2 * size + 17)
})

test('what neighbours need not know concerns the node alone', () => {
  const nodes = many(100)
  const slices = learnt(nodes)
  nodes.set('n3', { ...nodes.get('n3')!, phase: 'draining' })
  slices.learn(nodes, size, 2, 'nodes')
  expect([...nodes.keys()].filter(id => slices.version(id) === 2)).toEqual(['n3'])
})

test('an event about the cluster concerns all', () => {
  const nodes = many(100)
  const slices = learnt(nodes)
  slices.learn(nodes, size, 2, 'all')
  expect(slices.version('n50')).toBe(2)
})

test('whose slice changes is told, and the failed are named to those who kept them', () => {
  const random = seeded(4)
  const nodes = many(60)
  const slices = learnt(nodes)
  let index = 1
  for (let turn = 0; turn < 300; turn++) {
    const before = new Map([...nodes.keys()].map(id => [id, new Set(slices.of(id))]))
    const id = `n${random.below(80)}`
    const was = nodes.get(id)
    if (!was) nodes.set(id, node(id, { id }))
    else if (random.below(3) === 0) nodes.delete(id)
    else nodes.set(id, { ...was, phase: was.phase === 'failed' ? 'ready' : 'failed' })
    slices.learn(nodes, size, ++index, 'nodes')
    for (const [other, old] of before) {
      // Who has failed is told when it is back.
      if ((nodes.get(other)?.phase ?? 'failed') === 'failed') continue
      const lost = [...old].filter(x => !slices.of(other).includes(x) && !nodes.has(x))
      if (lost.length > 0) expect(slices.version(other), `${other} kept ${lost}`).toBe(index)
    }
    const now = nodes.get(id)
    if (now?.phase === 'failed' && was?.phase === 'ready') {
      const keepers = [...before].filter(
        ([x, old]) => old.has(id) && nodes.get(x)!.phase !== 'failed',
      )
      expect(keepers.length).toBeGreaterThan(size / 2)
      for (const [keeper] of keepers) {
        expect(slices.of(keeper)).toContain(id)
        expect(slices.version(keeper)).toBe(index)
      }
    }
  }
  expect(slices.of('n1').filter(id => nodes.get(id)?.phase !== 'failed')).toHaveLength(size)
})

test('records that are new or other are answered, once', () => {
  const nodes = nodesOf(node('a'), node('b'))
  const slices = new Slices()
  expect(slices.learn(nodes, size, 1, 'all').map(n => n.name)).toEqual(['a', 'b'])
  expect(slices.learn(nodes, size, 2, 'all')).toEqual([])
})
