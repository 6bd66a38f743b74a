import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { SnapshotMeta } from '../../src/raft/types.ts'
import { decodeWrite, encodeWrite } from '../../src/store/entry-codec.ts'
import { LogFile } from '../../src/store/log-file.ts'
import { acceptReceived, takePlace } from '../../src/store/received.ts'
import { entries, Running, refusal, row, temporaryDir, three } from './data-dir.ts'

const meta: SnapshotMeta = { index: 40, term: 3, config: three }
const hardState = { term: 3, vote: null, commit: 40 }
const oldHardState = { term: 1, vote: 'a', commit: 0 }
/** Made by the first test, the same for all. */
let snapshot = new Uint8Array(0)

async function makeSnapshot(): Promise<void> {
  const leader = new Running(temporaryDir())
  await leader.write({ hardState, entries: entries(1, 40, 3) })
  leader.save(
    40,
    3,
    Array.from({ length: 50 }, (_, i) => row(`new${i}`, i)),
  )
  const source = await leader.snapshot()
  snapshot = new Uint8Array(source.read(0, source.size))
  source.close()
  await leader.close()
}

/** A follower with three entries, two of them applied. */
async function follower(dir = temporaryDir()): Promise<Running> {
  if (snapshot.length === 0) await makeSnapshot()
  const running = new Running(dir)
  await running.write({ hardState: oldHardState, entries: entries(1, 3, 1) })
  running.save(2, 1, [row('old', 2)])
  await running.settle()
  return running
}

function expectOld(running: Running): void {
  const { loaded } = running
  expect(loaded.hardState).toEqual({ ...oldHardState, commit: 2 })
  expect([loaded.snapshot.index, loaded.entries.length, loaded.applied]).toEqual([0, 3, 2])
  expect([...loaded.rows]).toEqual([row('old', 2)])
}

function expectNew(running: Running): void {
  const { loaded } = running
  expect(loaded.snapshot).toEqual(meta)
  expect(loaded.hardState).toEqual(hardState)
  expect([loaded.entries.length, loaded.applied]).toEqual([0, 40])
  expect([...loaded.rows]).toHaveLength(50)
}

describe('a received snapshot that is not what it should be touches nothing', () => {
  const cut = () => snapshot.slice(0, snapshot.length - 4096)
  const torn = () => {
    const bytes = snapshot.slice()
    for (let at = 4096; at < bytes.length; at += 4096) bytes.fill(0xee, at + 3, at + 100)
    return bytes
  }
  const changed = (sql: string) => () => {
    const path = join(temporaryDir(), 'changed.db')
    writeFileSync(path, snapshot)
    const db = new Database(path)
    db.exec(sql)
    db.close()
    return new Uint8Array(readFileSync(path))
  }
  test.each([
    ['nothing', () => new Uint8Array(0), 'not a database'],
    ['garbage', () => new Uint8Array(9000).fill(33), 'not a database'],
    ['cut', cut, ''],
    ['torn', torn, 'damaged'],
    ['of another index', changed('UPDATE applied SET idx = 39'), 'index 39'],
    ['of another term', changed('UPDATE applied SET term = 2'), 'term 2'],
    ['of a newer schema', changed('PRAGMA user_version = 2'), 'schema 2'],
    ['another kind of database', changed('PRAGMA application_id = 1'), "not hive's"],
    ['with a trigger', changed(trigger), 'other tables'],
    ['with a table too many', changed('CREATE TABLE more (x)'), 'other tables'],
    ['with a write-ahead log', changed('PRAGMA journal_mode = WAL'), 'not a database'],
  ])('%s', async (_name, make, reason) => {
    const running = await follower()
    const bytes = make()
    for (let at = 0; at < bytes.length || at === 0; at += 5000) {
      running.store.receiveChunk(at, bytes.subarray(at, at + 5000))
    }
    const failure = await running.write({ snapshot: meta, hardState })
    expect(failure?.kind).toBe('corrupt')
    expect(failure?.message).toContain(reason)
    expect(running.failures).toEqual([failure])
    expect(await running.write({ hardState })).toEqual(failure)
    await running.close()
    expectOld(new Running(running.storage.dir))
  })

  test('what never came', async () => {
    const running = await follower()
    expect((await running.write({ snapshot: meta, hardState }))?.kind).toBeDefined()
    await running.close()
    expectOld(new Running(running.storage.dir))
  })
})

