import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { SnapshotMeta } from '../raft/types.ts'
import { type Connection, removeDatabase } from './database.ts'
import { readApplied } from './log-read.ts'
import { migrate, stateSchema } from './schema.ts'

/**
 * A consistent copy of state.db, made a few rows at a time so that the log never waits long: one
 * read transaction holds the state as it was, while writes go on beside it. The copy is not
 * synced: after a crash nobody wants it.
 */
export class StateCopy {
  readonly path: string
  readonly #db: Connection
  #meta: SnapshotMeta | undefined
  /** Where the last step ended. */
  #after: readonly [string, string] | undefined

  constructor(statePath: string, path: string) {
    this.path = path
    removeDatabase(path)
    this.#db = new Database(path)
    try {
      this.#db.pragma('journal_mode = OFF')
      this.#db.pragma('synchronous = OFF')
      this.#db.pragma('cache_size = -1024')
      migrate(this.#db, stateSchema)
      this.#db.prepare('ATTACH ? AS state').run(statePath)
      this.#db.pragma('state.cache_size = -256')
      this.#db.exec('BEGIN; INSERT INTO main.applied SELECT * FROM state.applied')
      this.#meta = readApplied(this.#db)
    } catch (error) {
      this.abandon()
      throw error
    }
  }

  get meta(): SnapshotMeta {
    return this.#meta!
  }

  /** Copies for about `millis`; true: that was the last step. */
  step(millis: number): boolean {
    const end = performance.now() + millis
    do {
      if (this.#copySome() < rowsAtOnce) {
        this.#db.exec('COMMIT')
        this.#db.close()
        return true
      }
    } while (performance.now() < end)
    return false
  }

  get size(): number {
    return statSync(this.path).size
  }

  abandon(): void {
    this.#db.close()
    removeDatabase(this.path)
  }

  #copySome(): number {
    const columns = 'INSERT INTO main.rows SELECT * FROM state.rows'
    const order = `ORDER BY tbl, key LIMIT ${rowsAtOnce}`
    const { changes } = this.#after
      ? this.#db.prepare(`${columns} WHERE (tbl, key) > (?, ?) ${order}`).run(...this.#after)
      : this.#db.prepare(`${columns} ${order}`).run()
    this.#after = this.#db
      .prepare('SELECT tbl, key FROM main.rows ORDER BY tbl DESC, key DESC LIMIT 1')
      .raw()
      .get() as [string, string] | undefined
    return changes
  }
}

/** Between two looks at the clock. Rows are at most about 0.7 MB (a value of 512 KiB in base64). */
const rowsAtOnce = 16
