import { describe, expect, test } from 'vitest'
import { World } from './world.ts'

/** A node is taken out for good while things go wrong. */

const control = ['n1', 'n2', 'n3', 'n4', 'n5']
const all = [...control, 'n6', 'n7']

async function five(seed: number): Promise<World> {
  const world = new World(seed)
  for (const each of all) world.add(each, all.filter(n => n !== each).slice(0, 3))
  await world.until('they meet', () =>
    all.every(n => world.node(n).process?.agent.swimMembers().length === all.length - 1),
  )
  await world.ask('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
  const ready = Object.fromEntries(all.map(n => [n, 'ready' as const]))
  for (const each of all) await world.states(each, ready)
  return world
}

function leave(world: World, at: string, node: string) {
  return world.ask(at, b => b.leave({ node, force: true, actor: 'ann@h1' }))
}

async function victims(world: World, count: number): Promise<readonly string[]> {
  const { leader } = (await world.status('n7')).cluster
  return control.filter(n => n !== leader).slice(-count)
}

describe('a removal', () => {
  test('is refused where it would leave no quorum, or one that survives nothing, and changes nothing then', async () => {
    const world = new World(3)
    await world.cluster3()
    const leave = (node: string, force: boolean) =>
      world.ask('n1', b => b.leave({ node, force, actor: 'ann' }))
    const voters = async () => (await world.status('n1')).cluster.quorum.voters
    await expect(leave('n3', false)).rejects.toMatchObject({ code: 'REFUSED', message: /alive/ })
    await expect(
      world.ask('n3', b => b.leave({ force: false, actor: 'ann' })),
    ).rejects.toMatchObject({ code: 'WOULD_BREAK_QUORUM' })
    world.kill('n2')
    await world.sees('n1', 'the failure', r => r.nodes.some(n => n.state === 'failed'))
    // Of the two that answer none can be spared, whatever is said.
    await expect(leave('n3', true)).rejects.toMatchObject({ code: 'WOULD_BREAK_QUORUM' })
    await expect(
      world.ask('n1', b => b.demote({ node: 'n3', force: true, actor: 'ann' })),
    ).rejects.toMatchObject({ code: 'WOULD_BREAK_QUORUM' })
    expect(await voters()).toBe(3)
    world.start('n2')
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready' })
  })

  test('of a voter that died a moment ago is finished, whoever still accuses it', async () => {
    for (let seed = 1; seed < 6; seed++) {
      const world = await five(seed)
      const [victim] = await victims(world, 1)
      world.kill(victim!)
      await world.sees('n7', 'the failure', r =>
        r.nodes.some(n => n.name === victim && n.state === 'failed'),
      )
      await leave(world, 'n7', victim!)
      const { nodes, cluster } = await world.status('n7')
      expect(nodes.map(n => n.name)).not.toContain(victim)
      expect(cluster.quorum.voters).toBe(4)
    }
  })

  test('of a node that was cut off while the authority changed is heard by it all the same', async () => {
    const world = new World(71)
    world.cluster.secret = 'the-secret-of-this-cluster-0123456789-0123456'
    await world.cluster3(['n4', 'n5'])
    await world.run(20_000)
    const { leader } = (await world.status('n4')).cluster
    const [victim, other] = ['n1', 'n2', 'n3'].filter(n => n !== leader)
    await world.ask('n4', b => b.demote({ node: victim!, force: true, actor: 'ann' }))
    await world.until('it follows', () => world.facts(victim!).group === undefined)
    await world.run(5_000)
    const left = leave(world, 'n4', victim!)
    const agreed = () =>
      ![...world.node(leader!).process!.agent.state!.nodes.values()].some(n => n.name === victim)
    await world.until('it is agreed', agreed)
    // Long enough to hear what is agreed now, and not that it is out.
    await world.run(300)
    world.split([victim!], [leader!, other!, 'n4', 'n5'])
    await left
    await world.ask('n4', b => b.rotateCa({ actor: 'ann' }))
    await world.run(60_000)
    expect((await world.ask('n4', b => b.ca())).authorities.length).toBe(1)
    world.heal()
    await world.until('it is out', () => world.facts(victim!).left === true)
  })

  test('leaves nobody with a log that is for others, however soon it starts again', async () => {
    const world = new World(72)
    world.cluster.secret = 'the-secret-of-this-cluster-0123456789-0123456'
    await world.cluster3(['n4', 'n5'])
    await world.run(3_300)
    const { leader } = (await world.status('n4')).cluster
    const [victim] = ['n1', 'n2', 'n3'].filter(n => n !== leader)
    const left = leave(world, 'n4', victim!)
    await world.run(8)
    world.kill(victim!)
    await world.run(10)
    world.start(victim!)
    await left
    await world.run(20_000)
    expect(world.facts(victim!)).toMatchObject({ left: true })
    expect(world.facts(victim!).group).toBeUndefined()
    await world.ask(victim!, b =>
      b.join({ address: `${world.node('n4').machine.ip}:4483`, actor: 'ann' }),
    )
    await world.sees('n4', 'it is back', r =>
      r.nodes.some(n => n.name === victim && n.state === 'ready'),
    )
  })
})
