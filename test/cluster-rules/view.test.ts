import { describe, expect, test } from 'vitest'
import { type ViewSource, viewFor } from '../../src/cluster/view.ts'
import { node, nodesOf } from './nodes.ts'

const sliceSize = 64

const source = (change: Partial<ViewSource>): ViewSource => ({
  cluster: { tag: 't', name: 'prod', settings: {} } as never,
  nodes: nodesOf(),
  voters: [],
  observers: [],
  version: 7,
  needs: () => [],
  ...change,
})

/** As many as asked for, by ids in order. */
const many = (count: number) =>
  nodesOf(
    ...Array.from({ length: count }, (_, i) => {
      const name = String(i).padStart(4, '0')
      return node(name, { id: name })
    }),
  )

test('before the init there is nothing to see', () => {
  expect(viewFor(source({ cluster: null }), 'id-a', null)).toBeUndefined()
})

test('control nodes are voters and observers, as far as they are nodes', () => {
  const nodes = nodesOf(node('a'), node('b'), node('c'))
  const view = viewFor(
    source({ nodes, voters: ['id-a', 'gone'], observers: ['id-c'] }),
    'id-b',
    'id-a',
  )!
  expect(view.control.map(c => c.name)).toEqual(['a', 'c'])
  expect(view.self?.name).toBe('b')
  expect(view).toMatchObject({ version: 7, leader: 'id-a', voters: ['id-a', 'gone'] })
})

test('who was admitted a moment ago has a view of that moment, whatever the accounts say', () => {
  const nodes = nodesOf(node('a'), node('b', { changedAt: 9 }))
  const slices = { of: () => [], version: () => 7 }
  expect(viewFor(source({ nodes, slices }), 'id-b', null)?.version).toBe(9)
  expect(viewFor(source({ nodes, slices }), 'id-a', null)?.version).toBe(7)
})

test('who is not in the logical topology sees that', () => {
  expect(viewFor(source({ nodes: many(3) }), 'stranger', null)!.self).toBeNull()
})

describe('the slice', () => {
  test.each([1, 2, sliceSize, sliceSize + 1])('of %i nodes is everybody else', count => {
    const { members } = viewFor(source({ nodes: many(count) }), '0000', null)!
    expect(members).toHaveLength(count - 1)
    expect(members.map(m => m.id)).not.toContain('0000')
  })

  test.each(['0000', '0001', '0100', '0198', '0199', 'zzzz', '!'])(
    'of 200 nodes for %s is bounded, without itself, and without anybody twice',
    id => {
      const ids = viewFor(source({ nodes: many(200) }), id, null)!.members.map(m => m.id)
      expect(ids).toHaveLength(sliceSize)
      expect(new Set(ids).size).toBe(sliceSize)
      expect(ids).not.toContain(id)
    },
  )

  test('is mutual, but for a few: whoever sees me, I see', () => {
    const nodes = many(200)
    const sees = new Map(
      [...nodes.keys()].map(id => [
        id,
        new Set(viewFor(source({ nodes }), id, null)!.members.map(m => m.id)),
      ]),
    )
    let mutual = 0
    for (const [id, seen] of sees) for (const other of seen) if (sees.get(other)!.has(id)) mutual++
    expect(mutual / (200 * sliceSize)).toBeGreaterThan(0.9)
  })
})

test('peers are some ready nodes of each role that is needed, never oneself', () => {
  const roles = (name: string) => [{ name, state: 'running', detail: '' }] as never
  const nodes = nodesOf(
    node('me', { roles: roles('dns') }),
    ...Array.from({ length: 12 }, (_, i) => node(`h${i}`, { roles: roles('host') })),
    node('down', { roles: roles('host'), phase: 'failed' }),
  )
  const { peers } = viewFor(
    source({ nodes, needs: r => (r === 'dns' ? ['host', 'dns'] : []) }),
    'id-me',
    null,
  )!
  expect(peers).toHaveLength(8)
  expect(peers[0]).toEqual({ role: 'host', id: 'id-h0', name: 'h0', address: '10.0.0.1:4483' })
})
