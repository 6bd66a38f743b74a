import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Agent, allReady, cluster, endsAgents, eventually } from '../support/agents.ts'

/** Away while deletions were forgotten: nothing that was deleted comes back (design §2, epoch). */

endsAgents()

function asideOf(agent: Agent): string[] {
  const folder = join(agent.dir, 'aside')
  return existsSync(folder) ? readdirSync(folder) : []
}

test('keys, nodes and roles that went over a collection stay gone, whoever comes back', async () => {
  const all = await cluster(5, ['n1', 'n2', 'n3'])
  const [n1, n2, n3, n4, n5] = all as [Agent, Agent, Agent, Agent, Agent]
  const ok = { code: 0 }
  expect(await n1.hive('settings', 'set', 'tombstone-grace', 'soon')).toMatchObject({ code: 2 })
  expect(await n1.hive('settings', 'set', 'tombstone-grace', '1s')).toMatchObject(ok)
  expect((await n2.hive('settings', 'list')).stdout).toMatch(
    /tombstone-grace = 1s {2}\(default 72h\)/,
  )
  expect(await n1.hive('kv', 'put', 'old/key', 'x')).toMatchObject(ok)
  expect(await n1.hive('role', 'assign', 'n4', 'host')).toMatchObject(ok)
  await n4.reports('its role runs', r =>
    r.nodes.some(n => n.name === 'n4' && n.roles.some(role => role.state === 'running')),
  )
  const { id } = (await n4.status()).nodes.find(n => n.name === 'n4')!
  for (const agent of [n3, n4, n5]) await agent.kill()

  expect(await n1.hive('kv', 'delete', 'old/', '--recurse')).toMatchObject(ok)
  expect(await n1.hive('role', 'unassign', 'n4', 'host')).toMatchObject(ok)
  expect(await n1.hive('leave', 'n5', '--force')).toMatchObject(ok)
  await n1.reports('the epoch rises', r => r.cluster.epoch === 2)
  expect((await n1.hive('log', '--type', 'TombstonesCollected')).stdout).toMatch(
    /TombstonesCollected.*epoch 2, deletions up to \d+ forgotten.*by leader n1/,
  )

  for (const agent of [n3, n4, n5]) agent.start()
  const kept = await eventually(
    'it sets aside what it knew',
    () => asideOf(n4),
    found => found.length > 0,
  )
  expect(kept).toEqual(['epoch-1-1'])
  await n4.reports('it bootstraps anew', r => r.cluster.epoch === 2 && r.cluster.state === 'active')
  // A voter is brought up to date by the log itself.
  expect(asideOf(n3)).toEqual([])
  await n5.reports('it is out', r => r.cluster.state === 'zombie')
  expect((await n5.hive('status')).stdout).toMatch(/this node left its cluster; hive join ADDR/)

  await allReady([n1, n2, n3, n4])
  for (const agent of [n1, n3, n4]) {
    const { nodes, cluster: told } = await agent.status()
    expect(told.epoch).toBe(2)
    expect(nodes.map(n => n.name)).toEqual(['n1', 'n2', 'n3', 'n4'])
    expect(nodes.find(n => n.name === 'n4')).toMatchObject({ id, roles: [] })
    expect(await agent.hive('kv', 'get', 'old/key')).toMatchObject({ code: 1 })
  }
})
