import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { ControlAnswer, StatusNode, StatusReport } from '../../src/api/types.ts'
import { type Agent, allReady, cluster, endsAgents, leaderOf, node } from '../support/agents.ts'

/** Who votes, who leaves, who begins anew. */

endsAgents()

async function control(agent: Agent): Promise<Record<string, StatusNode['control']>> {
  const { nodes } = await agent.status()
  return Object.fromEntries(nodes.map(one => [one.name, one.control]))
}

test('votes are given and taken, a learner first, never below a quorum', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const [n1, n2, n3, n4] = all as [Agent, Agent, Agent, Agent]
  expect(await n1.hive('kv', 'put', 'before', 'promotion')).toMatchObject({ code: 0 })

  const watching = await n4.json<ControlAnswer>('control', 'promote', 'n4', '--observer')
  expect(watching.observers).toEqual(['n4'])
  await n2.reports('n4 observes', ({ nodes }) => nodes[3]!.control === 'observer')
  const promoted = await n4.json<ControlAnswer>('control', 'promote', 'n4')
  expect([...promoted.voters].sort()).toEqual(['n1', 'n2', 'n3', 'n4'])
  expect(promoted.metaVersion).toBeGreaterThan(watching.metaVersion)
  await n3.reports('four vote', ({ cluster }) => cluster.quorum.voters === 4)
  // It has the log itself now.
  expect(await n4.hive('kv', 'get', 'before', '--stale')).toMatchObject({ stdout: 'promotion\n' })
  expect(await n4.hive('control', 'promote', 'n4')).toMatchObject({ code: 0 })

  const leader = await leaderOf(all)
  const demoted = await n4.hive('control', 'demote', leader.name)
  expect(demoted).toMatchObject({ code: 0, stderr: '' })
  await n4.reports('another leads', ({ cluster: { leader: now, quorum } }) => {
    return now !== null && now !== leader.name && quorum.voters === 3
  })
  expect((await control(n4))[leader.name]).toBe('none')
  await allReady(all)
  expect(await leader.hive('kv', 'get', 'before')).toMatchObject({ code: 0, stdout: 'promotion\n' })

  const rest = all.filter(agent => agent !== leader)
  const refused = await n4.hive('control', 'demote', rest[0]!.name)
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(
    /^error: .*survives no failure[^\n]*\n {2}do: promote another node first/,
  )
  const forced = await n4.hive('control', 'demote', rest[0]!.name, '--force')
  expect(forced).toMatchObject({ code: 0 })
  const unknown = await n4.hive('control', 'promote', 'n9')
  expect(unknown).toMatchObject({ code: 1 })
  expect(unknown.stderr).toMatch(/^error: no node n9 in the cluster\n {2}do: .*there are .*n1/)

  // Of two voters one is dead: nobody decides, and that is said soon.
  const two = await leaderOf(all)
  const victim = (await control(two)) as Record<string, string>
  const name = Object.keys(victim).find(one => victim[one] === 'voter')!
  await all.find(agent => agent.name === name)!.kill()
  const began = performance.now()
  const nobody = await two.hive('control', 'promote', leader.name)
  expect(nobody).toMatchObject({ code: 2, stdout: '' })
  expect(nobody.stderr).toMatch(/^error: .*(leader|quorum).*\n {2}do: /)
  expect(performance.now() - began).toBeLessThan(30_000)
}, 180_000)

test('a node leaves, comes back, and a dead one is taken out', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const [n1, , , n4] = all as [Agent, Agent, Agent, Agent]
  const left = await n4.hive('leave')
  expect(left).toMatchObject({ code: 0, stdout: 'this node has left the cluster and is empty\n' })
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready' })
  expect(await n4.hive('status')).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/zombie[\s\S]*left its cluster; hive join ADDR/),
  })
  // It stays out, also after a restart with its seeds.
  await n4.stop()
  n4.start()
  await n4.reports('it is out', ({ cluster: c, notices }) => {
    return c.state === 'zombie' && /left its cluster/.test(notices.join())
  })
  expect(await n4.hive('join', n1.address)).toMatchObject({ code: 0 })
  await allReady(all)

  await n4.kill()
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
  const out = await n1.hive('leave', 'n4')
  expect(out).toMatchObject({ code: 0, stdout: 'n4 has left the cluster\n' })
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready' })
  expect((await n1.hive('leave', 'n4')).stderr).toMatch(/^error: no node n4/)
  // What was taken out while it was away learns so when it is back.
  n4.start()
  await n4.reports('it is empty', ({ cluster: c }) => c.state === 'zombie')
  expect(await n1.states()).toEqual({ n1: 'ready', n2: 'ready', n3: 'ready' })
}, 180_000)

