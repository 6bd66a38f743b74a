import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { OperatorError } from '../base/errors.ts'
import type { Entry, HardState, SnapshotMeta } from '../raft/types.ts'
import type { Row } from '../state/types.ts'
import { type Connection, createDatabase, openWal, quickCheck } from './database.ts'
import { configText } from './entry-codec.ts'
import { corrupt, damagedRemedy, toOperatorError } from './failure.ts'
import { entryOverhead } from './log-file.ts'
import { readApplied, readEntries, readHardState, readSnapshotMeta, termAt } from './log-read.ts'
import { checkReceived, clearSnapshots, nextStatePath, takePlace } from './received.ts'
import { readRows } from './rows.ts'
import { logSchema, migrate, type Schema, stateSchema } from './schema.ts'
import type { Loaded } from './types.ts'

/** Makes the files of a group; the log last, because its presence says that there is a group. */
export function createGroupFiles(
  dir: string,
  first: SnapshotMeta,
  hardState: HardState,
  rows: readonly Row[],
): void {
  const { index, term } = first
  const config = configText(first.config)
  createDatabase(join(dir, 'state.db'), stateSchema, db => {
    db.prepare('INSERT INTO applied VALUES (1, ?, ?, ?)').run(index, term, config)
    const put = db.prepare('INSERT INTO rows VALUES (?, ?, ?, ?)')
    for (const row of rows) if (row.json !== null) put.run(row.table, row.key, row.json, row.blob)
  })
  createDatabase(join(dir, 'log.db'), logSchema, db => {
    db.prepare('INSERT INTO snapshot VALUES (1, ?, ?, ?, 0)').run(index, term, config)
    db.prepare('INSERT INTO hard_state VALUES (1, ?, ?, ?, ?)').run(
      hardState.term,
      hardState.vote,
      hardState.commit,
      hardState.lineage ?? 0,
    )
  })
}

/** Everything a raft node finds on its disk, after finishing what a crash interrupted. */
export function loadGroup(dir: string): { readonly loaded: Loaded; readonly logBytes: number } {
  const log = readLog(dir)
  if (log.installing) finishInstall(dir, log.snapshot)
  clearSnapshots(dir)
  const state = withDatabase(dir, stateSchema, db => readApplied(db))
  checkFit(state, log)
  // What is applied was committed, even where the lazily written commit index says less.
  const commit = Math.max(log.hardState.commit, state.index)
  return {
    loaded: {
      hardState: { ...log.hardState, commit },
      snapshot: log.snapshot,
      entries: log.entries,
      applied: state.index,
      rows: readRows(dir),
    },
    logBytes: log.bytes,
  }
}

interface Log {
  readonly hardState: HardState
  readonly snapshot: SnapshotMeta
  readonly installing: boolean
  readonly entries: readonly Entry[]
  readonly bytes: number
}

function readLog(dir: string): Log {
  return withDatabase(dir, logSchema, db => {
    const { meta: snapshot, installing } = readSnapshotMeta(db)
    const hardState = readHardState(db)
    const entries = readEntries(db, snapshot)
    const last = entries.at(-1)
    const lastIndex = last?.index ?? snapshot.index
    if (hardState.term < (last?.term ?? snapshot.term)) {
      throw corrupt(`${db.name}: it has entries of a later term than its own`)
    }
    if (hardState.commit > lastIndex) {
      throw corrupt(`${db.name}: it ends at ${lastIndex}, and ${hardState.commit} was committed`)
    }
    const sum = db.prepare('SELECT sum(length(data)) + count(*) * ? FROM entries').pluck()
    return { hardState, snapshot, installing, entries, bytes: Number(sum.get(entryOverhead) ?? 0) }
  })
}

/** The state must lie within the log: behind its start there is a hole, ahead of its end a lie. */
function checkFit(state: SnapshotMeta, log: Log): void {
  const { snapshot, entries } = log
  const last = snapshot.index + entries.length
  if (state.index < snapshot.index || state.index > last) {
    throw new OperatorError(
      'SCHEMA',
      `state.db goes to ${state.index}, but log.db holds ${snapshot.index + 1}..${last}: they don't belong together`,
      damagedRemedy,
    )
  }
  if (termAt(snapshot, entries, state.index) !== state.term) {
    throw new OperatorError(
      'SCHEMA',
      `state.db and log.db disagree about the term of entry ${state.index}: they don't belong together`,
      damagedRemedy,
    )
  }
}

function finishInstall(dir: string, snapshot: SnapshotMeta): void {
  try {
    const next = nextStatePath(dir)
    if (existsSync(next)) checkReceived(next, snapshot)
    takePlace(dir)
  } catch (error) {
    throw toOperatorError(error, 'the received snapshot cannot be installed')
  }
  const state = withDatabase(dir, stateSchema, db => readApplied(db))
  if (state.index < snapshot.index) {
    throw new OperatorError(
      'SCHEMA',
      `log.db waits for a snapshot at ${snapshot.index} that is not in ${join(dir, 'snapshots')}`,
      damagedRemedy,
    )
  }
  const db = openWal(join(dir, 'log.db'), { synchronous: 'FULL', cacheKib: 512 })
  try {
    db.exec('UPDATE snapshot SET installing = 0')
  } finally {
    db.close()
  }
}

/** A short-lived connection to a file that is migrated and found whole. */
function withDatabase<T>(dir: string, schema: Schema, read: (db: Connection) => T): T {
  const path = join(dir, schema.file)
  if (!existsSync(path)) {
    throw new OperatorError(
      'SCHEMA',
      `${path} is missing, but its companion is there`,
      damagedRemedy,
    )
  }
  let db: Connection | undefined
  try {
    db = openWal(path, { synchronous: 'FULL', cacheKib: 512 })
    migrate(db, schema)
    quickCheck(db)
    return read(db)
  } catch (error) {
    throw toOperatorError(error, `${path} cannot be used`)
  } finally {
    db?.close()
  }
}
