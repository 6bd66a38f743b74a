import type { Statement } from 'better-sqlite3'
import { Reader } from '../base/bytes.ts'
import type { Index } from '../raft/types.ts'
import { type Connection, openWal } from './database.ts'
import { readApplied } from './log-read.ts'
import { decodeState, type EncodedRow, type EncodedState } from './row-codec.ts'

/**
 * state.db as the log thread has it open. Batches wait here, and go to the file in cycles: many
 * are merged, the newest row of each key wins, and the rows are written in one transaction with
 * the last index. A page that many rows share is then written once: a batch at a time costs five
 * times as much. A cycle is cut into steps of less than a millisecond, and log batches go between.
 * One event can change a million rows (all under a prefix go, a snapshot is restored): a batch so
 * large is a cycle of its own and is written as it is read, for its rows as objects would fill the
 * thread's memory, on every node that carries the log at once.
 *
 * Nothing is synced but by `checkpoint`: what a power cut undoes is applied again from the log.
 */
export class StateFile {
  readonly #db: Connection
  readonly #put: Statement<[Uint8Array, Uint8Array, Uint8Array, Uint8Array | null]>
  readonly #remove: Statement<[Uint8Array, Uint8Array]>
  readonly #setApplied: Statement<[number, number, string]>
  readonly #walSize: Statement<[], [number, number, number]>
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  /** The cycle under way: what is merged, its newest batch, and, once they are written, its rows. */
  #merged = new Map<string, EncodedRow>()
  #mergedBytes = 0
  #target: EncodedState | undefined
  #writing: Iterator<EncodedRow> | undefined
  #newest: Index
  #saved: Index
  #durable: Index = 0
  #walBytes = 0

  constructor(path: string, maxPages?: number) {
    const db = openWal(path, { synchronous: 'NORMAL', cacheKib: 8192, maxPages })
    this.#db = db
    this.#put = db.prepare(
      `INSERT INTO rows (tbl, key, json, blob)
       VALUES (CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?)
       ON CONFLICT DO UPDATE SET json = excluded.json, blob = excluded.blob`,
    )
    this.#remove = db.prepare(
      'DELETE FROM rows WHERE tbl = CAST(? AS TEXT) AND key = CAST(? AS TEXT)',
    )
    this.#setApplied = db.prepare('UPDATE applied SET idx = ?, term = ?, config = ?')
    // Rows land on pages far apart, so their bytes would say little.
    this.#walSize = db.prepare<[], [number, number, number]>('PRAGMA wal_checkpoint(NOOP)').raw()
    this.#saved = readApplied(db).index
    this.#newest = this.#saved
  }

  /** What was asked for last. */
  get newest(): Index {
    return this.#newest
  }

  /** What a process that opens the file now would find. */
  get saved(): Index {
    return this.#saved
  }

  /** What a machine finds after a power cut. */
  get durable(): Index {
    return this.#durable
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  get walBytes(): number {
    return this.#walBytes
  }

  /** In the middle of a cycle: no checkpoint now. */
  get busy(): boolean {
    return this.#target !== undefined
  }

  /** Takes a batch (row-codec.ts) to be written later. Older than what is there: dropped. */
  add(bytes: Uint8Array): void {
    const index = indexOf(bytes)
    if (index < this.#newest) return
    this.#newest = index
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
  }

  /** Is there something that the log, which goes to `logged`, covers? */
  canSave(logged: Index): boolean {
    const first = this.#waiting[0]
    return this.busy || (first !== undefined && indexOf(first) <= logged)
  }

  /** One step of a cycle; begins one if need be. True: the cycle is over, its rows are saved. */
  step(logged: Index): boolean {
    if (this.#writing) return this.#writeSome(this.#writing)
    if (this.#mergeSome(logged)) return false
    if (this.#target) this.#begin(this.#merged.values())
    return this.#target === undefined
  }

  /** Everything saved becomes durable; false: a reader held some of it back. */
  checkpoint(): boolean {
    const [result] = this.#db.pragma('wal_checkpoint(PASSIVE)') as Checkpoint[]
    const whole = result !== undefined && result.log === result.checkpointed
    if (whole) this.#durable = this.#saved
    this.#walBytes = whole ? 0 : this.#walBytes / 2
    return whole
  }

  /** Gives back the pages that a busy time has left in memory. */
  shrink(): void {
    this.#db.pragma('shrink_memory')
  }

  /** A cycle under way is undone. */
  close(): void {
    this.#db.close()
  }

  /** False: there is nothing more to merge, or the cycle has enough. */
  #mergeSome(logged: Index): boolean {
    let count = 0
    let bytes = 0
    for (const batch of this.#waiting) {
      if (indexOf(batch) > logged || this.#mergedBytes >= cycleBytes || bytes >= mergeBytes) break
      const state = decodeState(batch)
      const alone = state.count > mergeRows
      if (alone && this.#target !== undefined) break
      this.#target = state
      bytes += batch.length
      count++
      if (alone) {
        this.#begin(state.rows)
        break
      }
      for (const row of state.rows) this.#merged.set(identity(row), row)
      this.#mergedBytes += batch.length
    }
    this.#waiting.splice(0, count)
    this.#waitingBytes -= bytes
    return count > 0
  }

  #begin(rows: Iterable<EncodedRow>): void {
    this.#db.exec('BEGIN IMMEDIATE')
    this.#writing = rows[Symbol.iterator]()
  }

  #writeSome(rows: Iterator<EncodedRow>): boolean {
    let bytes = 0
    for (let i = 0; i < writeRows && bytes < mergeBytes; i++) {
      const next = rows.next()
      if (next.done) return this.#commit()
      const { table, key, json, blob } = next.value
      if (json === null) this.#remove.run(table, key)
      else this.#put.run(table, key, json, blob)
      bytes += (json?.length ?? 0) + (blob?.length ?? 0)
    }
    return false
  }

  #commit(): true {
    const { index, term, config } = this.#target!
    this.#setApplied.run(index, term, config)
    this.#db.exec('COMMIT')
    this.#saved = index
    this.#merged = new Map()
    this.#mergedBytes = 0
    this.#target = undefined
    this.#writing = undefined
    const [, log = 0, checkpointed = 0] = this.#walSize.get() ?? []
    this.#walBytes = (log - checkpointed) * pageBytes
    return true
  }
}

interface Checkpoint {
  readonly log: number
  readonly checkpointed: number
}

/** A cycle takes in no more: its commit writes every page that it changed. */
export const cycleBytes = 2 * 1024 * 1024
/** A batch of more rows is merged with none; merged, each is about 600 bytes of objects. */
const mergeRows = 8192
/** One step of merging, one of writing. */
const mergeBytes = 64 * 1024
const writeRows = 100
const pageBytes = 4096

function indexOf(batch: Uint8Array): Index {
  return new Reader(batch).u64()
}

/** Unique for table and key; only ever compared. */
function identity({ table, key }: EncodedRow): string {
  return `${latin1(table)}\0${latin1(key)}`
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
