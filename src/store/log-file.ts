import type { Statement, Transaction } from 'better-sqlite3'
import type { HardState, Index, SnapshotMeta, Term } from '../raft/types.ts'
import { type Connection, openWal } from './database.ts'
import { configText, type EncodedWrite, eachEntry } from './entry-codec.ts'
import { corrupt } from './failure.ts'
import { readHardState, readSnapshotMeta } from './log-read.ts'

/**
 * log.db as the log thread has it open. A batch is one transaction with a sync; what may be lost
 * in a power cut without harm (a commit index, a compaction) travels with the next one or without
 * a sync. After a method threw, the file must not be written again.
 */
export class LogFile {
  readonly #db: Connection
  readonly #insert: Statement<[number, number, number, number, Uint8Array]>
  readonly #setHardState: Statement<[number, string | null, number, number]>
  readonly #setSnapshot: Statement<[number, number, string, number]>
  readonly #append: Transaction<(batches: readonly EncodedWrite[], applied: Index) => void>
  #hardState: HardState
  /** The newest asked for; differs from the written one in `commit` at most. */
  #wanted: HardState
  #snapshot: SnapshotMeta
  #oldest: Index
  #last: Index
  #bytes: number
  #walBytes = 0

  /** `bytes`: of the entries, as the loader counted them. */
  constructor(path: string, bytes: number, maxPages?: number) {
    const db = openWal(path, { synchronous: 'FULL', cacheKib: 1024, maxPages })
    this.#db = db
    this.#insert = db.prepare(
      'INSERT INTO entries (idx, term, type, crc, data) VALUES (?, ?, ?, ?, ?)',
    )
    this.#setHardState = db.prepare(
      'UPDATE hard_state SET term = ?, vote = ?, commit_idx = ?, lineage = ?',
    )
    this.#setSnapshot = db.prepare(
      'UPDATE snapshot SET idx = ?, term = ?, config = ?, installing = ?',
    )
    this.#append = db.transaction((batches, applied) => this.#appendAll(batches, applied))
    this.#hardState = readHardState(db)
    this.#wanted = this.#hardState
    this.#snapshot = readSnapshotMeta(db).meta
    const one = (sql: string) => db.prepare(sql).pluck().get() as number | null
    this.#last = one('SELECT max(idx) FROM entries') ?? this.#snapshot.index
    this.#oldest = one('SELECT min(idx) FROM entries') ?? this.#last + 1
    this.#bytes = bytes
  }

  get lastIndex(): Index {
    return this.#last
  }

  /** Bytes of the entries that are kept, with what SQLite adds to each. */
  get bytes(): number {
    return this.#bytes
  }

  /** About what the write-ahead log has grown by since the last checkpoint. */
  get walBytes(): number {
    return this.#walBytes
  }

  /**
   * Durable on return, but for a commit index that came alone. `applied`: how far the saved state
   * goes; the log below it is agreed and never changes.
   */
  append(batches: readonly EncodedWrite[], applied: Index): void {
    let worthSync = false
    for (const { hardState, count } of batches) {
      if (hardState) {
        worthSync ||= !sameBallot(hardState, this.#wanted)
        this.#wanted = hardState
      }
      worthSync ||= count > 0
    }
    if (worthSync) this.#append.immediate(batches, applied)
  }

  /** A received snapshot takes the log's place; `settle` once it has taken the state's, too. */
  install(batch: EncodedWrite, snapshot: SnapshotMeta): void {
    this.#db
      .transaction(() => {
        this.#db.exec('DELETE FROM entries')
        this.#setSnapshot.run(snapshot.index, snapshot.term, configText(snapshot.config), 1)
        this.#snapshot = snapshot
        this.#last = snapshot.index
        this.#oldest = snapshot.index + 1
        this.#bytes = 0
        if (batch.hardState) this.#wanted = batch.hardState
        this.#appendAll([batch], snapshot.index)
      })
      .immediate()
  }

  settle(): void {
    this.#lazily(() => this.#db.exec('UPDATE snapshot SET installing = 0'))
  }

  /** From now on the log starts after `through`; `dropSome` then frees the room. */
  compact(through: Index, term: Term): void {
    if (through <= this.#snapshot.index) return
    const found = this.#termAt(through)
    if (found !== term) throw corrupt(`log.db: entry ${through} has term ${found}, not ${term}`)
    const config = this.#db
      .prepare<[number], Uint8Array>(
        'SELECT data FROM entries WHERE type = 2 AND idx <= ? ORDER BY idx DESC LIMIT 1',
      )
      .pluck()
      .get(through)
    const text = config ? new TextDecoder().decode(config) : configText(this.#snapshot.config)
    this.#lazily(() => this.#setSnapshot.run(through, term, text, 0))
    this.#snapshot = { index: through, term, config: JSON.parse(text) }
  }

  /** Are there entries left that a compaction put aside? */
  get dropping(): boolean {
    return this.#oldest <= this.#snapshot.index
  }

  dropSome(): void {
    const last = Math.min(this.#snapshot.index, this.#oldest + dropEntries - 1)
    const sizes = this.#db
      .prepare<[number, number], number>(
        'SELECT length(data) FROM entries WHERE idx BETWEEN ? AND ? ORDER BY idx',
      )
      .pluck()
      .all(this.#oldest, last)
    let end = this.#oldest
    let bytes = 0
    for (const size of sizes) {
      if (bytes >= dropBytes) break
      bytes += size + entryOverhead
      end++
    }
    this.#lazily(() => this.#db.prepare('DELETE FROM entries WHERE idx < ?').run(end))
    this.#bytes = Math.max(0, this.#bytes - bytes)
    this.#oldest = end
    this.#walBytes += bytes / 4
  }

  /** Moves what the write-ahead log holds into the database. */
  checkpoint(): void {
    this.#db.pragma('wal_checkpoint(PASSIVE)')
    this.#walBytes = 0
  }

  close(): void {
    if (this.#wanted.commit !== this.#hardState.commit) this.#append.immediate([], 0)
    this.#db.close()
  }

  /** Closes without writing anything more of its own. */
  abandon(): void {
    this.#db.close()
  }

  #appendAll(batches: readonly EncodedWrite[], applied: Index): void {
    for (const batch of batches) if (batch.count > 0) this.#appendEntries(batch, applied)
    const { term, vote, commit, lineage = 0 } = this.#wanted
    if (!sameBallot(this.#wanted, this.#hardState) || commit !== this.#hardState.commit) {
      this.#setHardState.run(term, vote, commit, lineage)
      this.#hardState = this.#wanted
    }
    this.#walBytes += pageBytes * 3
  }

  #appendEntries(batch: EncodedWrite, applied: Index): void {
    const { first, count } = batch
    if (first <= this.#snapshot.index || first > this.#last + 1) {
      const from = this.#snapshot.index
      throw corrupt(`log.db: entry ${first} does not fit what it holds, ${from}..${this.#last}`)
    }
    const agreed = first <= applied ? this.#termAt(first) : undefined
    if (first <= this.#last) this.#truncate(first)
    eachEntry(batch, (index, term, type, crc, data) => {
      if (index === first && agreed !== undefined && term !== agreed) {
        throw corrupt(`log.db: entry ${index} is applied already, with another term`)
      }
      this.#insert.run(index, term, type, crc, data)
      this.#bytes += data.length + entryOverhead
    })
    this.#last = first + count - 1
    this.#walBytes += batch.entries.length
  }

  #truncate(first: Index): void {
    const cut = this.#db
      .prepare('SELECT sum(length(data) + ?) FROM entries WHERE idx >= ?')
      .pluck()
      .get(entryOverhead, first) as number
    this.#db.prepare('DELETE FROM entries WHERE idx >= ?').run(first)
    this.#bytes = Math.max(0, this.#bytes - cut)
    this.#last = first - 1
  }

  #termAt(index: Index): Term | undefined {
    const term = this.#db.prepare('SELECT term FROM entries WHERE idx = ?').pluck().get(index)
    return term as Term | undefined
  }

  /** Without a sync: a power cut may undo it, in order with what came before and after. */
  #lazily(task: () => void): void {
    this.#db.pragma('synchronous = NORMAL')
    try {
      task()
    } finally {
      this.#db.pragma('synchronous = FULL')
    }
    this.#walBytes += pageBytes * 2
  }
}

/** What SQLite and the columns add to an entry's data, about. */
export const entryOverhead = 24
const pageBytes = 4096
/** One step of a compaction: so much that it pays, so little that a batch that arrives doesn't wait. */
const dropEntries = 256
const dropBytes = 512 * 1024

function sameBallot(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.vote === b.vote && (a.lineage ?? 0) === (b.lineage ?? 0)
}
