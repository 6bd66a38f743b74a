import { expect, test } from 'vitest'
import { eventsVersion, ungatedEvents } from '../../src/state/events.ts'
import { World } from './world.ts'

/** Nodes that read older events than others: what is new waits for the last of them. */

function staged(old: Set<string>) {
  return new World(11, name => (old.has(name) ? { eventsRead: ungatedEvents } : {}))
}

const upgrades = async (world: World) => {
  const { events } = await world.ask('n1', b => b.log({ from: 0, limit: 1000 }))
  return events.filter(e => e.type === 'ClusterUpgraded').map(e => e.data)
}

test('one that is older at the init holds all back, until it is upgraded', async () => {
  const old = new Set(['n2', 'n3'])
  const world = staged(old)
  await world.cluster3()
  const ready = { n1: 'ready', n2: 'ready', n3: 'ready' } as const
  for (const last of ['n2', 'n3']) {
    await world.run(10_000)
    expect(await upgrades(world)).toEqual([])
    world.kill(last)
    await world.run(2_000)
    expect((await world.put('n1', 'k', last)).ok).toBe(true)
    old.delete(last)
    world.start(last)
    await world.states('n1', ready)
  }
  await world.run(10_000)
  expect(await upgrades(world)).toEqual([{ events: eventsVersion }])
  expect(await world.get('n1', 'k')).toBe('n3')
})

test('a cluster that is new from the first event needs no other', async () => {
  const world = staged(new Set())
  await world.cluster3()
  await world.run(10_000)
  expect(await upgrades(world)).toEqual([])
  const { events } = await world.ask('n1', b => b.log({ from: 0, limit: 10 }))
  expect(events.find(e => e.type === 'ClusterInitialised')?.data).toMatchObject({
    events: eventsVersion,
  })
})

test('an older one that is relieved of the log holds nobody back, and goes on without it', async () => {
  const world = staged(new Set(['n3']))
  await world.cluster3()
  await world.ask('n1', b => b.demote({ node: 'n3', force: true, actor: 'operator' }))
  await world.run(10_000)
  expect(await upgrades(world)).toEqual([{ events: eventsVersion }])
  await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready' })
  expect((await world.put('n3', 'k', 'of an older one')).ok).toBe(true)
  expect(await world.get('n3', 'k')).toBe('of an older one')
  await expect(
    world.ask('n1', b =>
      b.promote({ node: 'n3', observer: false, force: false, actor: 'operator' }),
    ),
  ).rejects.toMatchObject({ code: 'VERSION_MISMATCH' })
})
