import { afterEach, describe, expect, test } from 'vitest'
import type { Entry, HardState, SnapshotMeta } from '../../src/raft/types.ts'
import type { Row } from '../../src/state/types.ts'
import type { SnapshotSource } from '../../src/store/types.ts'
import {
  data,
  facts,
  gone,
  type Harness,
  hard,
  joint,
  nobody,
  noVote,
  Process,
  plain,
  row,
  sorted,
  terms,
  three,
} from './storage-process.ts'

export type { Harness } from './storage-process.ts'

/** What every Storage must do. SQLite files and the simulator's disk both pass it. */
export function describeStorage(name: string, open: () => Promise<Harness>): void {
  describe(`storage: ${name}`, () => {
    const harnesses: Harness[] = []
    afterEach(async () => {
      for (const harness of harnesses.splice(0)) await harness.dispose?.()
    })
    async function start(): Promise<Process> {
      const harness = await open()
      harnesses.push(harness)
      return new Process(harness)
    }

    describeFacts(start)
    describeLog(start)
    describeState(start)
    describeSnapshots(start)
    describeEnd(start)
  })
}

type Start = () => Promise<Process>

function describeFacts(start: Start): void {
  test('facts are there at once and after a crash', async () => {
    const process = await start()
    expect(process.storage.readFacts()).toBeUndefined()
    process.storage.writeFacts({ ...facts, incarnation: 1 })
    process.storage.writeFacts(facts)
    expect(process.storage.readFacts()).toEqual(facts)
    const next = await process.harness.reopen()
    expect(next.readFacts()).toEqual(facts)
  })
}

function describeLog(start: Start): void {
  test('a new group is empty', async () => {
    const process = await start()
    expect(process.storage.hasGroup()).toBe(false)
    const loaded = process.open()
    expect(loaded).toEqual({
      hardState: { term: 0, vote: null, commit: 0 },
      snapshot: { index: 0, term: 0, config: nobody },
      entries: [],
      applied: 0,
      rows: [],
    })
    expect(process.storage.hasGroup()).toBe(true)
  })

  test('a group starts from its first configuration', async () => {
    const process = await start()
    const first: SnapshotMeta = { index: 0, term: 0, config: three }
    process.storage.createGroup(first, { term: 1, vote: 'b', commit: 0 }, [row('kv', 'k', 1)])
    expect(process.storage.hasGroup()).toBe(true)
    const loaded = process.open()
    expect(loaded.snapshot).toEqual(first)
    expect(loaded.hardState).toEqual({ term: 1, vote: 'b', commit: 0 })
    expect(sorted(loaded.rows)).toEqual([row('kv', 'k', 1)])
    expect(() => process.storage.createGroup(first, noVote, [])).toThrow()
  })

  test('what was acknowledged is there after a crash, byte for byte', async () => {
    const process = await start()
    process.open()
    const entries: Entry[] = [
      { index: 1, term: 1, type: 'noop' },
      { index: 2, term: 1, type: 'data', data: new Uint8Array([0, 255, 10, 0]) },
      { index: 3, term: 2, type: 'data', data: new Uint8Array(0) },
      { index: 4, term: 2, type: 'config', config: joint },
      { index: 5, term: 2, type: 'data', data: new Uint8Array(70_000).fill(7) },
      { index: 6, term: 2, type: 'noop', leader: 'n1', cause: 'timeout', time: 1_795_273_507_000 },
      { index: 7, term: 2, type: 'config', config: joint, time: 1_795_273_507_001, by: 'ann@h1' },
    ]
    const hardState: HardState = { term: 2, vote: null, commit: 0 }
    await process.write({ hardState, entries })
    const loaded = await process.crash()
    expect(plain(loaded.entries)).toEqual(plain(entries))
    expect(loaded.hardState).toEqual(hardState)
    expect(loaded.snapshot.index).toBe(0)
  })

  test('done comes once for each batch, in order', async () => {
    const process = await start()
    process.open()
    const order: number[] = []
    for (let i = 1; i <= 100; i++) {
      process.send({ ...hard(1), entries: [data(i, 1)] }, failure => {
        expect(failure).toBeUndefined()
        order.push(i)
      })
    }
    expect(order).toEqual([])
    await process.settle()
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect((await process.crash()).entries).toHaveLength(100)
  })

  test('a crash keeps a prefix, at least what was acknowledged', async () => {
    const process = await start()
    process.open()
    await process.write({ ...hard(1), entries: [data(1, 1), data(2, 1)] })
    for (let i = 3; i <= 20; i++) process.send({ entries: [data(i, 1)] })
    const { entries } = await process.crash()
    expect(entries.length).toBeGreaterThanOrEqual(2)
    expect(plain(entries)).toEqual(plain(entries.map((_, i) => data(i + 1, 1))))
  })

  test('entries replace what the log holds from their first index on', async () => {
    const process = await start()
    process.open()
    await process.write({ ...hard(1), entries: [data(1, 1), data(2, 1), data(3, 1), data(4, 1)] })
    process.send({ ...hard(2), entries: [data(3, 2)] })
    await process.write({ ...hard(3), entries: [data(3, 3), data(4, 3)] })
    let loaded = await process.crash()
    expect(terms(loaded.entries)).toEqual([1, 1, 3, 3])
    await process.write({ ...hard(4), entries: [data(2, 4)] })
    loaded = await process.crash()
    expect(terms(loaded.entries)).toEqual([1, 4])
    expect(loaded.hardState).toEqual({ term: 4, vote: 'a', commit: 0 })
  })

  test('the newest term and vote stay; a commit index may lag, never lead', async () => {
    const process = await start()
    process.open()
    await process.write({ ...hard(3), entries: [data(1, 3), data(2, 3)] })
    await process.write({ hardState: { term: 4, vote: null, commit: 0 }, entries: [] })
    await process.write({ hardState: { term: 4, vote: 'c', commit: 1 }, entries: [] })
    await process.write({ hardState: { term: 4, vote: 'c', commit: 2 }, entries: [] })
    const { hardState } = await process.crash()
    expect(hardState).toMatchObject({ term: 4, vote: 'c' })
    expect(hardState.commit).toBeLessThanOrEqual(2)
  })
}

