import { expect, test } from 'vitest'
import type { DrainProgress } from '../../src/api/types.ts'
import type { LoggedEvent } from '../../src/client/agent-client.ts'
import { type Agent, allReady, cluster, endsAgents, leaderOf } from '../support/agents.ts'

/** `hive drain`: the verdict first, then work goes away, on observed facts. */

endsAgents()

const typesOf = async (agent: Agent): Promise<string[]> => {
  const { events } = await agent.json<{ events: LoggedEvent[] }>('log')
  return events.map(({ type }) => type)
}

test('a node with a role: rehearsed, drained, brought back', async () => {
  const all = await cluster(3, undefined, { roles: ['host'] })
  const [n1, , n3] = all as [Agent, Agent, Agent]
  const running = { n1: 'running', n2: 'running', n3: 'running' }
  await n1.reports('host runs everywhere', ({ nodes }) => {
    const states = Object.fromEntries(nodes.map(one => [one.name, one.roles[0]?.state]))
    return JSON.stringify(states) === JSON.stringify(running)
  })

  const before = await typesOf(n1)
  const rehearsal = await n1.hive('drain', 'n3', '--dry-run')
  expect(rehearsal).toMatchObject({ code: 0, stderr: '' })
  expect(rehearsal.stdout).toMatch(/^n3 can be drained\n[\s\S]*3 of 3 voters answer, 2 needed/)
  expect(rehearsal.stdout).toMatch(/host: also on n1, n2/)
  expect(await typesOf(n1)).toEqual(before)
  expect((await n1.status()).nodes[2]!.state).toBe('ready')

  const drained = await n1.hive('drain', 'n3', '--reason', 'new kernel')
  expect(drained).toMatchObject({ code: 0, stderr: '' })
  expect(drained.stdout).toMatch(
    /n3 can be drained[\s\S]*done +leadership[\s\S]*done +host[\s\S]*n3 is drained\n$/,
  )
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'drained' })
  expect((await n1.status()).nodes[2]!.roles).toMatchObject([{ name: 'host', state: 'drained' }])
  expect((await n1.status()).cluster.quorum.voters).toBe(3)

  // Again is harmless, and a restart does not undo it.
  expect(await n1.hive('drain', 'n3')).toMatchObject({ code: 0 })
  await n3.stop()
  n3.start()
  await n3.reports('it is drained still', ({ stale, nodes }) => {
    return !stale && nodes[2]?.state === 'drained'
  })
  const back = await n3.hive('drain', 'n3', '--cancel')
  expect(back).toMatchObject({ code: 0, stdout: 'n3 takes work again\n' })
  await allReady(all)
  await n1.reports('its role runs again', ({ nodes }) => nodes[2]!.roles[0]!.state === 'running')
  const twice = await n1.hive('drain', 'n3', '--cancel')
  expect(twice).toMatchObject({ code: 1 })
  expect(twice.stderr).toMatch(/^error: n3 is not draining, it is ready/)
  expect((await typesOf(n1)).filter(type => /Drain/.test(type))).toEqual([
    'NodeDraining',
    'NodeDrained',
    'NodeDrainCancelled',
  ])

  const unknown = await n1.hive('drain', 'n9')
  expect(unknown).toMatchObject({ code: 1, stdout: '' })
  expect(unknown.stderr).toMatch(
    /^error: no node n9 in the cluster\n {2}do: did you mean n1\? there are n1, n2, n3/,
  )
  expect(await n1.hive('drain', 'n3', '--deadline', 'soon')).toMatchObject({ code: 2 })
})

test('the leader hands leadership on, and does not take it back', async () => {
  const all = await cluster(3)
  const leader = await leaderOf(all)
  const drained = await leader.hive('drain', leader.name)
  expect(drained).toMatchObject({ code: 0, stderr: '' })
  expect(drained.stdout).toMatch(/leads: leadership moves to n\d or n\d/)
  const { cluster: c, nodes } = await leader.status()
  expect(c.leader).not.toBe(leader.name)
  expect(nodes.find(one => one.name === leader.name)).toMatchObject({
    state: 'drained',
    control: 'voter',
  })
  // Drained control nodes keep their vote: with one of the others gone, the cluster still decides.
  const next = await leaderOf(all)
  const third = all.find(agent => agent !== leader && agent !== next)!
  await third.kill()
  expect(await leader.hive('kv', 'put', 'still', 'decides')).toMatchObject({ code: 0 })
  expect((await leader.status()).cluster.leader).toBe(next.name)
})

test('a dead node, and one that does not finish', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'], { roles: ['host'] })
  const [n1, n2, , n4] = all as [Agent, Agent, Agent, Agent]
  await n1.reports('host runs on n4', ({ nodes }) => nodes[3]!.roles[0]?.state === 'running')

  // Frozen: still taken for alive, and no role hands anything over.
  n4.signal('SIGSTOP')
  const begun = await n1.json<DrainProgress>('drain', 'n4', '--no-wait', '--deadline', '100ms')
  expect(begun).toMatchObject({ node: 'n4', state: 'draining' })
  await n2.sees({ n1: 'ready', n2: 'ready', n3: 'ready', n4: 'drained' })
  const { events } = await n1.json<{ events: LoggedEvent[] }>('log', '--type', 'NodeDrained')
  expect(events).toMatchObject([{ data: { forced: true } }])
  n4.signal('SIGCONT')
  expect(await n1.hive('drain', 'n4', '--cancel')).toMatchObject({ code: 0 })
  await allReady(all)

  await n4.kill()
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
  const dead = await n2.hive('drain', 'n4')
  expect(dead).toMatchObject({ code: 0, stderr: '' })
  expect(dead.stdout).toMatch(
    /n4 does not answer: its roles cannot hand off[\s\S]*n4 is drained\n$/,
  )
  n4.start()
  await n4.reports('it came back drained', ({ stale, nodes }) => {
    return !stale && nodes[3]?.state === 'drained'
  })
  expect(await n4.hive('drain', 'n4', '--cancel')).toMatchObject({ code: 0 })
  await allReady(all)
})
