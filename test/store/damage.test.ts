import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { openStorage } from '../../src/store/open.ts'
import { data, entries, Running, refusal, row, temporaryDir, three } from './data-dir.ts'

/** A closed data directory with 100 entries, 60 of them applied and 20 compacted. */
async function filledDir(): Promise<string> {
  const dir = temporaryDir()
  const running = new Running(dir)
  const hardState = { term: 2, vote: 'a', commit: 60 }
  await running.write({ hardState, entries: entries(1, 100, 2, 200) })
  running.save(
    60,
    2,
    Array.from({ length: 100 }, (_, i) => row(`k${i}`, 'x'.repeat(200))),
  )
  running.store.compact(20, 2)
  await running.settle()
  await running.close()
  return dir
}

function change(dir: string, file: string, sql: string): void {
  const db = new Database(join(dir, file))
  db.unsafeMode()
  db.exec(sql)
  db.close()
}

function refused(dir: string) {
  const storage = openStorage(dir)
  const before = snapshotOf(dir)
  try {
    const error = refusal(() => storage.openGroup(() => {}))
    expect(snapshotOf(dir)).toEqual(before)
    return error
  } finally {
    storage.close(() => {})
  }
}

/** Refusing deletes nothing. */
function snapshotOf(dir: string): number[] {
  return ['log.db', 'state.db'].map(file => {
    try {
      return readFileSync(join(dir, file)).length
    } catch {
      return -1
    }
  })
}

describe('a damaged data directory is refused by name', () => {
  test.each([
    ['an entry is missing', 'log.db', 'DELETE FROM entries WHERE idx = 50', 'entry 50 is missing'],
    ['bits rot', 'log.db', "UPDATE entries SET data = x'00' WHERE idx = 70", 'checksum'],
    ['a term changes', 'log.db', 'UPDATE entries SET term = 3 WHERE idx = 70', 'checksum'],
    ['the hard state is gone', 'log.db', 'DELETE FROM hard_state', 'hard state'],
    ['the term is behind', 'log.db', 'UPDATE hard_state SET term = 1', 'later term'],
    ['committed entries are gone', 'log.db', 'DELETE FROM entries WHERE idx > 50', 'ends at 50'],
    [
      'the configuration is senseless',
      'log.db',
      "UPDATE snapshot SET config = '{}'",
      'configuration',
    ],
    ['the state goes beyond the log', 'state.db', 'UPDATE applied SET idx = 101', 'goes to 101'],
    ['the state ends before the log', 'state.db', 'UPDATE applied SET idx = 19', 'goes to 19'],
    ['the state is of another history', 'state.db', 'UPDATE applied SET term = 1', 'disagree'],
    ['the state has no index', 'state.db', 'DELETE FROM applied', 'index, term or configuration'],
  ])('%s', async (_name, file, sql, message) => {
    const dir = await filledDir()
    change(dir, file, sql)
    const error = refused(dir)
    expect(error.code).toBe('SCHEMA')
    expect(error.message).toContain(file)
    expect(error.message).toContain(message)
    expect(error.remedy).toContain('move it away')
  })

  test.each(['log.db', 'state.db'])('%s is torn, overwritten, cut or no database', async file => {
    const dir = await filledDir()
    const path = join(dir, file)
    const whole = readFileSync(path)
    const overwritten = Buffer.from(whole)
    for (let page = 2; page * 4096 < whole.length; page++) {
      overwritten.fill(0xa5, page * 4096 + 64, page * 4096 + 1024)
    }
    for (const bytes of [overwritten, Buffer.alloc(8192, 'not a database')]) {
      writeFileSync(path, bytes)
      const error = refused(dir)
      expect(error.code).toBe('SCHEMA')
      expect(error.message).toContain(file)
    }
    writeFileSync(path, whole)
    truncateSync(path, Math.floor(whole.length / 2))
    expect(refused(dir).code).toBe('SCHEMA')
    writeFileSync(path, whole)
    expect(new Running(dir).loaded.entries).toHaveLength(80)
  })

  test('state.db is missing', async () => {
    const dir = await filledDir()
    rmSync(join(dir, 'state.db'))
    const error = refused(dir)
    expect(error.code).toBe('SCHEMA')
    expect(error.message).toContain('state.db is missing')
  })

  test('node.db is no database', async () => {
    const dir = await filledDir()
    writeFileSync(join(dir, 'node.db'), 'nothing that SQLite would read as one of its own files')
    const error = refusal(() => openStorage(dir))
    expect(error.code).toBe('SCHEMA')
    expect(error.message).toContain('node.db is damaged')
  })
})

