import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { OperatorError } from '../base/errors.ts'
import { type Connection, removeIfPossible } from './database.ts'
import { parseFacts } from './facts.ts'
import { codeOf, toOperatorError } from './failure.ts'
import { migrate, nodeSchema } from './schema.ts'
import type { NodeFacts } from './types.ts'

/**
 * node.db: what the node knows of itself, and the lock of the data directory. SQLite's exclusive
 * mode holds the operating system's lock on the file as long as it is open, and the kernel lets it
 * go with the process, however it ends: no stale lock, no guessing by pid. The pid beside it is
 * for the message only.
 */
export class NodeFile {
  readonly #db: Connection
  readonly #pidPath: string

  constructor(dir: string) {
    this.#pidPath = join(dir, 'agent.pid')
    this.#db = openLocked(dir, this.#pidPath)
    const young = `${this.#pidPath}.new`
    try {
      writeFileSync(young, `${process.pid}\n`)
      renameSync(young, this.#pidPath)
    } catch (error) {
      // The databases of a process that was killed open without a byte to spare: this is then the first to miss one.
      this.#db.close()
      throw toOperatorError(error, `${this.#pidPath} cannot be written`)
    }
  }

  read(): NodeFacts | undefined {
    try {
      const json = this.#db.prepare('SELECT json FROM facts').pluck().get() as string | undefined
      return json === undefined ? undefined : parseFacts(json)
    } catch (error) {
      throw damaged(this.#db.name, error)
    }
  }

  /** Durable on return. */
  write(facts: NodeFacts): void {
    try {
      this.#db
        .prepare(
          `INSERT INTO facts (one, json) VALUES (1, ?)
           ON CONFLICT DO UPDATE SET json = excluded.json`,
        )
        .run(JSON.stringify(facts))
    } catch (error) {
      throw toOperatorError(error, `${this.#db.name} cannot be written`)
    }
  }

  close(): void {
    removeIfPossible(this.#pidPath)
    this.#db.close()
  }
}

function openLocked(dir: string, pidPath: string): Connection {
  const path = join(dir, 'node.db')
  let db: Connection | undefined
  try {
    db = new Database(path, { timeout: 0 })
    db.pragma('cache_size = -64')
    // Before the first access: then SQLite takes the lock at once and keeps it.
    db.pragma('locking_mode = EXCLUSIVE')
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = FULL')
    db.exec('BEGIN IMMEDIATE; COMMIT')
    migrate(db, nodeSchema)
    return db
  } catch (error) {
    db?.close()
    const code = codeOf(error)
    if (code.startsWith('SQLITE_BUSY')) throw locked(dir, pidPath)
    if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') throw damaged(path, error)
    if (code === 'SQLITE_CANTOPEN' || code.startsWith('SQLITE_READONLY')) {
      throw new OperatorError('DATA_DIR', `${path} cannot be written`, writableRemedy)
    }
    throw toOperatorError(error, `${path} cannot be used`)
  }
}

export const writableRemedy =
  'make the directory writable for the user that runs the agent, or choose another with --data-dir'

function locked(dir: string, pidPath: string): OperatorError {
  const pid = readPid(pidPath)
  return new OperatorError(
    'DATA_DIR_LOCKED',
    `${dir} is in use by another agent${pid === undefined ? '' : ` (pid ${pid})`}`,
    'stop that agent first, or choose another directory with --data-dir',
  )
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim())
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

function damaged(path: string, error: unknown): OperatorError {
  if (error instanceof OperatorError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new OperatorError(
    'SCHEMA',
    `${path} is damaged: ${reason}`,
    'restore it from a backup, or move the data directory away and join as a new node',
  )
}
