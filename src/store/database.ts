import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { corrupt } from './failure.ts'
import { migrate, type Schema } from './schema.ts'

/** How hive opens SQLite files; every connection of the product is made here. */
export type Connection = Database.Database

export interface Tuning {
  /** `FULL`: a commit is durable. `NORMAL`: a commit is durable at the next checkpoint. */
  readonly synchronous: 'FULL' | 'NORMAL'
  /** Page cache, KiB. Small: the operating system caches too, and an idle agent should be small. */
  readonly cacheKib: number
  /** The file may not grow beyond this many pages of 4 KiB; a full disk for tests. */
  readonly maxPages?: number | undefined
}

/** A WAL connection without checkpoints of its own: the caller says when. */
export function openWal(path: string, tuning: Tuning): Connection {
  const db = new Database(path, { fileMustExist: true, timeout: 5_000 })
  try {
    db.pragma(`cache_size = -${tuning.cacheKib}`)
    db.pragma('journal_mode = WAL')
    // Said after WAL: this build's default for WAL files is NORMAL.
    db.pragma(`synchronous = ${tuning.synchronous}`)
    db.pragma('wal_autocheckpoint = 0')
    db.pragma(`journal_size_limit = ${maxIdleWalBytes}`)
    if (tuning.maxPages !== undefined) db.pragma(`max_page_count = ${tuning.maxPages}`)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** What a WAL that was checkpointed keeps on disk, so that it needn't grow again. */
const maxIdleWalBytes = 16 * 1024 * 1024

/** A connection that only reads. */
export function openReadonly(path: string): Connection {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: 5_000 })
  db.pragma('cache_size = -512')
  return db
}

/**
 * Makes a database that is there whole or not at all: written under another name, then renamed.
 * Durable on return.
 */
export function createDatabase(path: string, schema: Schema, fill: (db: Connection) => void): void {
  const young = `${path}.new`
  removeDatabase(young)
  const db = new Database(young)
  try {
    db.pragma('journal_mode = DELETE')
    db.pragma('synchronous = FULL')
    migrate(db, schema)
    db.transaction(() => fill(db))()
  } finally {
    db.close()
  }
  renameSync(young, path)
  syncDirectory(dirname(path))
}

/** Throws a corrupt StoreError when SQLite finds pages that make no sense. */
export function quickCheck(db: Connection): void {
  const found = db.prepare('PRAGMA quick_check(1)').pluck().get()
  if (found !== 'ok') throw corrupt(`${db.name} is damaged: ${found}`)
}

/** The files that one database can consist of. */
export function filesOf(path: string): readonly string[] {
  return [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]
}

export function removeDatabase(path: string): void {
  for (const file of filesOf(path)) rmSync(file, { force: true })
}

/** For what nobody needs any more: where the disk refuses, it stays. */
export function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // A disk that may only be read, or that fails, keeps what it has.
  }
}

/** Makes creations, renames and removals in the directory durable. */
export function syncDirectory(path: string): void {
  syncPath(path)
}

export function syncFile(path: string): void {
  syncPath(path)
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
