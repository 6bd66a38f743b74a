import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SnapshotMeta } from '../raft/types.ts'
import { filesOf, openReadonly, quickCheck, syncDirectory, syncFile } from './database.ts'
import { corrupt } from './failure.ts'
import { readApplied } from './log-read.ts'
import { checkVersion, objectsOf, stateObjects, stateSchema } from './schema.ts'

/**
 * How a received snapshot takes the place of log and state so that a crash leaves the old or the
 * new, never a mixture:
 *
 * 1. the file is checked, synced and renamed to `next` (nothing of the old is touched),
 * 2. one transaction of log.db empties the log and says `installing`: from here on it is the new,
 * 3. `next` is renamed to state.db,
 * 4. log.db forgets `installing`.
 *
 * Whoever opens a log.db that says `installing` does 3 and 4 first.
 */
export function nextStatePath(dir: string): string {
  return join(dir, 'snapshots', 'next.db')
}

/** Step 1. Throws a corrupt StoreError, and the file is gone then. */
export function acceptReceived(dir: string, path: string, expected: SnapshotMeta): void {
  try {
    checkReceived(path, expected)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  }
  syncFile(path)
  renameSync(path, nextStatePath(dir))
  syncDirectory(dirname(path))
}

/** Step 3; harmless when done before. Nobody may have state.db open. */
export function takePlace(dir: string): void {
  const next = nextStatePath(dir)
  if (!existsSync(next)) return
  const state = join(dir, 'state.db')
  // Pages of the old write-ahead log must never meet the new database.
  for (const file of filesOf(state).slice(1)) rmSync(file, { force: true })
  syncDirectory(dir)
  renameSync(next, state)
  syncDirectory(dir)
}

/** A file that somebody sent may be anything. */
export function checkReceived(path: string, expected: SnapshotMeta): void {
  if (!isPlainDatabase(path)) throw corrupt('the received snapshot is not a database')
  const db = openReadonly(path)
  try {
    db.pragma('trusted_schema = OFF')
    const version = checkVersion(db, stateSchema)
    if (objectsOf(db) !== stateObjects(version)) {
      throw corrupt('the received snapshot has other tables than it should')
    }
    quickCheck(db)
    const { index, term } = readApplied(db)
    if (index !== expected.index || term !== expected.term) {
      const wanted = `index ${expected.index} term ${expected.term}`
      throw corrupt(`the received snapshot is of index ${index} term ${term}, not ${wanted}`)
    }
  } finally {
    db.close()
  }
}

/** SQLite's magic, and no write-ahead log, so that reading it leaves nothing beside it. */
function isPlainDatabase(path: string): boolean {
  const head = Buffer.alloc(20)
  const fd = openSync(path, 'r')
  try {
    if (readSync(fd, head, 0, head.length, 0) < head.length) return false
  } finally {
    closeSync(fd)
  }
  return head.toString('latin1', 0, 16) === 'SQLite format 3\0' && head[18] === 1 && head[19] === 1
}

/** The folder for snapshots on their way in and out, empty: what was in it belonged to another process. */
export function clearSnapshots(dir: string): void {
  const folder = join(dir, 'snapshots')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { mode: 0o700 })
}
