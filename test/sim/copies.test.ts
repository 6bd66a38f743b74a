import { expect, test } from 'vitest'
import { World } from './world.ts'

/**
 * A machine that was copied with its data directory: two processes with one identity. One of them is the node and
 * stays it; the other is kept out, and an operator reads on both sides what to do.
 */

const secret = 'the-secret-of-this-cluster-0123456789-0123456'

/** Another machine with the disk of that node, as it is while nobody writes. */
function copy(world: World, name: string, as: string): void {
  const { disk } = world.node(name)
  const node = world.cluster.addNode(as, { join: ['n1', 'n2'] })
  node.disk.facts = disk.facts
  node.disk.identity = disk.identity
  if (disk.group) node.disk.group = structuredClone(disk.group)
}

async function copied(world: World, name: string): Promise<void> {
  await world.cluster3(['n4'])
  await world.run(10_000)
  world.kill(name)
  copy(world, name, 'copy')
  world.start(name)
  await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  await world.sees('n1', 'everybody', r => r.cluster.quorum.reachable === 3)
  world.start('copy')
}

test.each([
  ['n4', undefined],
  ['n4', secret],
  ['n3', undefined],
  ['n3', secret],
] as const)('of %s, secret %s: is kept out, and it is said', async (name, shared) => {
  const world = new World(name === 'n4' ? 5 : 6)
  world.cluster.secret = shared
  await copied(world, name)
  const log = async () => (await world.ask('n1', b => b.log({ from: 1, limit: 1000 }))).events
  await world.run(10_000)
  const before = (await log()).length
  await world.run(120_000)
  expect((await log()).slice(before).map(e => e.type)).toEqual([])
  const address = world.node(name).machine.ip
  await world.sees('n1', 'the copy', r =>
    r.notices.some(n => n.includes('DUPLICATE_NODE') && n.includes('hive reset')),
  )
  const { nodes } = await world.status('n1')
  expect(nodes.find(n => n.name === name)).toMatchObject({ state: 'ready' })
  expect(nodes.find(n => n.name === name)!.address).toContain(address)
  await world.sees('copy', 'that it is one', r => r.notices.some(n => n.includes('DUPLICATE_NODE')))
  await world.put(name, 'still', 'works')
})

test('takes the place of the node as soon as that is gone: a machine may move', async () => {
  const world = new World(7)
  await copied(world, 'n4')
  await world.sees('copy', 'that it is one', r => r.notices.some(n => n.includes('DUPLICATE_NODE')))
  world.kill('n4')
  const at = world.node('copy').machine.ip
  await world.sees('n1', 'it at the other machine', r =>
    r.nodes.some(n => n.name === 'n4' && n.address.includes(at) && n.state === 'ready'),
  )
})
