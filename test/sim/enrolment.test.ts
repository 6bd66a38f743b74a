import { expect, test } from 'vitest'
import { World } from './world.ts'

/** Nodes that are asked to carry the log. */

test('one whose leader dies in the middle of it goes on without, and can be asked again', async () => {
  const world = new World(21)
  await world.cluster3(['n4'])
  const { leader } = (await world.status('n4')).cluster
  const promote = (at: string) =>
    world.ask(at, b => b.promote({ node: 'n4', observer: true, force: false, actor: 'ann' }))
  const { network } = world.cluster
  const back = network.path(world.node('n4').machine, world.node(leader!).machine)
  back.delay = 500
  const asked = promote(leader!).catch(() => {})
  await world.until('n4 has made room', () => world.facts('n4').group !== undefined)
  world.kill(leader!)
  back.delay = 0
  await asked
  await world.until('n4 waits for nothing', () => world.facts('n4').group === undefined, 20_000)
  world.start(leader!)
  await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  expect(await promote('n4')).toMatchObject({ observers: ['n4'] })
})

test('a voter that lost its vote before it heard that there is a cluster comes in without', async () => {
  const world = new World(23)
  world.cluster.secret = 'the-secret-of-this-cluster-0123456789-0123456'
  const control = ['n1', 'n2', 'n3']
  await world.zombies(control)
  const initialised = world.ask('n1', b => b.init({ name: 'prod', control, actor: 'ann' }))
  await world.until('n3 has begun', () => world.facts('n3').group?.prepared?.started === true)
  expect(world.facts('n3').cluster).toBeUndefined()
  world.kill('n3')
  await initialised
  await world.ask('n1', b => b.demote({ node: 'n3', force: true, actor: 'ann' }))
  // By then the others gossip under a key that it has never heard of.
  await world.run(60_000)
  world.start('n3')
  await world.states('n3', { n1: 'ready', n2: 'ready', n3: 'ready' })
  await world.until('n3 carries no log', () => world.facts('n3').group === undefined)
})

test('a voter that laid its log down keeps what it had promised in it', async () => {
  const world = new World(24)
  await world.cluster3()
  const { term, vote } = world.node('n3').process!.agent.raftStatus()!
  await world.ask('n1', b => b.demote({ node: 'n3', force: true, actor: 'ann' }))
  await world.until('n3 carries no log', () => world.facts('n3').group === undefined)
  const { promised, cluster } = world.facts('n3')
  expect(promised).toEqual({ tag: cluster!.tag, lineage: 0, term, vote })
})