const trigger = 'CREATE TRIGGER t AFTER DELETE ON rows BEGIN DELETE FROM applied; END'

describe('a crash in the middle of an installation', () => {
  /** The files as they are after so many of the four steps. */
  async function interrupted(steps: number): Promise<string> {
    const dir = temporaryDir()
    await (await follower(dir)).close()
    const path = join(dir, 'snapshots', 'received-1')
    writeFileSync(path, snapshot)
    if (steps >= 1) acceptReceived(dir, path, meta)
    const log = new LogFile(join(dir, 'log.db'), 0)
    const batch = decodeWrite(encodeWrite({ id: 1, snapshot: meta, hardState, entries: [] }))
    if (steps >= 2) log.install(batch, meta)
    if (steps >= 3) takePlace(dir)
    if (steps >= 4) log.settle()
    log.abandon()
    return dir
  }

  test('before the log says so: the old, and the file is gone', async () => {
    for (const steps of [0, 1]) {
      const dir = await interrupted(steps)
      expectOld(new Running(dir))
      expect(existsSync(join(dir, 'snapshots', 'next.db'))).toBe(false)
      expect(existsSync(join(dir, 'snapshots', 'received-1'))).toBe(false)
    }
  })

  test('after the log said so: the new, finished at the next start', async () => {
    for (const steps of [2, 3, 4]) {
      const dir = await interrupted(steps)
      const running = new Running(dir)
      expectNew(running)
      await running.close()
      const again = new Running(dir)
      expectNew(again)
      expect(await again.write({ entries: entries(41, 41, 3) })).toBeUndefined()
    }
  })

  test('a leftover write-ahead log of the old state never meets the new one', async () => {
    const dir = await interrupted(2)
    copyFileSync(join(dir, 'log.db'), join(dir, 'state.db-wal'))
    expectNew(new Running(dir))
  })

  test('the log waits for a file that is gone: said, not guessed', async () => {
    const dir = await interrupted(2)
    writeFileSync(join(dir, 'snapshots', 'next.db'), 'damaged')
    const error = refusal(() => new Running(dir))
    expect(error.code).toBe('SCHEMA')
    expect(error.message).toContain('snapshot')
  })
})

test('a transfer goes on while an earlier one is installed', async () => {
  const running = await follower()
  running.store.receiveChunk(0, snapshot)
  const first = running.write({ snapshot: meta, hardState })
  running.store.receiveChunk(0, new Uint8Array(10_000).fill(1))
  expect(await first).toBeUndefined()
  running.store.receiveChunk(10_000, new Uint8Array(10))
  expect(running.store.installed().applied).toBe(40)
})

test('writes on both sides of an installation keep their order', async () => {
  const running = await follower()
  running.store.receiveChunk(0, snapshot)
  const order: string[] = []
  const note = (name: string) => () => void order.push(name)
  await Promise.all([
    running.write({ entries: entries(4, 9, 1) }).then(note('before')),
    running.write({ snapshot: meta, hardState }).then(note('installed')),
    running.write({ entries: entries(41, 45, 3) }).then(note('after')),
  ])
  expect(order).toEqual(['before', 'installed', 'after'])
  await running.storage.abandon()
  const { loaded } = new Running(running.storage.dir)
  expect(loaded.entries.map(e => e.index)).toEqual([41, 42, 43, 44, 45])
  expect(loaded.applied).toBe(40)
})

test('a copy that is under way survives an installation', async () => {
  const running = await follower()
  running.store.receiveChunk(0, snapshot)
  const copies = [running.snapshot(), running.write({ snapshot: meta, hardState })]
  const later = await running.snapshot()
  await Promise.all(copies)
  expect(later.meta.index).toBe(40)
  expect(later.read(0, 16)).toEqual(snapshot.slice(0, 16))
  later.close()
})
