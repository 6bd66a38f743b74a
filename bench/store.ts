import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Entry } from '../src/raft/types.ts'
import { openStorage } from '../src/store/open.ts'
import type { GroupStore } from '../src/store/types.ts'

/**
 * What the log thread costs and gives, beside the same rows written by better-sqlite3 on the main
 * thread. Windows alternate, because the machine is never quite still.
 *
 *   node bench/store.ts [--ms 400] [--passes 3] [--state]
 *
 * `--state`: every entry also saves a row of the applied state, as in an agent under load.
 */
const option = (name: string, otherwise: number) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const millis = option('ms', 400)
const passes = option('passes', 3)
const withState = process.argv.includes('--state')
const value = new Uint8Array(128).fill(97)

interface Result {
  readonly name: string
  readonly rowsPerSecond: number
  /** Of a batch, microseconds. */
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** Longest gap of the main loop, milliseconds. */
  readonly blocked: number
}

const dir = mkdtempSync(join(tmpdir(), 'hive-bench-store-'))
process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
const storage = openStorage(dir)
const { store } = storage.openGroup(failure => {
  throw new Error(failure.message)
})
let index = 0
let id = 0
const plain = openPlain(join(dir, 'plain.db'))

for (const size of [1, 16, 256]) {
  const runs = new Map<string, Result[]>()
  for (let pass = 0; pass < passes; pass++) {
    for (const result of [
      plainWindow(size),
      await storeWindow(store, size, 1),
      await storeWindow(store, size, 16),
    ]) {
      runs.set(result.name, [...(runs.get(result.name) ?? []), result])
    }
  }
  for (const [name, results] of runs) print(size, name, results)
}
console.log(`rss ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB`)
await new Promise<void>(resolve => storage.close(resolve))

/** `inFlight` batches on their way at any time. */
function storeWindow(target: GroupStore, size: number, inFlight: number): Promise<Result> {
  const times: number[] = []
  const lag = watchLoop()
  const begun = performance.now()
  let pending = 0
  return new Promise(resolve => {
    const send = () => {
      const entries: Entry[] = []
      for (let i = 0; i < size; i++) {
        entries.push({ index: ++index, term: 1, type: 'data', data: value })
      }
      const last = index
      const sent = performance.now()
      pending++
      const hardState = { term: 1, vote: 'a', commit: last - size }
      target.write({ id: ++id, hardState, entries }, () => {
        times.push(performance.now() - sent)
        pending--
        if (withState) saveState(target, last, size)
        if (performance.now() - begun < millis) send()
        else if (pending === 0) {
          target.compact(last - 1000, 1)
          resolve(summary(`log thread, ${inFlight} in flight`, times, size, begun, lag()))
        }
      })
    }
    for (let i = 0; i < inFlight; i++) send()
  })
}

function saveState(target: GroupStore, last: number, size: number): void {
  const config = { voters: ['a'], outgoing: [], learners: [], learnersNext: [] }
  const rows = Array.from({ length: size }, (_, i) => ({
    table: 'kv',
    key: `bench/${(last - i) % 20_000}`,
    json: `{"value":"${'a'.repeat(140)}","flags":0,"createIndex":1,"modifyIndex":${last - i}}`,
    blob: null,
  }))
  target.save({ index: last, term: 1, config, rows })
}

function openPlain(path: string) {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec('CREATE TABLE entries (idx INTEGER PRIMARY KEY, term INTEGER, type INTEGER, data BLOB)')
  db.exec('CREATE TABLE hard (term INTEGER, vote TEXT, commit_idx INTEGER)')
  db.exec("INSERT INTO hard VALUES (1, 'a', 0)")
  const insert = db.prepare('INSERT INTO entries VALUES (?, ?, ?, ?)')
  const hard = db.prepare('UPDATE hard SET commit_idx = ?')
  let at = 0
  return db.transaction((size: number) => {
    for (let i = 0; i < size; i++) insert.run(++at, 1, 1, value)
    hard.run(at)
  })
}

function plainWindow(size: number): Result {
  const times: number[] = []
  const begun = performance.now()
  while (performance.now() - begun < millis) {
    const before = performance.now()
    plain(size)
    times.push(performance.now() - before)
  }
  return summary('better-sqlite3, synchronous', times, size, begun, Math.max(...times))
}

function watchLoop(): () => number {
  let worst = 0
  let last = performance.now()
  let on = true
  const look = () => {
    const now = performance.now()
    worst = Math.max(worst, now - last)
    last = now
    if (on) setImmediate(look)
  }
  if (process.argv.includes('--loop')) setImmediate(look)
  return () => {
    on = false
    return worst
  }
}

function summary(
  name: string,
  times: number[],
  size: number,
  begun: number,
  blocked: number,
): Result {
  const seconds = (performance.now() - begun) / 1000
  times.sort((a, b) => a - b)
  const at = (q: number) => 1000 * times[Math.min(times.length - 1, Math.floor(times.length * q))]!
  const rowsPerSecond = (times.length * size) / seconds
  return { name, rowsPerSecond, p50: at(0.5), p99: at(0.99), max: at(1), blocked }
}

function print(size: number, name: string, results: readonly Result[]): void {
  const median = (of: (r: Result) => number) =>
    results.map(of).sort((a, b) => a - b)[results.length >> 1]!
  const best = Math.max(...results.map(r => r.rowsPerSecond))
  console.log(
    [
      `${size}`.padStart(4),
      name.padEnd(28),
      `${Math.round(median(r => r.rowsPerSecond))} rows/s (best ${Math.round(best)})`.padEnd(34),
      `p50 ${Math.round(median(r => r.p50))} us`.padEnd(12),
      `p99 ${Math.round(median(r => r.p99))} us`.padEnd(14),
      `max ${(median(r => r.max) / 1000).toFixed(1)} ms`.padEnd(14),
      `loop blocked ${median(r => r.blocked).toFixed(1)} ms`,
    ].join('  '),
  )
}
