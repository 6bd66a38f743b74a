import { expect, test } from 'vitest'
import { World } from './world.ts'

/** A process whose disk is slow to close lives on for a moment; the agent in it does not. */
test('an agent that is told to stop decides nothing more', async () => {
  const world = new World(21)
  await world.cluster3()
  const { cluster } = world.facts('n1')
  const { tag, name: clusterName, epoch } = cluster!
  const newer = { tag, clusterName, epoch: epoch + 1, metaVersion: 99, lineage: 7 }
  const { id, name } = world.facts('n1')
  const knock = await world.knock('n3', { id, name, allegiance: newer })
  expect(knock).toMatchObject({ failure: { code: 'EPOCH_MISMATCH' } })
  const { life, agent } = world.node('n3').process!
  let stopped = false
  world.simulation.enter(life, () =>
    agent.stop(() => {
      stopped = true
    }),
  )
  await world.until('it has stopped', () => stopped)
  const before = world.node('n3').disk.facts
  await world.run(60_000)
  expect(world.node('n3').disk.facts).toBe(before)
  expect(world.facts('n3').returning).toBeUndefined()
})

/** Stops it as a signal would; how long that took, and why somebody else led then. */
async function stopLeader(world: World): Promise<{ took: number; cause: unknown; next: string }> {
  const { leader } = (await world.status('n1')).cluster
  const { life, agent } = world.node(leader!).process!
  const began = world.simulation.now
  let stopped = false
  world.simulation.enter(life, () =>
    agent.stop(() => {
      stopped = true
    }),
  )
  await world.until('it has stopped', () => stopped)
  const took = world.simulation.now - began
  world.kill(leader!)
  const witness = leader === 'n1' ? 'n2' : 'n1'
  const { cluster } = await world.sees(
    witness,
    'another leads',
    ({ cluster }) => cluster.leader !== null && cluster.leader !== leader,
  )
  const { events } = await world.ask(witness, backend =>
    backend.log({ from: 0, limit: 100, type: 'LeaderElected', wait: 0 }),
  )
  const { cause } = events.at(-1)!.data as { cause: unknown }
  return { took, cause, next: cluster.leader! }
}

test('a leader that is told to stop hands over first', async () => {
  const world = new World(22)
  await world.cluster3()
  const { took, cause } = await stopLeader(world)
  expect(cause).toBe('transfer')
  expect(took).toBeLessThan(1_000)
})

test('one that nobody can take over from stops all the same', async () => {
  const world = new World(23)
  await world.cluster3()
  const leader = (await world.status('n1')).cluster.leader!
  const others = ['n1', 'n2', 'n3'].filter(name => name !== leader)
  world.split([leader], others)
  const { life, agent } = world.node(leader).process!
  let stopped = false
  world.simulation.enter(life, () =>
    agent.stop(() => {
      stopped = true
    }),
  )
  await world.until('it has stopped', () => stopped, 4_000)
})

test('a node whose control nodes are gone says where it looks for them', async () => {
  const world = new World(24)
  await world.cluster3(['n4'])
  world.kill('n1', 'n2', 'n3', 'n4')
  await world.run(5_000)
  world.start('n4')
  const { notices } = await world.sees('n4', 'that nobody answers', ({ notices }) =>
    notices.some(text => text.includes('answers where this node last knew them')),
  )
  const silent = notices.filter(text => text.includes('does not answer'))
  expect(silent.length).toBeGreaterThanOrEqual(3)
  world.start('n1', 'n2', 'n3')
  await world.sees('n4', 'its cluster', r => r.cluster.leader !== null && r.notices.length === 0)
})