function describeState(start: Start): void {
  test('saved rows are there again with their index', async () => {
    const process = await start()
    process.open()
    await process.write({ ...hard(1), entries: [data(1, 1), data(2, 1), data(3, 1)] })
    const odd: Row = {
      table: 'kv',
      key: 'schlüssel/\u0000\u{1F41D}',
      json: '{"a":"ü"}',
      blob: null,
    }
    process.save(1, 1, [row('kv', 'a', 1), row('kv', 'b', 1), row('nodes', 'a', 1), odd])
    process.save(2, 1, [row('kv', 'a', 2), gone('kv', 'b'), gone('kv', 'never')])
    process.save(3, 1, [{ table: 'kv', key: 'c', json: '3', blob: new Uint8Array([0, 1, 255]) }])
    await process.settle()
    const loaded = await process.crash()
    expect(loaded.applied).toBe(3)
    expect(loaded.hardState.commit).toBeGreaterThanOrEqual(0)
    expect(sorted(loaded.rows)).toEqual(
      sorted([
        row('kv', 'a', 2),
        { table: 'kv', key: 'c', json: '3', blob: new Uint8Array([0, 1, 255]) },
        odd,
        row('nodes', 'a', 1),
      ]),
    )
  })

  test('rows are whole batches, and belong to the index that comes with them', async () => {
    const process = await start()
    process.open()
    const entries = Array.from({ length: 50 }, (_, i) => data(i + 1, 1))
    await process.write({ ...hard(1), entries })
    for (let i = 1; i <= 50; i++) process.save(i, 1, [row('kv', 'x', i), row('kv', `k${i}`, i)])
    const { applied, rows } = await process.crash()
    const found = sorted(rows)
    expect(found).toHaveLength(applied === 0 ? 0 : applied + 1)
    if (applied > 0) expect(found).toContainEqual(row('kv', 'x', applied))
  })

  test('the saved state never overtakes the durable log', async () => {
    const process = await start()
    process.open()
    await process.write({ ...hard(1), entries: [data(1, 1)] })
    process.save(1, 1, [row('kv', 'a', 1)])
    process.save(2, 1, [row('kv', 'a', 2)])
    await process.settle()
    const loaded = await process.crash()
    expect(loaded.applied).toBe(1)
    expect(sorted(loaded.rows)).toEqual([row('kv', 'a', 1)])
  })

  test('compaction drops entries that the saved state covers, and those only', async () => {
    const process = await start()
    process.open()
    const entries: Entry[] = [data(1, 1), { index: 2, term: 1, type: 'config', config: joint }]
    for (let i = 3; i <= 30; i++) entries.push(data(i, 2))
    await process.write({ ...hard(2), entries })
    const before = process.store.logBytes()
    process.save(20, 2, [row('kv', 'a', 20)])
    process.store.compact(15, 2)
    await process.settle()
    expect(process.store.logBytes()).toBeLessThan(before)
    let loaded = await process.crash()
    expect(loaded.snapshot).toEqual({ index: 15, term: 2, config: joint })
    expect(loaded.entries.map(e => e.index)).toEqual(Array.from({ length: 15 }, (_, i) => i + 16))
    expect(loaded.applied).toBe(20)
    process.store.compact(25, 2)
    await process.settle()
    loaded = await process.crash()
    expect(loaded.snapshot.index).toBe(15)
    expect(loaded.entries).toHaveLength(15)
    await process.write({ entries: [data(31, 2)] })
    expect((await process.crash()).entries).toHaveLength(16)
  })

  test('a compaction waits for the state that it needs', async () => {
    const process = await start()
    process.open()
    await process.write({ ...hard(1), entries: [data(1, 1), data(2, 1), data(3, 1)] })
    process.store.compact(2, 1)
    process.save(2, 1, [row('kv', 'a', 2)])
    await process.settle()
    const { snapshot, entries, applied } = await process.crash()
    expect([snapshot.index, entries.length, applied]).toEqual([2, 1, 2])
  })
}

