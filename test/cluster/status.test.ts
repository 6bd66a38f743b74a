import { expect, test } from 'vitest'
import type { StatusReport } from '../../src/api/types.ts'
import {
  type Agent,
  cluster,
  endsAgents,
  eventually,
  hive,
  leaderOf,
  place,
  zombies,
} from '../support/agents.ts'

/** What `hive status` shows and how it ends, from a zombie to a lost quorum. */

endsAgents()

test('a zombie and nobody at all', async () => {
  const [n1] = await zombies(1)
  const report = await n1!.json<StatusReport>('status')
  expect(report).toMatchObject({
    cluster: { name: null, tag: null, state: 'zombie', leader: null, epoch: 0, metaVersion: 0 },
    nodes: [{ name: 'n1', state: 'zombie', control: 'none', roles: [], address: n1!.address }],
    self: 'n1',
  })
  expect(await n1!.hive('status')).toMatchObject({ code: 1 })
  await n1!.stop()
  const gone = await n1!.hive('status')
  expect(gone).toMatchObject({ code: 2, stdout: '' })
  expect(gone.stderr).toMatch(
    /^error: no agent answers at .*agent\.sock\n {2}do: start one with: hive agent/,
  )
  const nowhere = await hive({ HOME: place() }, 'status', '--json')
  expect(nowhere.code).toBe(2)
  expect(JSON.parse(nowhere.stdout)).toMatchObject({ error: { code: 'NO_AGENT' } })
})

test('from healthy to no quorum and back', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const n4 = all[3]!
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
  const leader = await leaderOf(all)
  for (const agent of all) {
    const shown = await agent.hive('status', '--json')
    expect(shown.code).toBe(0)
    const { cluster: c, nodes, self } = JSON.parse(shown.stdout) as StatusReport
    expect(self).toBe(agent.name)
    expect(c).toEqual({
      name: 'prod',
      tag: expect.stringMatching(uuid),
      state: 'active',
      epoch: expect.any(Number),
      metaVersion: expect.any(Number),
      leader: leader.name,
      term: expect.any(Number),
      commitIndex: expect.any(Number),
      quorum: { voters: 3, needed: 2, reachable: 3, survives: 1, missing: [] },
    })
    expect(nodes).toHaveLength(4)
    for (const [i, one] of nodes.entries()) {
      const control = one.name === leader.name ? 'leader' : one.name === 'n4' ? 'none' : 'voter'
      expect(one).toEqual({
        id: expect.stringMatching(uuid),
        name: `n${i + 1}`,
        address: all[i]!.address,
        state: 'ready',
        control,
        roles: [],
        dc: 'dc1',
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        incarnation: expect.any(Number),
      })
    }
  }
  const table = await n4.hive('status_summary')
  expect(table).toMatchObject({ code: 0, stderr: '' })
  expect(table.stdout).toMatch(
    new RegExp(`^prod +active +leader ${leader.name} +term \\d+ +quorum 3/3`),
  )

  const watching = n4.watch('status', '--watch', '--json')
  await watching.said(/"commitIndex"/)

  const voters = all.slice(0, 3).filter(agent => agent !== leader)
  const [first, second] = voters as [(typeof all)[0], (typeof all)[0]]
  await first.kill()
  await n4.reports(`${first.name} is gone`, ({ nodes }) =>
    nodes.some(one => one.name === first.name && one.state !== 'ready'),
  )
  const degraded = await n4.hive('status')
  expect(degraded).toMatchObject({ code: 1 })
  expect(degraded.stdout).toContain('quorum 2/3')

  await second.kill()
  await leader.reports('the quorum is lost', ({ cluster: c }) => c.state === 'degraded')
  const lose = async (agent: Agent) => {
    await agent.reports('the quorum is lost', ({ cluster: { quorum } }) => quorum.reachable < 2)
    const lost = await agent.hive('status')
    expect(lost).toMatchObject({ code: 2, stderr: '' })
    expect(lost.stdout).toMatch(/no quorum: 1 of 3 control nodes answer, 2 are needed/)
    // Reads that may be old go on where the log is; whatever must be agreed says why it cannot.
    const write = await agent.hive('kv', 'put', 'a', 'b')
    expect(write).toMatchObject({ code: 2, stdout: '' })
    expect(write.stderr).toMatch(/^error: .*(quorum|leader)/)
  }
  await Promise.all([lose(leader), lose(n4)])
  // Nobody is removed while nobody can decide.
  expect((await leader.status()).nodes.map(one => one.name)).toEqual(['n1', 'n2', 'n3', 'n4'])

  first.start()
  second.start()
  for (const agent of all) {
    await agent.sees({ n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  }
  await eventually(
    'n4: healthy',
    () => n4.hive('status'),
    ({ code }) => code === 0,
  )
  const shown = () => watching.output.stdout.split('\n').filter(line => line.startsWith('{'))
  await eventually('the watch shows it', shown, lines => {
    const last = JSON.parse(lines.at(-1)!) as StatusReport
    return last.cluster.quorum.reachable === 3 && last.nodes.every(one => one.state === 'ready')
  })
  const counts = shown().map(line => (JSON.parse(line) as StatusReport).cluster.quorum.reachable)
  expect(counts).toContain(1)
  watching.child.kill('SIGINT')
  expect(await watching.ended).toMatchObject({ code: 0 })
})
