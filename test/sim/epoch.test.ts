import { describe, expect, test } from 'vitest'
import { World } from './world.ts'

/** A node that was away while deletions were forgotten must not bring them back (design §2, epoch). */

async function shorten(world: World, at = 'n1', grace = '2s'): Promise<void> {
  await world.ask(at, b =>
    b.changeSettings({ settings: { 'tombstone-grace': grace }, actor: 'test' }),
  )
}

function leave(world: World, at: string, node: string) {
  return world.ask(at, backend => backend.leave({ node, force: true, actor: 'test' }))
}

const epochOf = async (world: World, at: string) => (await world.status(at)).cluster.epoch

async function events(world: World, at: string): Promise<string[]> {
  const page = await world.ask(at, backend => backend.log({ from: 0, limit: 500 }))
  return page.events.map(e => e.type)
}

describe('while tombstones are collected', () => {
  test('those who are there go on, without a new start, and the epoch rises for all', async () => {
    const world = new World()
    await world.cluster3(['n4', 'n5'])
    await shorten(world)
    world.kill('n5')
    await leave(world, 'n1', 'n5')
    expect(await epochOf(world, 'n1')).toBe(1)
    const ready = { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' } as const
    for (const node of ['n1', 'n2', 'n3', 'n4']) {
      await world.sees(node, 'epoch 2', ({ cluster }) => cluster.epoch === 2)
      await world.until(`${node} notes it`, () => world.facts(node).cluster?.epoch === 2)
      await world.states(node, ready)
      expect(world.node(node).disk.aside.size).toBe(0)
    }
    expect(await events(world, 'n4')).toContain('TombstonesCollected')
  })

  test('nothing is forgotten before its time, and nothing twice', async () => {
    const world = new World()
    await world.cluster3(['n4'])
    await shorten(world, 'n1', '1m')
    await leave(world, 'n1', 'n4')
    await world.run(50_000)
    expect(await epochOf(world, 'n1')).toBe(1)
    await world.run(20_000)
    expect(await epochOf(world, 'n1')).toBe(2)
    await world.run(120_000)
    expect(await epochOf(world, 'n1')).toBe(2)
  })

  test('a restart or a short absence needs no new start', async () => {
    const world = new World()
    await world.cluster3(['n4', 'n5'])
    await shorten(world, 'n1', '100s')
    await leave(world, 'n1', 'n5')
    // It has heard of that, and noted on disk how far it has heard; it is away when it is forgotten.
    await world.run(65_000)
    world.kill('n4')
    await world.sees('n1', 'epoch 2', ({ cluster }) => cluster.epoch === 2)
    world.start('n4')
    await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    expect(world.node('n4').disk.aside.size).toBe(0)
    expect(world.facts('n4').cluster).toMatchObject({ epoch: 2 })
  })
})

describe('away over a collection', () => {
  /** n3 (a voter), n4 and n5 are away; n5 is removed meanwhile, and so are keys and a role of n4. */
  async function deleteMuch(world: World, gone: readonly string[]): Promise<void> {
    await world.cluster3(['n4', 'n5'])
    await shorten(world)
    await world.put('n1', 'old/key', 'x')
    await world.put('n1', 'kept', 'y')
    await world.ask('n1', b => b.assignRoles({ node: 'n4', roles: ['host'], actor: 'test' }))
    await world.run(3_000)
    world.kill(...gone)
    await world.ask('n1', b => b.kvDelete({ key: 'old/', recurse: true, actor: 'test' }))
    await world.ask('n1', b => b.unassignRoles({ node: 'n4', roles: ['host'], actor: 'test' }))
    await leave(world, 'n1', 'n5')
    await world.sees('n1', 'epoch 2', ({ cluster }) => cluster.epoch === 2)
    await world.run(5_000)
  }

  async function nothingCameBack(world: World, through: string): Promise<void> {
    expect(await world.get(through, 'old/key')).toBeNull()
    expect(await world.get(through, 'kept')).toBe('y')
    const { nodes, cluster } = await world.status(through)
    expect(nodes.map(n => n.name)).toEqual(['n1', 'n2', 'n3', 'n4'])
    expect(nodes.find(n => n.name === 'n4')?.roles).toEqual([])
    expect(cluster.epoch).toBe(2)
  }

  test('a node that follows sets its old state aside and is itself again', async () => {
    const world = new World()
    await deleteMuch(world, ['n4', 'n5'])
    const { id } = world.facts('n4')
    world.start('n4')
    await world.sees('n1', 'whom it refused', ({ notices }) =>
      notices.some(n => /refused n4 at .*EPOCH_MISMATCH.*epoch 1, up to event/.test(n)),
    )
    const all = { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' } as const
    await world.states('n4', all)
    await world.states('n1', all)
    expect(world.facts('n4')).toMatchObject({ id, name: 'n4', cluster: { epoch: 2 } })
    expect(world.facts('n4')).not.toHaveProperty('returning')
    expect(world.node('n4').disk.aside.get('epoch-1')?.facts).toMatchObject({
      id,
      cluster: { epoch: 1 },
    })
    const told = (await events(world, 'n1')).filter(type => type === 'NodeAdmitted')
    expect(told.length).toBe(2)
    for (const node of ['n1', 'n4']) await nothingCameBack(world, node)
    expect((await world.status('n1')).notices).toEqual([])
  })

  test('a node that was removed meanwhile stays out', async () => {
    const world = new World()
    await deleteMuch(world, ['n4', 'n5'])
    world.start('n5')
    await world.until('n5 knows', () => world.facts('n5').left === true)
    await world.run(20_000)
    world.start('n4')
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    await nothingCameBack(world, 'n4')
    const { notices, cluster } = await world.status('n5')
    expect(cluster.state).toBe('zombie')
    expect(notices.join()).toMatch(/left its cluster/)
  })

  test('a voter catches up from log or snapshot, and cannot lead before', async () => {
    const world = new World()
    await deleteMuch(world, ['n3', 'n4', 'n5'])
    world.start('n3')
    await world.states('n3', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
    // The two that know go down one after the other: what n3 knew must not win.
    world.kill('n1')
    await world.sees('n3', 'a leader', ({ cluster }) => cluster.leader !== null && !!cluster.state)
    world.start('n1', 'n4')
    await world.states('n3', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    for (const node of ['n1', 'n2', 'n3', 'n4']) await nothingCameBack(world, node)
    expect(await world.get('n3', 'old/key', 'stale')).toBeNull()
  })

  test('two old nodes meet first: alone they bring nothing about, and both come home', async () => {
    const world = new World()
    await deleteMuch(world, ['n3', 'n4', 'n5'])
    world.split(['n1', 'n2'], ['n3', 'n4', 'n5'])
    world.start('n3', 'n4', 'n5')
    await world.run(20_000)
    const lone = await world.status('n4')
    expect(lone.cluster.state).toBe('degraded')
    world.heal()
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    await world.until('n5 is out', () => world.facts('n5').left === true)
    // A link to a voter that was as old as itself is no way around the refusal.
    expect([...world.node('n4').disk.aside.keys()]).toEqual(['epoch-1'])
    for (const node of ['n1', 'n3', 'n4']) await nothingCameBack(world, node)
  })
})