function describeSnapshots(start: Start): void {
  async function leader(): Promise<{ process: Process; source: SnapshotSource; rows: Row[] }> {
    const process = await start()
    process.open()
    const entries = Array.from({ length: 40 }, (_, i) => data(i + 1, 3))
    await process.write({ ...hard(3), entries })
    const rows = Array.from({ length: 300 }, (_, i) => row('kv', `key/${i}`, i))
    process.save(40, 3, rows)
    return { process, source: await process.snapshot(), rows }
  }

  test('a copy gives its rows in order, in pieces, as they were when it was made', async () => {
    const { process, rows } = await leader()
    const copy = await process.rows()
    expect(copy.meta).toEqual({ index: 40, term: 3, config: three })
    await process.write({ entries: [data(41, 3)] })
    process.save(41, 3, [row('kv', 'key/7', 0), gone('kv', 'key/8')])
    await process.settle()
    expect(copy.find('kv', 'key/8')).toEqual(rows[8])
    expect(copy.find('kv', 'nothing')).toBeUndefined()
    const pieces: (readonly Row[])[] = []
    for (let piece = copy.next(200); piece.length > 0; piece = copy.next(200)) pieces.push(piece)
    expect(pieces.length).toBeGreaterThan(5)
    expect(copy.next(200)).toEqual([])
    copy.close()
    expect(pieces.flat()).toEqual(sorted(rows))
    const after = await process.rows()
    expect(after.meta.index).toBe(41)
    expect(after.find('kv', 'key/8')).toBeUndefined()
    after.close()
  })

  test('a kept snapshot is there when it is finished, and not before', async () => {
    const { process } = await leader()
    const { backups } = process.storage
    const ask = async (begin: (done: (...all: unknown[]) => void) => void): Promise<unknown[]> => {
      let answer: unknown[] | undefined
      begin((...all) => {
        answer = all
      })
      while (!answer) {
        await process.settle()
        await new Promise(setImmediate)
      }
      return answer
    }
    const list = async () => (await ask(done => backups.list(done)))[1]
    expect(await list()).toEqual([])
    const file = backups.write('b.snapshot')
    expect(await ask(done => file.append(new Uint8Array([1, 2, 3]), done))).toEqual([undefined])
    expect(await ask(done => file.append(new Uint8Array([4]), done))).toEqual([undefined])
    expect(await list()).toEqual([])
    expect(await ask(done => file.finish(done))).toEqual([undefined])
    const dropped = backups.write('a.snapshot')
    await ask(done => dropped.append(new Uint8Array([9]), done))
    dropped.drop()
    expect(await list()).toEqual([{ name: 'b.snapshot', bytes: 4 }])
    expect(await ask(done => backups.read('b.snapshot', 1, 10, done))).toEqual([
      undefined,
      new Uint8Array([2, 3, 4]),
    ])
    expect((await ask(done => backups.read('c', 0, 1, done)))[0]).toEqual(expect.any(String))
    await ask(done => backups.remove('b.snapshot', done))
    expect(await list()).toEqual([])
  })

  test('a copy stays as it is while the state goes on and newer copies are made', async () => {
    const { process, source, rows } = await leader()
    expect(source.meta).toEqual({ index: 40, term: 3, config: three })
    const whole = source.read(0, source.size)
    expect(whole).toHaveLength(source.size)
    await process.write({ entries: [data(41, 3)] })
    process.save(
      41,
      3,
      rows.map(r => gone(r.table, r.key)),
    )
    const newer = await process.snapshot()
    expect(newer.meta.index).toBe(41)
    expect(source.read(0, source.size)).toEqual(whole)
    expect(source.read(source.size - 1, 10)).toHaveLength(1)
    expect(source.read(source.size, 10)).toHaveLength(0)
    newer.close()
    source.close()
  })

  test('a received copy takes the place of log and state', async () => {
    const { source, rows } = await leader()
    const follower = await start()
    follower.open()
    await follower.write({ ...hard(1), entries: [data(1, 1), data(2, 1)] })
    follower.save(1, 1, [row('kv', 'old', 1)])
    await follower.settle()
    follower.receive(source, 700)
    const hardState: HardState = { term: 3, vote: null, commit: 40 }
    const more = [data(41, 3), data(42, 3)]
    await follower.write({ snapshot: source.meta, hardState, entries: more })
    const { applied, rows: installed } = follower.store.installed()
    expect(applied).toBe(40)
    expect(sorted(installed)).toEqual(sorted(rows))

    const loaded = await follower.crash()
    expect(loaded.snapshot).toEqual(source.meta)
    expect(loaded.hardState).toEqual(hardState)
    expect(plain(loaded.entries)).toEqual(plain(more))
    expect(loaded.applied).toBe(40)
    expect(sorted(loaded.rows)).toEqual(sorted(rows))

    follower.save(42, 3, [row('kv', 'new', 42)])
    await follower.settle()
    const again = await follower.crash()
    expect(again.applied).toBe(42)
    expect(sorted(again.rows)).toEqual(sorted([...rows, row('kv', 'new', 42)]))
    source.close()
  })

  test('a transfer that starts anew forgets the first one; another can follow', async () => {
    const { source } = await leader()
    const follower = await start()
    follower.open()
    follower.store.receiveChunk(0, new Uint8Array(5000).fill(1))
    follower.store.receiveChunk(5000, new Uint8Array(5000).fill(2))
    follower.receive(source)
    await follower.write({ snapshot: source.meta, hardState: { ...noVote, term: 3 }, entries: [] })
    expect(follower.store.installed().applied).toBe(40)
    follower.store.receiveChunk(0, new Uint8Array(10))
    expect(() => follower.store.receiveChunk(11, new Uint8Array(10))).toThrow()
    expect((await follower.crash()).applied).toBe(40)
    source.close()
  })

  test('a crash around an installation leaves the old or the new', async () => {
    const { source, rows } = await leader()
    const follower = await start()
    follower.open()
    await follower.write({ ...hard(1), entries: [data(1, 1), data(2, 1)] })
    follower.save(1, 1, [row('kv', 'old', 1)])
    await follower.settle()
    follower.receive(source)
    follower.send({ snapshot: source.meta, hardState: { ...noVote, term: 3 }, entries: [] })
    const loaded = await follower.crash()
    const isNew = loaded.snapshot.index === 40
    expect(loaded.applied).toBe(isNew ? 40 : 1)
    expect(sorted(loaded.rows)).toEqual(isNew ? sorted(rows) : [row('kv', 'old', 1)])
    expect(loaded.entries).toHaveLength(isNew ? 0 : 2)
    expect(loaded.hardState.term).toBe(isNew ? 3 : 1)
    source.close()
  })
}

