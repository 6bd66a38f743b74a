import { expect, test } from 'vitest'
import { Rings } from '../../src/base/rings.ts'
import { Crowd } from './crowd.ts'
import { World } from './world.ts'

const size = 10_000
const slice = 64
const agents = ['n1', 'n2', 'n3', 'n4', 'n5']

test('a node with a slice of 64 in a cluster of ten thousand works fully', async () => {
  const world = new World(1)
  await world.cluster3(agents.slice(3))
  const leader = (await world.status('n4')).cluster.leader!
  const crowd = new Crowd(world, size - agents.length)
  await crowd.enter(leader)
  const own = () => world.node('n4').process!.agent.swimMembers()
  const kept = () => own().map(m => m.id)
  const everybody = world.node(leader).process!.agent.state!.nodes
  const self = [...everybody.values()].find(n => n.name === 'n4')!.id
  const right = new Rings(everybody.keys()).neighbours(self, slice)
  await world.until('n4 keeps its slice', () => right.every(id => kept().includes(id)))
  await world.run(2_000)

  // The status is the authority's, of all; what is the node's own view is marked, and that is its slice.
  const seen = await world.sees('n4', 'everybody', r => r.nodes.length === size)
  expect(seen.stale).toBe(false)
  expect(seen.nodes.every(n => n.state === 'ready')).toBe(true)
  expect(kept().length).toBeLessThanOrEqual(2 * slice + 3)
  expect(new Set(seen.watches)).toEqual(new Set([self, ...kept()]))

  // Of whom it keeps it says itself that it does not answer, before anybody else does.
  const near = crowd.ids.find(id => kept().includes(id))!
  crowd.silence(near)
  const lost = await world.sees('n4', 'that one is silent', r =>
    r.nodes.some(n => n.id === near && n.state === 'unreachable'),
  )
  expect(lost.nodes.find(n => n.id === near)!.accusers).toContain('n4')
  expect(lost.nodes.filter(n => n.state !== 'ready').map(n => n.id)).toEqual([near])

  // What it does not keep it can use all the same.
  const far = crowd.ids.find(id => !kept().includes(id))!
  const why = await world.ask('n4', b => b.why({ about: 'node', name: crowd.nameOf(far) }))
  expect(why.conclusion).toContain('is ready')
  await world.put('n4', 'colour', 'blue')
  expect(await world.get('n5', 'colour')).toBe('blue')
  const order = { cancel: false, force: false, dryRun: false, deadline: null, reason: '' }
  const drain = { ...order, node: crowd.nameOf(far), actor: 'test' }
  expect((await world.ask('n4', b => b.drain(drain))).verdict?.allowed).toBe(true)
  await world.sees('n5', 'that a far node is drained', r =>
    r.nodes.some(n => n.id === far && n.state.startsWith('drain')),
  )

  // Without anybody who knows all, it says so and shows what it sees itself.
  world.kill('n1', 'n2', 'n3')
  const alone = await world.sees('n4', 'that nobody answers', r => r.stale && r.nodes.length < size)
  expect(alone.nodes.length).toBeLessThanOrEqual(2 * slice + 4)
}, 300_000)
