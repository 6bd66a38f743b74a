import Database from 'better-sqlite3'
import { OperatorError } from '../base/errors.ts'

/**
 * The tables of the three databases, and how they came to be. A file says what it is in its
 * `application_id` and how many of the migrations it has had in its `user_version`. Migrations
 * are only ever appended to.
 */
export interface Schema {
  readonly file: 'node.db' | 'log.db' | 'state.db'
  readonly applicationId: number
  readonly migrations: readonly string[]
}

export const nodeSchema: Schema = {
  file: 'node.db',
  applicationId: 0x68767031,
  migrations: [
    `CREATE TABLE facts (
       one INTEGER PRIMARY KEY CHECK (one = 1),
       json TEXT NOT NULL
     ) STRICT`,
  ],
}

/**
 * `type`: see entry-codec.ts. `crc`: CRC-32 of the entry, for bits that rot in a page that SQLite
 * thinks fine. `installing`: a received snapshot is about to take state.db's place.
 */
export const logSchema: Schema = {
  file: 'log.db',
  applicationId: 0x68767032,
  migrations: [
    `CREATE TABLE entries (
       idx INTEGER PRIMARY KEY,
       term INTEGER NOT NULL,
       type INTEGER NOT NULL,
       crc INTEGER NOT NULL,
       data BLOB
     ) STRICT;
     CREATE INDEX configs ON entries (idx) WHERE type = 2;
     CREATE TABLE hard_state (
       one INTEGER PRIMARY KEY CHECK (one = 1),
       term INTEGER NOT NULL,
       vote TEXT,
       commit_idx INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE snapshot (
       one INTEGER PRIMARY KEY CHECK (one = 1),
       idx INTEGER NOT NULL,
       term INTEGER NOT NULL,
       config TEXT NOT NULL,
       installing INTEGER NOT NULL
     ) STRICT`,
    // Which rescue of a lost quorum the group goes back to.
    'ALTER TABLE hard_state ADD COLUMN lineage INTEGER NOT NULL DEFAULT 0',
  ],
}

export const stateSchema: Schema = {
  file: 'state.db',
  applicationId: 0x68767033,
  migrations: [
    `CREATE TABLE rows (
       tbl TEXT NOT NULL,
       key TEXT NOT NULL,
       json TEXT NOT NULL,
       blob BLOB,
       PRIMARY KEY (tbl, key)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE applied (
       one INTEGER PRIMARY KEY CHECK (one = 1),
       idx INTEGER NOT NULL,
       term INTEGER NOT NULL,
       config TEXT NOT NULL
     ) STRICT`,
  ],
}

/** Brings an open database to the newest version, in one transaction. */
export function migrate(db: Database.Database, schema: Schema): void {
  const version = checkVersion(db, schema)
  if (version === schema.migrations.length) return
  db.transaction(() => {
    for (const step of schema.migrations.slice(version)) db.exec(step)
    db.pragma(`application_id = ${schema.applicationId}`)
    db.pragma(`user_version = ${schema.migrations.length}`)
  }).immediate()
}

/** The version of the file; refuses what this build does not know. An empty file has version 0. */
export function checkVersion(db: Database.Database, schema: Schema): number {
  const version = Number(db.pragma('user_version', { simple: true }))
  const applicationId = Number(db.pragma('application_id', { simple: true }))
  const empty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
  if (empty && version === 0 && applicationId === 0) return 0
  if (applicationId !== schema.applicationId) {
    throw new OperatorError(
      'SCHEMA',
      `${db.name} is a database, but not hive's ${schema.file}`,
      'put the right file back, or move the data directory away to start empty',
    )
  }
  if (version > schema.migrations.length) {
    throw new OperatorError(
      'SCHEMA',
      `${db.name} has schema ${version}; this hive knows up to ${schema.migrations.length}`,
      'run the hive that wrote it or a newer one',
    )
  }
  return version
}

/** Every object of the database as SQL, to compare a received file with what it should be. */
export function objectsOf(db: Database.Database): string {
  const all = db.prepare('SELECT sql FROM sqlite_schema ORDER BY type, name').pluck().all()
  return all.join(';\n')
}

/** What `objectsOf` says of a state.db of that version. */
export function stateObjects(version: number): string {
  const db = new Database(':memory:')
  try {
    for (const step of stateSchema.migrations.slice(0, version)) db.exec(step)
    return objectsOf(db)
  } finally {
    db.close()
  }
}
