import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createDatabase, openWal } from '../../src/store/database.ts'
import { logSchema } from '../../src/store/schema.ts'
import { entries, Running, row, temporaryDir } from './data-dir.ts'

test('files stay bounded while a compacted log and its state go on and on', async () => {
  const running = new Running(temporaryDir(), { walBytes: 256 * 1024, saveDelay: 1 })
  const hardState = { term: 1, vote: 'a', commit: 0 }
  const batch = 100
  for (let i = 0; i < 150; i++) {
    const last = (i + 1) * batch
    await running.write({ hardState, entries: entries(i * batch + 1, last, 1, 500) })
    running.save(
      last,
      1,
      Array.from({ length: 20 }, (_, k) => row(`k${(i + k) % 100}`, `${i}`.repeat(100))),
    )
    if (i % 10 === 9) running.store.compact(last - batch, 1)
    if (i % 30 === 29) await running.settle()
  }
  await running.settle()
  const size = (file: string) => statSync(join(running.storage.dir, file)).size
  // 7.5 MB went through.
  expect(running.store.logBytes()).toBe(batch * 524)
  expect(size('log.db')).toBeLessThan(2_500_000)
  expect(size('log.db-wal')).toBeLessThan(2_500_000)
  expect(size('state.db')).toBeLessThan(500_000)
  expect(size('state.db-wal')).toBeLessThan(1_500_000)
  await running.close()
  expect(() => size('log.db-wal')).toThrow()
})

test('one event that changes hundreds of thousands of rows does not fill the thread that writes them', async () => {
  const dir = temporaryDir()
  const running = new Running(dir, { saveDelay: 1 })
  await running.write({ hardState: { term: 1, vote: 'a', commit: 0 }, entries: entries(1, 9, 1) })
  const many = 400_000
  const blob = new Uint8Array(8)
  running.save(2, 1, [row('a', 2), row('z', 2)])
  running.save(
    3,
    1,
    Array.from({ length: many }, (_, i) => ({ ...row(`k${i}`, 3), blob })),
  )
  running.save(4, 1, [row('k0', 4), row('z', 4)])
  await running.settle()
  expect(running.failures).toEqual([])
  await running.close()
  const { loaded } = new Running(dir)
  expect(loaded.applied).toBe(4)
  const rows = new Map(Array.from(loaded.rows, ({ key, json }) => [key, json]))
  expect(rows.size).toBe(many + 2)
  expect(['a', 'z', 'k0', 'k1'].map(key => rows.get(key))).toEqual(['2', '4', '4', '3'])
}, 60_000)

test('a commit of the log is synced, whatever the default of the build', () => {
  const path = join(temporaryDir(), 'log.db')
  createDatabase(path, logSchema, () => {})
  const db = openWal(path, { synchronous: 'FULL', cacheKib: 64 })
  expect(db.pragma('synchronous', { simple: true })).toBe(2)
  expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
  db.close()
})

test('the newest row of a key wins, and what comes late does not go back', async () => {
  const dir = temporaryDir()
  const running = new Running(dir, { saveDelay: 60_000 })
  await running.write({ hardState: { term: 1, vote: 'a', commit: 0 }, entries: entries(1, 9, 1) })
  const gone = { table: 'kv', key: 'b', json: null, blob: null }
  running.save(2, 1, [row('a', 2), row('b', 2)])
  running.save(4, 1, [row('a', 4), gone])
  running.save(6, 1, [row('a', 6), row('c', 6)])
  running.save(5, 1, [row('a', 5), row('d', 5)])
  await running.settle()
  await running.storage.abandon()
  const { loaded } = new Running(dir)
  expect(loaded.applied).toBe(6)
  expect([...loaded.rows]).toEqual([row('a', 6), row('c', 6)])
})
