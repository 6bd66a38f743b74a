import { describe, expect, test } from 'vitest'
import { World } from './world.ts'

/** A control node dies for good, and nobody is awake. */

async function stage(seed = 1, after = '5s'): Promise<World> {
  const world = new World(seed)
  await world.cluster3(['n4', 'n5'])
  await world.ask('n1', b =>
    b.changeSettings({ settings: { 'voter-replacement-after': after }, actor: 'ann@h1' }),
  )
  return world
}

function observe(world: World, node: string) {
  return world.ask('n1', b => b.promote({ node, observer: true, force: false, actor: 'ann@h1' }))
}

async function events(world: World, at: string, type: string) {
  const { events: all } = await world.ask(at, b => b.log({ from: 0, limit: 1000 }))
  return all.filter(e => e.type === type)
}

async function voters(world: World, at: string): Promise<readonly string[]> {
  const { nodes } = await world.status(at)
  return nodes.filter(n => n.control === 'voter' || n.control === 'leader').map(n => n.name)
}

const control = (wanted: string) => (report: Awaited<ReturnType<World['status']>>) =>
  report.nodes
    .filter(n => n.control === 'voter' || n.control === 'leader')
    .map(n => n.name)
    .join(' ') === wanted

describe('a dead voter', () => {
  test('gives its vote to an observer, in one change, and the log says so', async () => {
    const world = await stage()
    await observe(world, 'n4')
    world.kill('n3')
    const report = await world.sees('n1', 'n4 voting', control('n1 n2 n4'))
    expect(report.nodes.find(n => n.name === 'n3')).toMatchObject({
      control: 'observer',
      state: 'failed',
    })
    expect(report.cluster.quorum).toMatchObject({ voters: 3, reachable: 3 })
    const [event, ...more] = await events(world, 'n2', 'VoterReplacing')
    expect(more).toEqual([])
    expect(event).toMatchObject({
      actor: expect.stringMatching(/^leader:n\d$/),
      data: { id: world.facts('n3').id, by: world.facts('n4').id, reason: 'failed for 5s' },
    })
    const changes = await events(world, 'n2', 'VotersChanged')
    expect(changes.filter(e => e.seq > event!.seq)).toHaveLength(1)
    // Another one may die now.
    const { cluster } = report
    const other = cluster.leader === 'n1' ? 'n2' : 'n1'
    world.kill(other)
    await world.put('n4', 'still', 'here')
  })

  test('that comes back observes, is told so, and can have its vote back', async () => {
    const world = await stage(2)
    await observe(world, 'n4')
    await world.put('n1', 'a', '1')
    world.kill('n3')
    await world.sees('n1', 'n4 voting', control('n1 n2 n4'))
    world.start('n3')
    const report = await world.sees('n3', 'its place', r =>
      r.nodes.some(n => n.name === 'n3' && n.state === 'ready' && n.control === 'observer'),
    )
    expect(report.notices.join('\n')).toMatch(
      /n3 observes since n4 got its vote .*hive control promote n3/,
    )
    expect(await voters(world, 'n1')).toEqual(['n1', 'n2', 'n4'])
    await world.ask('n1', b => b.promote({ node: 'n3', observer: false, force: false, actor: 'a' }))
    expect((await world.status('n3')).notices.join('\n')).not.toMatch(/observes since/)
  })

  test.each([
    ['without an observer', async () => {}],
    [
      'when it is switched off',
      async (world: World) => {
        await observe(world, 'n4')
        const settings = { 'voter-replacement': 'no' }
        await world.ask('n1', b => b.changeSettings({ settings, actor: 'ann@h1' }))
      },
    ],
  ])('keeps its vote %s', async (_, prepare) => {
    const world = await stage(3)
    await prepare(world)
    world.kill('n3')
    await world.run(30_000)
    expect(await voters(world, 'n1')).toEqual(['n1', 'n2', 'n3'])
    expect(await events(world, 'n1', 'VoterReplacing')).toEqual([])
  })

  test('keeps its vote while there is no quorum to take it', async () => {
    const world = await stage(4)
    await observe(world, 'n4')
    await observe(world, 'n5')
    world.kill('n2', 'n3')
    await world.run(40_000)
    world.start('n2', 'n3')
    await world.sees('n1', 'all', r => r.nodes.every(n => n.state === 'ready'))
    expect(await voters(world, 'n1')).toEqual(['n1', 'n2', 'n3'])
  })

  test('is replaced by the next leader when the first one dies in the middle', async () => {
    for (let seed = 5; seed < 10; seed++) {
      const world = await stage(seed)
      await observe(world, 'n4')
      await observe(world, 'n5')
      const { leader } = (await world.status('n4')).cluster
      const victim = ['n1', 'n2', 'n3'].find(n => n !== leader)!
      world.kill(victim)
      await world.until('it is under way', () =>
        world.cluster
          .running()
          .some(n => (n.process?.agent.raftStatus()?.config.outgoing.length ?? 0) > 0),
      )
      await world.run(seed - 5)
      world.kill(leader!)
      await world.run(3_000)
      world.start(leader!)
      const report = await world.sees('n4', 'no dead voter', r =>
        r.nodes.every(n => n.name !== victim || n.control === 'observer'),
      )
      expect(report.cluster.quorum.voters).toBe(3)
    }
  })

  test('that comes and goes moves its vote once in the time that is set', async () => {
    const world = await stage(11, '10s')
    await observe(world, 'n4')
    const began = world.simulation.now
    for (let round = 0; round < 12; round++) {
      const dead = round % 2 === 0 ? 'n3' : 'n4'
      world.kill(dead)
      await world.run(9_000)
      world.start(dead)
      await world.run(4_000)
    }
    const moved = await events(world, 'n1', 'VoterReplacing')
    expect(moved.length).toBeLessThanOrEqual((world.simulation.now - began) / 10_000)
    expect((await voters(world, 'n1')).length).toBe(3)
  })
})
