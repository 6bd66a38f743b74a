import { expect, test } from 'vitest'
import { World } from './world.ts'

const slice = 8
const count = 40
const control = ['n1', 'n2', 'n3']
const names = Array.from({ length: count }, (_, i) => `n${i + 1}`)

/** Forty agents of one cluster who keep eight each. */
async function large(seed: number, secured = false): Promise<World> {
  const world = new World(seed)
  if (secured) world.cluster.secret = 'secret-of-the-simulated-cluster-0123456789ab'
  const first = names.slice(0, 12)
  for (const name of first)
    world.add(
      name,
      control.filter(n => n !== name),
    )
  await world.until('the zombies see each other', () =>
    first.every(n => world.node(n).process?.agent.swimMembers().length === first.length - 1),
  )
  await world.ask('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
  await world.sees('n1', 'the first ready', r => allReady(r.nodes, first.length))
  await world.ask('n1', b => b.changeSettings({ settings: { slice: `${slice}` }, actor: 'test' }))
  for (const name of names.slice(12)) world.add(name, control)
  await world.sees('n2', 'all ready', r => allReady(r.nodes, count))
  return world
}

function allReady(nodes: readonly { state: string }[], of: number): boolean {
  return nodes.length === of && nodes.every(n => n.state === 'ready')
}

function kept(world: World, name: string): number {
  return world.node(name).process?.agent.swimMembers().length ?? 0
}

test.each([1, 2])(
  'forty nodes that keep eight each work from anywhere (seed %i)',
  async seed => {
    const world = await large(seed, seed === 2)
    await world.until('slices are small', () => names.every(n => kept(world, n) <= 2 * slice))

    const seen = await world.sees('n33', 'everybody', r => allReady(r.nodes, count))
    expect(seen.stale).toBe(false)
    expect(seen.cluster.quorum).toMatchObject({ voters: 3, reachable: 3 })
    expect(seen.watches!.length).toBeLessThanOrEqual(2 * slice + 1)
    // What is marked as its own view is exactly that, and the rest is what the control plane says.
    const own = world
      .node('n33')
      .process!.agent.swimMembers()
      .map(m => m.id)
    const self = seen.nodes.find(n => n.name === 'n33')!.id
    expect(new Set(seen.watches)).toEqual(new Set([self, ...own]))

    await world.put('n29', 'colour', 'blue')
    expect(await world.get('n17', 'colour')).toBe('blue')

    // Deaths far from any control node are noticed, and everybody can read of them.
    world.kill('n20', 'n35')
    const dead = (r: typeof seen) =>
      ['n20', 'n35'].every(name => r.nodes.find(n => n.name === name)!.state === 'failed') &&
      r.nodes.filter(n => n.state === 'ready').length === count - 2
    await world.sees('n40', 'that two have failed', dead)
    await world.sees('n5', 'that two have failed', dead)
    world.start('n20', 'n35')
    await world.sees('n40', 'that they are back', r => allReady(r.nodes, count))

    const { verdict } = await world.ask('n31', b =>
      b.drain({
        node: 'n22',
        cancel: false,
        force: false,
        dryRun: false,
        deadline: null,
        reason: '',
        actor: 'test',
      }),
    )
    expect(verdict?.allowed).toBe(true)
    await world.sees('n9', 'that n22 is drained', r =>
      r.nodes.some(n => n.name === 'n22' && n.state === 'drained'),
    )

    await world.ask('n37', b => b.leave({ force: false, actor: 'test' }))
    await world.sees('n12', 'one less', r => r.nodes.length === count - 1)
    const id = seen.nodes.find(n => n.name === 'n37')!.id
    await world.until('nobody keeps who left', () =>
      names
        .filter(n => n !== 'n37')
        .every(
          n =>
            !world
              .node(n)
              .process!.agent.swimMembers()
              .some(m => m.id === id),
        ),
    )
    world.add('n41', ['n25'])
    await world.sees('n41', 'itself among all', r =>
      r.nodes.some(n => n.name === 'n41' && n.state === 'ready'),
    )
  },
  120_000,
)

test('nodes of other slices are asked about, examined and given work from anywhere', async () => {
  const world = await large(4, true)
  await world.until('slices are small', () => names.every(n => kept(world, n) <= 2 * slice))
  const keeps = (name: string, other: string) =>
    world
      .node(name)
      .process!.agent.swimMembers()
      .some(m => m.name === other)
  const [stranger] = names.slice(3).filter(n => n !== 'n33' && !keeps('n33', n) && !keeps(n, 'n33'))

  const why = await world.ask('n33', b => b.why({ about: 'node', name: stranger! }))
  expect(why).toMatchObject({ subject: stranger, conclusion: expect.stringContaining('is ready') })
  const { node, checks } = await world.ask('n33', b => b.doctor({ node: stranger! }))
  expect(node).toBe(stranger)
  expect(checks.filter(({ verdict }) => verdict === 'fail')).toEqual([])
  await expect(world.ask('n33', b => b.doctor({ node: 'nobody' }))).rejects.toThrow(
    'knows no node nobody',
  )
  const roles = { node: stranger!, roles: ['echo'], actor: 'test' }
  await expect(world.ask('n33', b => b.assignRoles(roles))).rejects.toThrow('echo')
})

test('without a quorum a node shows all that is remembered, and alone what it sees itself', async () => {
  const world = await large(5)
  await world.until('slices are small', () => names.every(n => kept(world, n) <= 2 * slice))
  world.kill('n1', 'n2')
  const one = await world.sees(
    'n33',
    'what n3 remembers',
    r => r.stale && r.cluster.quorum.reachable === 1,
  )
  expect(one.nodes).toHaveLength(count)
  expect(one.cluster).toMatchObject({ state: 'degraded', quorum: { voters: 3 } })
  expect(one.toldBy).toBe('n3')
  expect(one.watches!.length).toBeLessThan(count)

  world.kill('n3')
  const alone = await world.sees('n33', 'itself alone', r => r.nodes.length < count)
  expect(alone.stale).toBe(true)
  expect(alone.toldBy).toBeUndefined()
  expect(alone.nodes.find(n => n.name === 'n33')!.state).toBe('ready')
  const voters = alone.nodes.filter(n => n.control === 'voter')
  expect(voters.map(n => n.name)).toEqual(control)
  await world.sees('n33', 'that no control node answers', r =>
    r.nodes.filter(n => n.control === 'voter').every(n => n.state === 'unreachable'),
  )
  const checked = await world.ask('n33', b => b.doctor({}))
  const quorum = checked.checks.find(({ name }) => name === 'quorum')!
  expect(quorum.figures).toContain('0 of 3 voters reachable')

  world.start('n1', 'n2', 'n3')
  await world.sees('n33', 'all again', r => !r.stale && allReady(r.nodes, count))
}, 120_000)

test('zombies that the leader does not keep come in all the same', async () => {
  const world = new World(3)
  for (const name of names)
    world.add(
      name,
      control.filter(n => n !== name),
    )
  await world.until('the zombies see each other', () =>
    names.every(n => kept(world, n) === count - 1),
  )
  await world.ask('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
  await world.ask('n1', b => b.changeSettings({ settings: { slice: `${slice}` }, actor: 'test' }))
  await world.sees('n2', 'all ready', r => allReady(r.nodes, count))
}, 120_000)