describe('schemas', () => {
  test.each([
    ['log.db', 2],
    ['state.db', 1],
  ])('a newer %s is left to a newer hive', async (file, known) => {
    const dir = await filledDir()
    change(dir, file, 'PRAGMA user_version = 9')
    const error = refused(dir)
    expect(error.code).toBe('SCHEMA')
    expect(error.message).toContain(`${file} has schema 9; this hive knows up to ${known}`)
    expect(error.remedy).toContain('newer')
  })

  test('a newer node.db is left to a newer hive', async () => {
    const dir = await filledDir()
    change(dir, 'node.db', 'PRAGMA user_version = 9')
    const error = refusal(() => openStorage(dir))
    expect(error.code).toBe('SCHEMA')
    expect(error.message).toContain('node.db has schema 9')
  })

  test("somebody else's database is not touched", async () => {
    const dir = await filledDir()
    change(dir, 'state.db', 'PRAGMA application_id = 7')
    const error = refused(dir)
    expect(error.code).toBe('SCHEMA')
    expect(error.message).toContain("not hive's state.db")
  })
})

test('a state without a log is set aside, not used and not deleted', async () => {
  const dir = await filledDir()
  rmSync(join(dir, 'log.db'))
  const storage = openStorage(dir)
  expect(storage.hasGroup()).toBe(false)
  const { loaded } = storage.openGroup(() => {})
  expect([...loaded.rows]).toEqual([])
  const kept = new Database(join(dir, 'aside', 'unfinished-1', 'state.db'), { readonly: true })
  expect(kept.prepare('SELECT count(*) FROM rows').pluck().get()).toBe(100)
  kept.close()
  await storage.abandon()
})

test('a compaction that a crash interrupted is finished', async () => {
  const dir = await filledDir()
  const db = new Database(join(dir, 'log.db'))
  db.exec('UPDATE snapshot SET idx = 55')
  db.close()
  const running = new Running(dir)
  expect(running.loaded.snapshot).toEqual({ index: 55, term: 2, config: expect.anything() })
  expect(running.loaded.entries[0]).toEqual({ ...data(56, 2, 200), data: expect.anything() })
  await running.settle()
  await running.close()
  const after = new Database(join(dir, 'log.db'), { readonly: true })
  expect(after.prepare('SELECT min(idx) FROM entries').pluck().get()).toBe(56)
  after.close()
})

test('what is set aside is whole and by its own name each time', async () => {
  const dir = temporaryDir()
  const first = new Running(dir)
  await first.write({ hardState: { term: 1, vote: null, commit: 0 }, entries: entries(1, 5, 1) })
  first.save(3, 1, [row('a', 1)])
  const places = [first.storage.setAside('reset')]
  first.storage.createGroup(
    { index: 0, term: 0, config: three },
    { term: 0, vote: null, commit: 0 },
    [],
  )
  places.push(first.storage.setAside('reset'))
  places.push(first.storage.setAside('../odd name'))
  const expected = ['reset-1', 'reset-2', '.._odd_name-1'].map(name => join(dir, 'aside', name))
  expect(places).toEqual(expected)
  const log = new Database(join(places[0]!, 'log.db'), { readonly: true })
  expect(log.prepare('SELECT count(*) FROM entries').pluck().get()).toBe(5)
  log.close()
  const state = new Database(join(places[0]!, 'state.db'), { readonly: true })
  expect(state.prepare('SELECT idx FROM applied').pluck().get()).toBe(3)
  state.close()
  await first.close()
})
