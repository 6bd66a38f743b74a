import { expect, test } from 'vitest'
import { eventsVersion, ungatedEvents } from '../../src/state/events.ts'
import { World } from './world.ts'

/** Nodes that read older events than others: what is new waits for the last of them. */

function staged(old: Set<string>, seed = 11) {
  return new World(seed, name => (old.has(name) ? { eventsRead: ungatedEvents } : {}))
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

test('an older one that is asked in before newer events are agreed is not taken behind them', async () => {
  const old = new Set(['n3', 'n4'])
  const world = staged(old)
  await world.cluster3(['n4'])
  world.kill('n3')
  const leader = () =>
    ['n1', 'n2'].find(name => world.node(name).process?.agent.raftStatus()?.rank === 'leader')
  await world.until('a leader', () => leader() !== undefined)
  // n4 says yes, but that takes its time: the last of the others is upgraded meanwhile.
  const { network } = world.cluster
  const late = network.path(world.node('n4').machine, world.node(leader()!).machine)
  late.delay = 4_000
  const promoted = world.ask(leader()!, b =>
    b.promote({ node: 'n4', observer: true, force: false, actor: 'operator' }),
  )
  const refused = expect(promoted).rejects.toMatchObject({ code: 'VERSION_MISMATCH' })
  old.delete('n3')
  world.start('n3')
  await refused
  expect(await upgrades(world)).toEqual([{ events: eventsVersion }])
  late.delay = 0
  world.kill('n4')
  old.delete('n4')
  world.start('n4')
  await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  const { observers } = await world.ask('n1', b =>
    b.promote({ node: 'n4', observer: true, force: false, actor: 'operator' }),
  )
  expect(observers).toEqual(['n4'])
})

test('who follows one that was put back to an older hive hears the news from another', async () => {
  const old = new Set(['n2'])
  const world = staged(old, 13)
  await world.cluster3(['n4'])
  world.kill('n3')
  await world.run(5_000)
  world.kill('n2')
  old.delete('n2')
  await world.run(3_000)
  world.start('n2')
  await world.run(10_000)
  expect(await upgrades(world)).toEqual([{ events: eventsVersion }])
  old.add('n3')
  world.start('n3')
  await world.sees('n3', 'that it cannot read it', r =>
    r.notices.some(n => n.includes('stopped at event')),
  )
  await world.ask('n1', b =>
    b.changeSettings({ settings: { 'join-approval': 'yes' }, actor: 'operator' }),
  )
  await world.run(8_000)
  const settings = await world.ask('n4', b => b.settings())
  expect(settings.find(s => s.name === 'join-approval')?.value).toBe('yes')
})
