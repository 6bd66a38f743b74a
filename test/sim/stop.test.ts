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
