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
