import { describe, expect, test } from 'vitest'
import type { RecoveryAnswer } from '../../src/api/types.ts'
import { World } from './world.ts'

/** A quorum is lost for good, and an operator rescues what is left (design §4, lost quorum). */

function apply(world: World, at: string, voters?: readonly string[]): Promise<RecoveryAnswer> {
  const request = { name: 'prod', reason: 'rack 4 burnt', actor: 'ann@h1' }
  return world.ask(at, b => b.recoverApply({ ...request, ...(voters && { voters }) }))
}

const plan = (world: World, at: string) => world.ask(at, backend => backend.recoverPlan({}))

/** n1 keeps going; what it says of everybody. */
async function lostMajority(seed = 1): Promise<World> {
  const world = new World(seed)
  await world.cluster3(['n4', 'n5'])
  await world.put('n1', 'before', '1')
  await world.run(3_000)
  world.kill('n2', 'n3')
  await world.sees('n1', 'no leader', ({ cluster }) => cluster.leader === null)
  return world
}

describe('the plan', () => {
  test('says who is left, what is lost and what becomes of the others', async () => {
    const world = await lostMajority()
    const said = await plan(world, 'n1')
    expect(said).toMatchObject({
      cluster: 'prod',
      possible: true,
      why: '1 of 3 voters answer, 2 are needed',
      leader: 'n1',
      voters: ['n1'],
      lost: ['n2', 'n3'],
      epoch: 2,
    })
    expect(said.control.map(n => `${n.name} ${n.answers}`).sort()).toEqual([
      'n1 true',
      'n2 false',
      'n3 false',
    ])
    expect(said.control.find(n => n.name === 'n1')).toMatchObject({ epoch: 1, disk: true })
    expect(said.consequences.join('\n')).toMatch(
      /n2, n3: shown as failed; refused if they come back/,
    )
    expect(said.consequences.join('\n')).toMatch(/one voter survives no failure/)
  })

  test('is none while a leader is there, or a quorum that will elect one', async () => {
    const world = new World()
    await world.cluster3()
    expect(await plan(world, 'n2')).toMatchObject({ possible: false, why: /follows the leader/ })
    await expect(apply(world, 'n2')).rejects.toThrow(/nothing is lost/)
  })

  test('is asked of a control node', async () => {
    const world = await lostMajority()
    await expect(plan(world, 'n4')).rejects.toMatchObject({
      code: 'REFUSED',
      message: /n4 carries no log/,
      remedy: /n1/,
    })
  })
})

