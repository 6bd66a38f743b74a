import { expect, test } from 'vitest'
import type { Backend } from '../../src/api/types.ts'
import { Machines } from './machines.ts'

/**
 * The answer to a command is lost, and the agent that was asked by an operator asks the leader again: what it
 * hears then is that all is done, and not that there is nothing to do.
 */
const actor = 'test'
const drain = { dryRun: false, force: true, deadline: null, reason: '', actor }

async function stage(): Promise<Machines> {
  const room = new Machines()
  room.start('n1', 'n2', 'n3')
  const [first] = room.cluster.nodes
  const join = [`${first!.machine.ip}:4483`]
  room.boot(room.cluster.addNode('n4', { join, roles: ['host'] }))
  await room.initialise(['n1', 'n2', 'n3', 'n4'])
  return room
}

/** The first answer to that request of `name` never comes. */
function loseAnswer(room: Machines, name: string, lost: string): () => number {
  const { links } = room.agent(name)
  const request = links.request.bind(links)
  let asked = 0
  links.request = (to, method, body, timeout, done, blob, signal) => {
    if (method !== lost || asked++ > 0)
      return request(to, method, body, timeout, done, blob, signal)
    const none = () => done({ ok: false, code: 'TIMEOUT', message: 'the link was lost' })
    request(to, method, body, timeout, none, blob, signal)
  }
  return () => asked
}

test.each<[string, string, (b: Backend) => Promise<unknown>, ((b: Backend) => Promise<unknown>)?]>([
  [
    'a role is taken away',
    'role-unassign',
    b => b.unassignRoles({ node: 'n4', roles: ['host'], actor }),
  ],
  [
    'a drain is called off',
    'drain',
    b => b.drain({ ...drain, node: 'n4', cancel: true }),
    b => b.drain({ ...drain, node: 'n4', cancel: false }),
  ],
  ['a node is taken out', 'leave', b => b.leave({ node: 'n3', force: true, actor })],
])('%s once, and the operator hears that it was', async (_, method, command, before) => {
  const room = await stage()
  const asker = ['n1', 'n2'].find(n => n !== room.leader())!
  if (before) await room.ask(asker, before)
  if (method === 'leave') room.kill('n3')
  const asked = loseAnswer(room, asker, method)
  await room.ask(asker, command)
  expect(asked()).toBeGreaterThan(1)
})

test('an operator who mistypes a role hears it all the same', async () => {
  const room = await stage()
  const asker = ['n1', 'n2'].find(n => n !== room.leader())!
  const wrong = room.ask(asker, b => b.unassignRoles({ node: 'n4', roles: ['hots'], actor }))
  await expect(wrong).rejects.toMatchObject({ code: 'UNKNOWN_ROLE' })
})
