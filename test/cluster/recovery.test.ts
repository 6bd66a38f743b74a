import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { RecoveryPlan } from '../../src/api/types.ts'
import { type Agent, allReady, cluster, endsAgents } from '../support/agents.ts'

/** A quorum lost for good, and what was lost coming back: with real processes and the command line. */

endsAgents()

type Three = readonly [Agent, Agent, Agent, ...Agent[]]

async function withoutMajority(): Promise<Three> {
  const all = (await cluster(4, ['n1', 'n2', 'n3'])) as unknown as Three
  const [n1, n2, n3] = all
  expect(await n1.hive('kv', 'put', 'before', '1')).toMatchObject({ code: 0 })
  await n2.kill()
  await n3.kill()
  await n1.reports('there is no leader', ({ cluster: { leader } }) => leader === null)
  return all
}

function asideOf(agent: Agent): string[] {
  const folder = join(agent.dir, 'aside')
  return existsSync(folder) ? readdirSync(folder).filter(name => name.startsWith('epoch-')) : []
}

test('plan, apply, go on; the lost come back one by one, and their logs can be read', async () => {
  const [n1, n2, n3, n4] = (await withoutMajority()) as unknown as [Agent, Agent, Agent, Agent]
  expect(await n4.hive('recover', 'plan')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/n4 carries no log[\s\S]*do: run it on one of n1/),
  })
  const shown = await n1.hive('recover', 'plan')
  expect(shown).toMatchObject({ code: 0, stderr: '' })
  expect(shown.stdout).toMatch(/n1 {4}voter {2}answers[\s\S]*n2 {4}voter {2}silent/)
  expect(shown.stdout).toMatch(/would lead: n1; voters: n1; without: n2, n3; new epoch: 2/)
  expect(shown.stdout).toMatch(/what only the lost nodes acknowledged/)

  const mute = await n1.hive('recover', 'apply', '--reason', 'fire')
  expect(mute).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/--yes-i-mean NAME/),
  })
  const wrong = await n1.hive('recover', 'apply', '--reason', 'fire', '--yes-i-mean', 'test')
  expect(wrong).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/called «prod», not «test»/),
  })
  expect((await n1.status()).cluster.epoch).toBe(1)

  const { pid } = n1
  const done = await n1.hive('recover', 'apply', '--reason', 'fire', '--yes-i-mean', 'prod')
  expect(done).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/recovered: epoch 2, n1 leads/),
  })
  expect(n1.pid).toBe(pid)
  await n4.reports('the rescue', r => r.cluster.epoch === 2 && r.cluster.leader === 'n1')
  expect(await n4.hive('kv', 'get', 'before')).toMatchObject({ code: 0, stdout: '1\n' })
  expect(await n4.hive('kv', 'put', 'after', '2')).toMatchObject({ code: 0 })
  const log = await n4.hive('log', '--type', 'ClusterRecovered')
  expect(log.stdout).toMatch(/ClusterRecovered.*voters n1, without n2, n3, "fire".*by /)

  for (const agent of [n2, n3]) {
    const before = JSON.stringify(asideOf(agent))
    expect(before).toBe('[]')
    agent.start()
    await agent.reports('it is refused', r => r.notices.some(n => /EPOCH_MISMATCH/.test(n)))
    await agent.reports('it is home', r => r.cluster.epoch === 2 && r.cluster.state === 'active')
    const [kept] = asideOf(agent)
    const read = await agent.hive('log', '--file', join(agent.dir, 'aside', kept!))
    expect(read).toMatchObject({ code: 0, stderr: '' })
    expect(read.stdout).toMatch(/ClusterInitialised[\s\S]*KvPut +before/)
    expect(read.stdout).not.toContain('ClusterRecovered')
  }
  await allReady([n1, n2, n3, n4])
  const { nodes } = await n1.status()
  expect(nodes.map(n => `${n.name} ${n.control}`)).toEqual([
    'n1 leader',
    'n2 none',
    'n3 none',
    'n4 none',
  ])
  for (const name of ['n2', 'n3']) {
    expect(await n1.hive('control', 'promote', name)).toMatchObject({ code: 0 })
  }
  await n1.kill()
  await n2.reports('another leads', r => r.cluster.leader !== null && r.cluster.leader !== 'n1')
  expect(await n3.hive('kv', 'get', 'after')).toMatchObject({ code: 0, stdout: '2\n' })
})

test('a lost side with a quorum of its own stays apart until it gives in', async () => {
  const [n1, n2, n3, n4] = (await withoutMajority()) as unknown as [Agent, Agent, Agent, Agent]
  expect(await n1.hive('recover', 'apply', '--reason', 'x', '--yes-i-mean', 'prod')).toMatchObject({
    code: 0,
  })
  // It meets itself before it meets the rescued.
  n1.signal('SIGSTOP')
  n4.signal('SIGSTOP')
  n2.start()
  n3.start()
  await n2.reports('a leader', ({ cluster: { leader } }) => leader === 'n2' || leader === 'n3')
  expect(await n2.hive('kv', 'put', 'only', 'here')).toMatchObject({ code: 0 })
  n1.signal('SIGCONT')
  n4.signal('SIGCONT')
  for (const agent of [n2, n3]) {
    await agent.reports('the other side', r =>
      r.notices.some(n => /quorum of its own.*recover yield/.test(n)),
    )
  }
  expect(await n1.hive('kv', 'get', 'only')).toMatchObject({ code: 1 })
  expect(await n2.hive('kv', 'get', 'only')).toMatchObject({ code: 0, stdout: 'here\n' })
  expect(await n1.hive('recover', 'yield', '--yes')).toMatchObject({ code: 1 })
  const yielded = await n2.json<{ setAside: string }>('recover', 'yield', '--yes')
  expect(yielded.setAside).toContain('epoch-1')
  for (const agent of [n2, n3]) {
    await agent.reports('it is home', r => r.cluster.epoch === 2 && r.cluster.leader === 'n1')
    expect(await agent.hive('kv', 'get', 'only')).toMatchObject({ code: 1 })
  }
  const read = await n2.json<{ events: { type: string; data: { key?: string } }[] }>(
    ...['log', '--file', yielded.setAside],
  )
  expect(read.events.some(e => e.type === 'KvPut' && e.data.key === 'only')).toBe(true)
  await allReady([n1, n2, n3, n4])
})

test('while a quorum is there nothing is rescued', async () => {
  const [n1, n2] = (await cluster(3)) as unknown as Three
  const plan = await n2.json<RecoveryPlan>('recover', 'plan')
  expect(plan).toMatchObject({ possible: false, why: expect.stringMatching(/follows the leader/) })
  expect(await n1.hive('recover', 'apply', '--reason', 'x', '--yes-i-mean', 'prod')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/nothing is lost/),
  })
  expect(await n1.hive('log', '--file', '/nowhere')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no log.db at \/nowhere/),
  })
  expect((await n1.status()).cluster.epoch).toBe(1)
})