test('control nodes leave, the leader too, but not below what survives a failure', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const n4 = all[3]!
  const leader = await leaderOf(all)
  const refused = await leader.hive('leave')
  expect(refused).toMatchObject({ code: 1, stdout: '' })
  expect(refused.stderr).toMatch(
    /^error: .*survives no failure[^\n]*\n {2}do: hive control promote n4 first/,
  )
  expect(await n4.hive('kv', 'put', 'kept', 'yes')).toMatchObject({ code: 0 })

  expect(await n4.hive('control', 'promote', 'n4')).toMatchObject({ code: 0 })
  expect(await leader.hive('leave')).toMatchObject({ code: 0, stderr: '' })
  const rest = all.filter(agent => agent !== leader)
  await allReady(rest)
  expect((await n4.status()).cluster.quorum).toMatchObject({ voters: 3, needed: 2, reachable: 3 })
  expect(await leader.status()).toMatchObject({ cluster: { state: 'zombie', tag: null } })

  const follower = rest.find(agent => agent !== n4)!
  expect(await follower.hive('leave', '--force')).toMatchObject({ code: 0 })
  const two = rest.filter(agent => agent !== follower)
  await allReady(two)
  expect(await two[0]!.hive('kv', 'get', 'kept')).toMatchObject({ stdout: 'yes\n' })

  expect(await leader.hive('join', n4.address)).toMatchObject({ code: 0 })
  await allReady([...two, leader])
  expect(await leader.hive('kv', 'get', 'kept')).toMatchObject({ stdout: 'yes\n' })
}, 180_000)

test('the only voter cannot leave; it can be reset', async () => {
  const [n1] = await cluster(1)
  const refused = await n1!.hive('leave', '--force')
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.stderr).toMatch(/^error: n1 is the only voter\n {2}do: .*hive reset/)

  const asked = await n1!.hive('reset')
  expect(asked).toMatchObject({ code: 2 })
  expect(asked.stderr).toContain('hive reset --yes')
  expect((await n1!.status()).cluster.state).toBe('active')
  const { id } = (await n1!.status()).nodes[0]!
  const { setAside } = await n1!.json<{ setAside: string }>('reset', '--yes')
  expect(existsSync(setAside)).toBe(true)
  const [self] = (await n1!.status()).nodes
  expect(self).toMatchObject({ name: 'n1', state: 'zombie' })
  expect(self!.id).not.toBe(id)
  expect(await n1!.hive('init', '--name', 'again')).toMatchObject({ code: 0 })
  await n1!.sees({ n1: 'ready' })
})

test('a node is reset and joins again, once its old self is out', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const [n1, , , n4] = all as [Agent, Agent, Agent, Agent]
  const { id } = (await n4.status()).nodes[3]!
  expect(await n4.hive('reset', '--yes')).toMatchObject({ code: 0 })
  // Its seeds are tried at once, and its name is its old self's.
  const { notices } = await n4.reports('it is refused', ({ refused }) => refused === 'NAME_TAKEN')
  expect(notices.join()).toContain('hive node remove n4')
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
  expect(await n1.hive('leave', 'n4')).toMatchObject({ code: 0 })
  expect(await n4.hive('join', n1.address)).toMatchObject({ code: 0 })
  await allReady(all)
  expect((await n4.status()).nodes[3]!.id).not.toBe(id)
})

test('two clusters do not mix, whoever dials whom', async () => {
  const [one] = await cluster(1)
  const two = (await node('m1')).start()
  await two.answers()
  expect(await two.hive('init', '--name', 'test')).toMatchObject({ code: 0 })
  await two.stop()
  two.start('--join', one!.address)
  const refused = ({ notices }: StatusReport) => /TAG_MISMATCH|another cluster/.test(notices.join())
  const { cluster: c, nodes } = await two.reports('it is told', refused)
  expect(c).toMatchObject({ name: 'test', state: 'active' })
  expect(nodes.map(({ name }) => name)).toEqual(['m1'])
  expect(await one!.states()).toEqual({ n1: 'ready' })
  expect((await two.hive('join', one!.address)).stderr).toMatch(/belongs to «test» already/)
  // Who was refused is known after a restart.
  await two.stop()
  await one!.stop()
  one!.start()
  await one!.sees({ n1: 'ready' })
  expect((await one!.hive('why', 'join', 'm1')).stdout).toMatch(/n1 refused m1 at .*TAG_MISMATCH/)
})