describe('the rescue', () => {
  test('wants the name of the cluster', async () => {
    const world = await lostMajority()
    const request = { name: 'test', reason: '', actor: 'ann@h1' }
    await expect(world.ask('n1', b => b.recoverApply(request))).rejects.toThrow(
      /is called «prod», not «test»/,
    )
    expect((await world.status('n1')).cluster.epoch).toBe(1)
  })

  test('goes on online, with all that the survivor had, and says so in the log', async () => {
    const world = await lostMajority()
    const { metaVersion } = (await world.status('n1')).cluster
    const boots = world.node('n1').boots
    expect(await apply(world, 'n1')).toMatchObject({ epoch: 2, leader: 'n1', voters: ['n1'] })
    expect(world.node('n1').boots).toBe(boots)
    const told = await world.sees('n4', 'the new epoch', ({ cluster }) => cluster.epoch === 2)
    await world.sees('n5', 'the new epoch', ({ cluster }) => cluster.epoch === 2)
    expect(told.cluster).toMatchObject({ state: 'active', leader: 'n1' })
    expect(told.cluster.metaVersion).toBeGreaterThan(metaVersion)
    await world.put('n4', 'after', '2')
    expect(await world.get('n5', 'before')).toBe('1')
    expect(await world.get('n5', 'after')).toBe('2')
    await world.states('n1', { n1: 'ready', n2: 'failed', n3: 'failed', n4: 'ready', n5: 'ready' })
    const { events } = await world.ask('n4', b => b.log({ from: 0, limit: 500 }))
    const event = events.find(e => e.type === 'ClusterRecovered')
    const ids = ['n2', 'n3'].map(name => world.facts(name).id)
    expect(event).toMatchObject({ actor: 'ann@h1', epoch: 2, data: { reason: 'rack 4 burnt' } })
    expect((event!.data as { lost: string[] }).lost.toSorted()).toEqual(ids.toSorted())
    await world.until('n5 is of it', () => world.facts('n5').cluster?.epoch === 2)
    // And it is one of many again.
    for (const node of ['n4', 'n5']) {
      await world.ask('n1', b =>
        b.promote({ node, observer: false, force: false, actor: 'ann@h1' }),
      )
    }
    world.kill('n1')
    await world.sees(
      'n4',
      'another leader',
      ({ cluster }) => cluster.leader !== null && cluster.leader !== 'n1',
    )
    expect(await world.get('n4', 'after')).toBe('2')
  })

  test('is what the next page of the log begins with, also for who had read more than the survivor had', async () => {
    const world = new World(3)
    await world.cluster3()
    await world.run(3_000)
    world.split(['n1'], ['n2', 'n3'])
    await world.sees('n2', 'a leader', ({ cluster }) => ['n2', 'n3'].includes(cluster.leader ?? ''))
    for (let i = 0; i < 40; i++) await world.put('n2', `lost/${i}`, '1')
    const read = await world.ask('n2', b => b.log({ from: 0, limit: 500 }))
    world.kill('n2', 'n3')
    await world.sees('n1', 'no leader', ({ cluster }) => cluster.leader === null)
    world.heal()
    await apply(world, 'n1')
    const since = (epoch?: number) =>
      world.ask('n1', b => b.log({ from: read.next, limit: 500, ...(epoch && { epoch }) }))
    const page = await since(read.epoch)
    expect(page.events.slice(0, 3)).toMatchObject([
      { type: 'VotersChanged', epoch: 1, data: { voters: [world.facts('n1').id] } },
      { type: 'LeaderElected', epoch: 1, data: { cause: 'rescue' } },
      { type: 'ClusterRecovered', epoch: 2 },
    ])
    expect(page.events[0]!.seq).toBeLessThan(read.next)
    expect(page.epoch).toBe(2)
    // Once is enough.
    const after = await world.ask('n1', b =>
      b.log({ from: page.next, limit: 500, epoch: page.epoch! }),
    )
    expect(after.events).toEqual([])
  })

  test('survives the power at every moment', async () => {
    const moments = new Set<string>()
    for (let wait = 0; wait < 12; wait += 0.5) {
      const world = await lostMajority(1 + Math.floor(wait))
      const { process } = world.node('n1')
      world.simulation.enter(process!.life, () => {
        const request = { name: 'prod', reason: 'x', actor: 'ann@h1' }
        process!.agent.backend.recoverApply(request).catch(() => {})
      })
      await world.until('it has begun', () => world.facts('n1').group?.rescue !== undefined, 10_000)
      await world.run(wait)
      const { group } = world.node('n1').disk
      const durable = group!.hardState.lineage !== undefined
      moments.add(
        world.facts('n1').group?.rescue === undefined ? 'agreed' : durable ? 'durable' : 'intended',
      )
      world.cluster.crash(world.node('n1'), 'power')
      world.start('n1')
      const begun = await world.sees('n1', 'itself', () => true)
      if (begun.cluster.leader === null) await world.run(5_000)
      const { cluster } = await world.status('n1')
      if (cluster.epoch === 1) await apply(world, 'n1')
      await world.sees('n4', 'epoch 2', r => r.cluster.epoch === 2 && r.cluster.leader === 'n1')
      expect(await world.get('n4', 'before')).toBe('1')
      await world.until(
        'nothing is left of the intent',
        () => world.facts('n1').group?.rescue === undefined,
      )
    }
    expect([...moments].sort()).toEqual(['agreed', 'durable', 'intended'])
  })

  test('is of a newer epoch than what its log ends with, agreed or not', async () => {
    const unagreed = new Set<boolean>()
    for (const wait of [4_300, 4_600]) {
      const world = new World()
      await world.cluster3(['n4', 'n5'])
      const settings = { 'tombstone-grace': '5s' }
      await world.ask('n1', b => b.changeSettings({ settings, actor: 'ann@h1' }))
      const { leader } = (await world.status('n4')).cluster
      await world.ask('n5', b => b.leave({ node: 'n5', force: false, actor: 'ann@h1' }))
      await world.run(wait)
      world.kill(...['n1', 'n2', 'n3'].filter(n => n !== leader))
      await world.sees(leader!, 'no leader', ({ cluster }) => cluster.leader === null)
      const { commit, lastIndex } = world.node(leader!).process!.agent.raftStatus()!
      unagreed.add(lastIndex > commit)
      expect(await apply(world, leader!)).toMatchObject({ leader, voters: [leader] })
      const { events } = await world.ask(leader!, b => b.log({ from: 0, limit: 500 }))
      const epochs = events
        .filter(e => e.type === 'TombstonesCollected' || e.type === 'ClusterRecovered')
        .map(e => e.epoch)
      expect(epochs).toEqual([...new Set(epochs)].sort())
      await world.until('nothing is left of it', () => !world.facts(leader!).group?.rescue)
    }
    expect(unagreed).toContain(true)
  })

  test('the furthest log goes on, and other survivors get it anew, with their votes', async () => {
    const world = new World()
    for (const name of ['n1', 'n2', 'n3', 'n4', 'n5'])
      world.add(name, name === 'n1' ? ['n2'] : ['n1'])
    await world.until('they meet', () =>
      ['n1', 'n2', 'n3', 'n4', 'n5'].every(
        n => world.node(n).process?.agent.swimMembers().length === 4,
      ),
    )
    const control = ['n1', 'n2', 'n3', 'n4', 'n5']
    await world.ask('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
    await world.states('n5', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready', n5: 'ready' })
    await world.run(1_000)
    // n2 falls behind before the others are lost.
    world.split(['n1', 'n3', 'n4', 'n5'], ['n2'])
    await world.run(3_000)
    await world.put('n1', 'last', 'word')
    await world.run(1_000)
    world.kill('n3', 'n4', 'n5')
    world.heal()
    for (const name of ['n1', 'n2'])
      await world.sees(name, 'no leader', ({ cluster }) => cluster.leader === null)
    const said = await plan(world, 'n2')
    expect(said).toMatchObject({ possible: true, leader: 'n1', voters: ['n1', 'n2'] })
    expect(said.consequences.join('\n')).toMatch(
      /n2: votes again once it has the log anew; its own log/,
    )
    // Asked of the one that is behind.
    expect(await apply(world, 'n2')).toMatchObject({
      leader: 'n1',
      voters: ['n1', 'n2'],
      missing: [],
    })
    expect(await world.get('n2', 'last')).toBe('word')
    await world.sees(
      'n2',
      'two voters',
      r => r.cluster.quorum.voters === 2 && r.cluster.quorum.reachable === 2,
    )
    expect(world.node('n2').disk.aside.get('epoch-1')?.group?.entries.length).toBeGreaterThan(0)
    const { notices } = await world.status('n2')
    expect(notices.join()).toMatch(/what it knew in epoch 1 is kept in .*; hive log --file/)
  })
})

/** Four control nodes, split `after` so many ms of health: neither half of them can decide anything. */
async function splitInHalf(seed: number, after: number): Promise<World> {
  const world = new World(seed)
  const control = ['n1', 'n2', 'n3', 'n4']
  for (const name of control) world.add(name, control.filter(n => n !== name).slice(0, 2))
  await world.until('they meet', () =>
    control.every(n => world.node(n).process?.agent.swimMembers().length === 3),
  )
  await world.ask('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
  await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  await world.run(after)
  world.split(['n1', 'n2'], ['n3', 'n4'])
  for (const at of ['n1', 'n3'])
    await world.sees(at, 'no leader', ({ cluster }) => cluster.leader === null)
  return world
}

describe('the lost side comes back', () => {
  /** Seed 80281: the agent ended itself. */
  test('while its operator looks what could be rescued there', async () => {
    const world = new World(3)
    const control = ['n1', 'n2', 'n3', 'n4', 'n5']
    for (const name of control) world.add(name, control.filter(n => n !== name).slice(0, 2))
    await world.until('they meet', () =>
      control.every(n => world.node(n).process?.agent.swimMembers().length === 4),
    )
    await world.ask('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
    await world.states('n5', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready', n5: 'ready' })
    await world.run(1_000)
    world.kill('n3', 'n4', 'n5')
    world.split(['n1'], ['n2'])
    for (const at of ['n1', 'n2'])
      await world.sees(at, 'no leader', ({ cluster }) => cluster.leader === null)
    await apply(world, 'n1')
    world.heal()
    const { process } = world.node('n2')
    const said: string[] = []
    const look = (): void => {
      if (world.facts('n2').cluster?.epoch === 2) return
      world.simulation.enter(process!.life, () => {
        process!.agent.backend.recoverPlan({}).then(
          () => said.push('a plan'),
          (error: Error) => said.push(error.message),
        )
      })
      world.simulation.after(50, look)
    }
    look()
    await world.until('n2 is home', () => world.facts('n2').cluster?.epoch === 2)
    await world.run(10_000)
    expect(said.join()).toMatch(/n2 gave its log up while it asked the others/)
  })

  test('one by one: each is refused, sets its log aside, and joins anew without a vote', async () => {
    const world = await lostMajority()
    await apply(world, 'n1')
    await world.put('n1', 'after', '2')
    for (const name of ['n2', 'n3']) {
      const { id } = world.facts(name)
      world.start(name)
      const refused = new RegExp(`refused ${name} at .*EPOCH_MISMATCH.*recovered without ${name}`)
      await world.sees('n1', 'whom it refused', r => r.notices.some(n => refused.test(n)))
      await world.sees(name, 'the cure', r =>
        r.notices.some(n => /EPOCH_MISMATCH.*joins anew by itself/.test(n)),
      )
      await world.until(`${name} is back`, () => world.facts(name).cluster?.epoch === 2)
      expect(world.facts(name).id).toBe(id)
      expect(world.node(name).disk.aside.get('epoch-1')?.group).toBeDefined()
      const { nodes } = await world.sees(name, 'itself ready', r =>
        r.nodes.some(n => n.name === name && n.state === 'ready'),
      )
      expect(nodes.find(n => n.name === name)?.control).toBe('none')
    }
    for (const node of ['n1', 'n2', 'n3', 'n4']) {
      expect(await world.get(node, 'after')).toBe('2')
      expect((await world.status(node)).cluster).toMatchObject({ epoch: 2, leader: 'n1' })
    }
    // With votes again, as before.
    for (const node of ['n2', 'n3']) {
      await world.ask('n1', b =>
        b.promote({ node, observer: false, force: false, actor: 'ann@h1' }),
      )
    }
    world.kill('n1')
    await world.sees('n2', 'a leader', r => r.cluster.leader === 'n2' || r.cluster.leader === 'n3')
    expect(await world.get('n3', 'after')).toBe('2')
  })

  test('as a quorum: it goes on beside, nothing mixes, and gives in on an operator’s word', async () => {
    const world = await lostMajority()
    await apply(world, 'n1')
    await world.put('n1', 'side', 'rescued')
    world.split(['n1', 'n4', 'n5'], ['n2', 'n3'])
    world.start('n2', 'n3')
    await world.sees('n2', 'a leader', ({ cluster }) => cluster.leader !== null)
    await world.put('n2', 'side', 'lost')
    await world.put('n2', 'only', 'here')
    world.heal()
    const standing =
      /«prod» has an epoch 2 \(seen at n\d\).*with a quorum of its own.*hive recover yield/
    for (const node of ['n2', 'n3']) {
      await world.sees(node, 'the other side', ({ notices }) => notices.some(n => standing.test(n)))
    }
    await world.run(30_000)
    // Each reads its own, and neither has heard of the other's.
    expect(await world.get('n1', 'side')).toBe('rescued')
    expect(await world.get('n1', 'only')).toBeNull()
    expect(await world.get('n2', 'side')).toBe('lost')
    expect((await world.status('n2')).cluster).toMatchObject({ epoch: 1 })
    expect((await world.status('n1')).cluster).toMatchObject({ epoch: 2, leader: 'n1' })
    await expect(world.ask('n1', b => b.recoverYield({ actor: 'ann@h1' }))).rejects.toMatchObject({
      code: 'REFUSED',
    })
    const { setAside } = await world.ask('n2', b => b.recoverYield({ actor: 'ann@h1' }))
    expect(setAside).toContain('epoch-1')
    // n3 is alone now: it follows by itself.
    for (const node of ['n2', 'n3']) {
      await world.until(`${node} is home`, () => world.facts(node).cluster?.epoch === 2)
      await world.sees(node, 'one cluster', r => r.cluster.epoch === 2 && r.cluster.leader === 'n1')
      expect(await world.get(node, 'side')).toBe('rescued')
      expect(await world.get(node, 'only')).toBeNull()
      const kept = world.node(node).disk.aside.get('epoch-1')?.group?.entries ?? []
      const text = kept.map(e => (e.type === 'data' ? new TextDecoder().decode(e.data) : '')).join()
      expect(text).toContain('here')
    }
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready', n5: 'ready' })
  })

  test('who hears of a rescue cannot be rescued any more: it comes home to the one that there was', async () => {
    const world = await splitInHalf(1, 0)
    await apply(world, 'n1')
    world.heal()
    const heard = () => world.trace.some(line => /n3 .*a newer epoch of this cluster/.test(line))
    await world.until('n3 hears of it', heard)
    await expect(apply(world, 'n3', ['n3'])).rejects.toMatchObject({
      code: 'REFUSED',
      message: expect.stringMatching(
        /goes on without n3: n\d is of epoch 2|n3 gave its log up|nothing is lost: n2 follows/,
      ),
    })
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  })

  test.each([1, 2, 5, 7])(
    'two rescues on both sides of a split: DIVERGED, until one gives in (seed %i)',
    async seed => {
      const world = await splitInHalf(seed, 2_000)
      await apply(world, 'n1')
      await apply(world, 'n3')
      await world.put('n1', 'side', 'a')
      await world.put('n3', 'side', 'b')
      world.heal()
      for (const at of ['n1', 'n3']) {
        await world.sees(at, 'DIVERGED', r =>
          r.notices.some(n => /DIVERGED.*recovered twice/.test(n)),
        )
      }
      await world.run(20_000)
      expect(await world.get('n2', 'side')).toBe('a')
      expect(await world.get('n4', 'side')).toBe('b')
      for (const at of ['n3', 'n4']) {
        await world.ask(at, b => b.recoverYield({ actor: 'ann@h1' }))
      }
      for (const at of ['n3', 'n4']) {
        await world.sees(
          at,
          'one cluster',
          r => r.cluster.state === 'active' && r.cluster.leader !== null && !r.stale,
        )
        expect(await world.get(at, 'side')).toBe('a')
      }
    },
  )
})
