import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Agent, allReady, cluster, endsAgents, eventually, node } from '../support/agents.ts'

/** Backups on real processes: saved, looked at, brought back; and those that agents make by the clock. */

endsAgents()
const folder = mkdtempSync(join(tmpdir(), 'hive-snapshots-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ok = { code: 0 }

test('a snapshot saved through one node comes back through another', async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const [n1, n2, , n4] = all as [Agent, Agent, Agent, Agent]
  const large = join(folder, 'large')
  writeFileSync(large, Buffer.alloc(400_000, 7))
  for (const key of ['a', 'b']) expect(await n1.hive('kv', 'put', key, 'old')).toMatchObject(ok)
  for (let i = 0; i < 4; i++)
    expect(await n1.hive('kv', 'put', `large/${i}`, `@${large}`)).toMatchObject(ok)
  const file = join(folder, 'saved')
  expect(await n4.hive('snapshot', 'save', file)).toMatchObject(ok)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder).filter(name => name.endsWith('.part'))).toEqual([])
  const again = await n4.hive('snapshot', 'save', file)
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('exists already')])

  const inspected = await n4.hive('snapshot', 'inspect', file, '--json')
  expect(JSON.parse(inspected.stdout)).toMatchObject({
    nodes: ['n1', 'n2', 'n3', 'n4'],
    voters: ['n1', 'n2', 'n3'],
    keys: 6,
  })
  expect(await n2.hive('kv', 'put', 'a', 'new')).toMatchObject(ok)
  expect(await n2.hive('kv', 'put', 'late', 'x')).toMatchObject(ok)
  const dry = JSON.parse((await n4.hive('snapshot', 'restore', file, '--dry-run', '--json')).stdout)
  expect(dry).toMatchObject({ added: [], changed: ['a'], removed: ['late'], same: 5 })
  const unsure = await n4.hive('snapshot', 'restore', file)
  expect([unsure.code, unsure.stderr]).toEqual([2, expect.stringContaining('--yes --name')])
  const wrong = await n4.hive('snapshot', 'restore', file, '--yes', '--name', 'other')
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('not «other»')])

  const bad = join(folder, 'bad')
  const bytes = readFileSync(file)
  bytes[bytes.length - 3000]! ^= 1
  writeFileSync(bad, bytes)
  const { name } = (await n1.status()).cluster
  const refused = await n4.hive('snapshot', 'restore', bad, '--yes', '--name', name!)
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('checksum')])
  expect((await n1.hive('kv', 'get', 'a')).stdout).toBe('new\n')

  const done = await n4.hive('snapshot', 'restore', file, '--yes', '--name', name!)
  expect(done).toMatchObject(ok)
  expect((await n1.hive('kv', 'get', 'a')).stdout).toBe('old\n')
  expect(await n1.hive('kv', 'get', 'late')).toMatchObject({ code: 1 })
  await allReady(all)
  for (const agent of all) await agent.reports('the new epoch', r => r.cluster.epoch === 2)
  expect((await n1.hive('log', '--type', 'SnapshotRestored')).stdout).toMatch(/6 keys of/)
})

test('what is left of a cluster that is no more makes another one', async () => {
  const [old] = (await cluster(1)) as [Agent]
  expect(await old.hive('kv', 'put', 'a', 'old')).toMatchObject(ok)
  const file = join(folder, 'left')
  expect(await old.hive('snapshot', 'save', file)).toMatchObject(ok)
  await old.end()
  const fresh = (await node('n1', {}, 'fresh')).start()
  await fresh.sees({ n1: 'zombie' })
  const cut = join(folder, 'cut')
  writeFileSync(cut, readFileSync(file).subarray(0, 300))
  expect(await fresh.hive('init', '--from-snapshot', cut)).toMatchObject({ code: 1 })
  expect((await fresh.status()).cluster.state).toBe('zombie')
  expect(await fresh.hive('init', '--from-snapshot', file)).toMatchObject(ok)
  expect((await fresh.hive('kv', 'get', 'a')).stdout).toBe('old\n')
  expect((await fresh.status()).cluster.name).toBe('prod')

  // What was written since is not overwritten by somebody who runs the same line again.
  expect(await fresh.hive('kv', 'put', 'a', 'since')).toMatchObject(ok)
  expect(await fresh.hive('init', '--from-snapshot', file)).toMatchObject({
    ...{ code: 1, stdout: '' },
    stderr: expect.stringContaining('do: to replace its keys'),
  })
  expect((await fresh.hive('kv', 'get', 'a')).stdout).toBe('since\n')
})

test('control nodes make snapshots by the clock, and say where', async () => {
  const [n1] = (await cluster(1, undefined, {
    args: ['--snapshot-every', '1s', '--snapshot-keep', '2'],
  })) as [Agent]
  const backups = join(n1.dir, 'backups')
  const seen = new Set<string>()
  const look = async () => {
    await n1.hive('kv', 'put', 'count', String(seen.size))
    const names = existsSync(backups) ? readdirSync(backups) : []
    for (const name of names) if (name.endsWith('.snapshot')) seen.add(name)
    return seen.size
  }
  await eventually('three were made', look, made => made >= 3)
  const list = JSON.parse((await n1.hive('snapshot', 'list', '--json')).stdout)
  expect(list).toMatchObject({ node: 'n1', folder: backups, every: 1000, keep: 2, failure: null })
  const newest = list.snapshots.at(-1).name
  expect(await n1.hive('snapshot', 'inspect', join(backups, newest))).toMatchObject(ok)
  expect(list.snapshots.length).toBeLessThanOrEqual(3)
})
