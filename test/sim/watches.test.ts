import { expect, test } from 'vitest'
import { World } from './world.ts'

test('a held read of somebody who went away ends at once', async () => {
  const world = new World(11)
  await world.cluster3()
  await world.put('n1', 'a', '1')
  const leader = world.cluster
    .running()
    .find(n => n.process!.agent.raftStatus()?.rank === 'leader')!.name
  const gone = new AbortController()
  const began = world.simulation.now
  let ended = false
  const query = { key: 'a', recurse: false, consistency: 'default', index: 1_000_000 } as const
  const read = world
    .ask(leader, backend => backend.kvRead({ ...query, wait: 60_000, signal: gone.signal }))
    .then(() => {
      ended = true
    })
  world.simulation.after(2_000, () => {
    expect(ended).toBe(false)
    gone.abort()
  })
  await read
  expect(world.simulation.now - began).toBeLessThan(10_000)
})
