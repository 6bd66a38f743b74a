import type { Statement, Transaction } from 'better-sqlite3'
import { Reader } from '../base/bytes.ts'
import type { Index } from '../raft/types.ts'
import { type Connection, openWal } from './database.ts'
import { readApplied } from './log-read.ts'
import { decodeState, type EncodedRow } from './row-codec.ts'

/**
 * state.db as the log thread has it open. Batches wait here until it pays to write them; a batch
 * is written whole, with its index. Nothing is synced but by `checkpoint`: what a power cut undoes
 * is applied again from the log.
 */
export class StateFile {
  readonly #db: Connection
  readonly #put: Statement<[Uint8Array, Uint8Array, Uint8Array | null, Uint8Array | null]>
  readonly #remove: Statement<[Uint8Array, Uint8Array]>
  readonly #setApplied: Statement<[number, number, string]>
  readonly #walSize: Statement<[], [number, number, number]>
  readonly #write: Transaction<(batches: readonly Uint8Array[]) => void>
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #newest: Index
  #saved: Index
  #durable: Index = 0
  #walBytes = 0

  constructor(path: string, maxPages?: number) {
    const db = openWal(path, { synchronous: 'NORMAL', cacheKib: 2048, maxPages })
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
    this.#write = db.transaction(batches => this.#writeAll(batches))
    this.#saved = readApplied(db).index
    this.#newest = this.#saved
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
    return first !== undefined && indexOf(first) <= logged
  }

  /** Writes the oldest batches up to `logged`, about `sliceBytes` of them, in one transaction. */
  saveSome(logged: Index): void {
    let count = 0
    let bytes = 0
    for (const batch of this.#waiting) {
      if (indexOf(batch) > logged || bytes >= sliceBytes) break
      bytes += batch.length
      count++
    }
    const batches = this.#waiting.splice(0, count)
    this.#waitingBytes -= bytes
    if (batches.length === 0) return
    this.#write.immediate(batches)
    const [, log = 0, checkpointed = 0] = this.#walSize.get() ?? []
    this.#walBytes = (log - checkpointed) * pageBytes
  }

  /** Everything saved becomes durable; false: a reader held some of it back. */
  checkpoint(): boolean {
    const [result] = this.#db.pragma('wal_checkpoint(PASSIVE)') as Checkpoint[]
    const whole = result !== undefined && result.log === result.checkpointed
    if (whole) this.#durable = this.#saved
    this.#walBytes = whole ? 0 : this.#walBytes / 2
    return whole
  }

  close(): void {
    this.#db.close()
  }

  #writeAll(batches: readonly Uint8Array[]): void {
    const rows = new Map<string, EncodedRow>()
    let last = decodeState(batches[0]!)
    for (let i = 0; i < batches.length; i++) {
      if (i > 0) last = decodeState(batches[i]!)
      if (batches.length === 1) break
      for (const row of last.rows) rows.set(identity(row), row)
    }
    for (const { table, key, json, blob } of batches.length === 1 ? last.rows : rows.values()) {
      if (json === null) this.#remove.run(table, key)
      else this.#put.run(table, key, json, blob)
    }
    this.#setApplied.run(last.index, last.term, last.config)
    this.#saved = last.index
  }
}

interface Checkpoint {
  readonly log: number
  readonly checkpointed: number
}

/** One transaction of state: a log batch that arrives meanwhile waits about a millisecond. */
const sliceBytes = 64 * 1024
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