function describeEnd(start: Start): void {
  test('closing finishes what was asked for', async () => {
    const process = await start()
    process.open()
    let acknowledged = false
    process.send({ ...hard(1), entries: [data(1, 1)] }, () => {
      acknowledged = true
    })
    process.save(1, 1, [row('kv', 'a', 1)])
    let closed = false
    process.storage.close(() => {
      closed = true
    })
    await process.settle()
    expect([acknowledged, closed]).toEqual([true, true])
    const loaded = await process.crash()
    expect(loaded.applied).toBe(1)
    expect(loaded.entries).toHaveLength(1)
  })

  test('a group that is set aside leaves room for a new one, and the facts alone', async () => {
    const process = await start()
    process.storage.writeFacts(facts)
    process.open()
    await process.write({ ...hard(1), entries: [data(1, 1)] })
    process.save(1, 1, [row('kv', 'a', 1)])
    await process.settle()
    expect(process.storage.setAside('epoch')).toContain('epoch')
    expect(process.storage.hasGroup()).toBe(false)
    const loaded = process.open()
    expect([loaded.entries.length, loaded.applied, [...loaded.rows].length]).toEqual([0, 0, 0])
    await process.write({ ...hard(9), entries: [data(1, 9)] })
    expect(terms((await process.crash()).entries)).toEqual([9])
    expect(process.storage.readFacts()).toEqual(facts)
  })

  test('whoever waits for a copy of a group that is set aside hears that there is none, or has it', async () => {
    const process = await start()
    process.open()
    await process.write({ ...hard(1), entries: [data(1, 1)] })
    process.save(1, 1, [row('kv', 'a', 1)])
    let answers = 0
    process.store.takeSnapshot((failure, source) => {
      expect(failure === undefined).toBe(source !== undefined)
      source?.close()
      answers += 1
    })
    process.store.copyRows((failure, copy) => {
      expect(failure === undefined).toBe(copy !== undefined)
      copy?.close()
      answers += 1
    })
    process.storage.setAside('retired')
    await expect.poll(() => process.settle().then(() => answers)).toBe(2)
  })
}
