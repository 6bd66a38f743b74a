import { expect, test } from 'vitest'
import { RoleRunners } from '../../src/agent/roles/role-runners.ts'
import { silentTrace } from '../../src/base/trace.ts'
import type { Roles } from '../../src/roles/registry.ts'
import type { Role } from '../../src/roles/role.ts'
import { FakeHost } from '../roles/fake-host.ts'
import { World } from './world.ts'

/** Lets in only what stands in the same rack. */
const rack: Role = {
  ...{ name: 'rack', description: 'who stands here', kind: 'processor' },
  ...{ provides: [], requires: [], needsForBootstrap: [] },
  parse: () => ({ config: undefined }),
  plan: ({ goal }) => [{ what: goal }],
  apply: async () => {},
  validate: ({ name }) =>
    name === 'n4'
      ? { answer: 'reject', code: 'REFUSED', reason: 'n4 stands in another rack' }
      : { answer: 'accept' },
}

function withRack(): World {
  const roles = { byName: new Map([['rack', rack]]) } as unknown as Roles
  return new World(1, () => ({
    roleCatalog: [rack],
    roles: ({ report }) => {
      const host = new FakeHost()
      return new RoleRunners({
        ...{ clock: host.clock, trace: silentTrace, roles, roleConfig: {}, report },
        hostFor: () => host,
        memoryOf: () => ({}),
      })
    },
  }))
}

test('a role that runs refuses a joiner, both sides say why, and it is in once the role is gone', async () => {
  const world = withRack()
  await world.cluster3()
  const control = ['n1', 'n2', 'n3']
  for (const node of control)
    await world.ask('n1', b => b.assignRoles({ node, roles: ['rack'], actor: 'test' }))
  await world.sees('n1', 'the role everywhere', ({ nodes }) =>
    nodes.every(n => n.roles.some(r => r.name === 'rack' && r.state === 'running')),
  )
  world.add('n4', control)
  const why = /REFUSED: role rack: n4 stands in another rack/
  const said = (name: string) =>
    world.sees(name, 'the refusal', ({ notices }) => notices.some(n => why.test(n)))
  await said('n4')
  await said('n1')
  await world.run(20_000)
  expect((await world.status('n1')).nodes.map(n => n.name).sort()).toEqual(control)
  expect((await world.ask('n1', b => b.why({ about: 'join', name: 'n4' }))).conclusion).toMatch(
    /n4 is not in: .* with REFUSED/,
  )
  for (const node of control)
    await world.ask('n1', b => b.unassignRoles({ node, roles: ['rack'], actor: 'test' }))
  await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
})
