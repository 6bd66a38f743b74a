import { expect, test } from 'vitest'
import { World } from './world.ts'

/** n4 has a role that never hands over. */
function hanging(seed: number): World {
  return new World(seed, name =>
    name === 'n4'
      ? {
          roles: ({ report }) => ({
            services: undefined,
            update(view) {
              const state = view?.self?.phase === 'draining' ? 'draining' : 'running'
              if (view?.self?.roles.some(r => r.name === 'host' && r.state !== state))
                report('host', state, 'connections are open', () => {})
            },
            stop: done => done(),
          }),
        }
      : {},
  )
}

/** Drains as operators meet them, with a role that does not hand over. */
test('a drain that hangs may be given a deadline when it is under way, and another one', async () => {
  const world = hanging(3)
  await world.cluster3(['n4'])
  const flags = { node: 'n4', cancel: false, dryRun: false, force: true, actor: 'test', reason: '' }
  const drain = (deadline: number | null = null) =>
    world.ask('n1', b => b.drain({ ...flags, deadline }))
  const state = async () => (await world.status('n1')).nodes.find(n => n.name === 'n4')!.state
  await world.ask('n1', b => b.assignRoles({ node: 'n4', roles: ['host'], actor: 'test' }))
  await world.run(2_000)
  await drain()
  await world.run(60_000)
  expect(await state()).toBe('draining')
  await drain(600_000)
  await world.run(60_000)
  expect(await state()).toBe('draining')
  // Without one, the one before stays.
  await drain()
  await drain(0)
  await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'drained' })
  const { events } = await world.ask('n1', b => b.log({ from: 1, limit: 200 }))
  const told = events.filter(e => /Drain/.test(e.type)).map(e => e.type)
  expect(told).toEqual(['NodeDraining', 'NodeDraining', 'NodeDraining', 'NodeDrained'])
})

test('a deadline is not ended early by a leader whose clock is ahead', async () => {
  const world = hanging(52)
  await world.cluster3(['n4'])
  const { leader } = (await world.status('n4')).cluster
  const phase = async () => (await world.status('n4')).nodes.find(n => n.name === 'n4')?.state
  await world.ask('n4', b => b.assignRoles({ node: 'n4', roles: ['host'], actor: 'test' }))
  await world.run(2_000)
  const flags = { node: 'n4', cancel: false, dryRun: false, force: true, actor: 'test', reason: '' }
  await world.ask('n4', b => b.drain({ ...flags, deadline: 300_000 }))
  const { watch } = world.node(leader!)
  watch.skew += 3_600_000
  await world.run(30_000)
  expect(await phase()).toBe('draining')
  // Once it is set right, the deadline is what was said.
  watch.skew -= 3_600_000
  await world.run(200_000)
  expect(await phase()).toBe('draining')
  await world.run(200_000)
  expect(await phase()).toBe('drained')
})
