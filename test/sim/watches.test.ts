import { expect, test } from 'vitest'
import type { Backend } from '../../src/api/types.ts'
import { maxRequests } from '../../src/net/limits.ts'
import { World } from './world.ts'

type HeldRead = Awaited<ReturnType<typeof stage>>['query']

async function stage(seed: number) {
  const world = new World(seed)
  await world.cluster3()
  const { index } = await world.put('n1', 'a', '1')
  const { leader } = (await world.status('n1')).cluster
  const query = { key: 'a', recurse: false, consistency: 'default', index } as const
  return { world, leader: leader!, other: ['n1', 'n2'].find(n => n !== leader)!, query }
}

test('a held read of somebody who went away ends at once', async () => {
  const { world, leader, query } = await stage(11)
  const gone = new AbortController()
  const began = world.simulation.now
  let ended = false
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

/** As many as the leader will have of one node, and all of them given up. */
async function flood(world: World, name: string, ask: (b: Backend, s: AbortSignal) => unknown) {
  const { life, agent } = world.node(name).process!
  const gone = new AbortController()
  world.simulation.enter(life, () => {
    for (let i = 0; i < maxRequests; i++) {
      Promise.resolve(ask(agent.backend, gone.signal)).catch(() => {})
    }
  })
  await world.run(500)
  world.simulation.enter(life, () => gone.abort())
  await world.run(500)
}

test.each([
  [
    'reads',
    (b: Backend, query: HeldRead, signal: AbortSignal) =>
      b.kvRead({ ...query, wait: 600_000, signal }),
  ],
  [
    'looks at the log',
    (b: Backend, _: HeldRead, signal: AbortSignal) =>
      b.log({ from: 1e6, limit: 1, wait: 60_000, signal }),
  ],
])('%s that another node has held for somebody who went away are let go', async (_, ask) => {
  const { world, leader, other, query } = await stage(12)
  await flood(world, other, (b, signal) => ask(b, query, signal))
  const began = world.simulation.now
  await world.put(other, 'b', '1')
  expect(world.simulation.now - began).toBeLessThan(1_000)
  expect(await world.get(leader, 'b')).toBe('1')
})

test('a node that starts again is not kept waiting by what its last life had asked for', async () => {
  const { world, other, query } = await stage(13)
  const { life, agent } = world.node(other).process!
  world.simulation.enter(life, () => {
    for (let i = 0; i < maxRequests; i++)
      agent.backend.kvRead({ ...query, wait: 600_000 }).catch(() => {})
  })
  await world.run(500)
  world.kill(other)
  await world.run(2_000)
  world.start(other)
  await world.states(other, { n1: 'ready', n2: 'ready', n3: 'ready' })
  await world.put(other, 'b', '1')
})
