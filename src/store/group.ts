import { join } from 'node:path'
import type { Index, Persist, Term } from '../raft/types.ts'
import type { Row } from '../state/types.ts'
import { encodeWrite } from './entry-codec.ts'
import { toFailure } from './failure.ts'
import { Incoming } from './incoming.ts'
import { type Copied, LogClient } from './log-client.ts'
import type { StoreTuning } from './protocol.ts'
import { encodeState } from './row-codec.ts'
import { readRows, readStateIndex } from './rows.ts'
import { rowsCopy } from './rows-copy.ts'
import { snapshotSource } from './snapshot-source.ts'
import type { GroupStore, RowsCopy, SnapshotSource, StateBatch, StorageFailure } from './types.ts'

type RowsDone = (failure: StorageFailure | undefined, copy?: RowsCopy) => void
type SnapshotDone = (failure: StorageFailure | undefined, source?: SnapshotSource) => void

/** Log and state in SQLite files; the log thread does the writing. */
export class SqliteGroup implements GroupStore {
  readonly #dir: string
  readonly #client: LogClient
  readonly #incoming: Incoming
  #copies = 0

  constructor(
    dir: string,
    logBytes: number,
    tuning: StoreTuning,
    failed: (failure: StorageFailure) => void,
  ) {
    this.#dir = dir
    this.#incoming = new Incoming(dir)
    this.#client = new LogClient(dir, logBytes, tuning, failed)
  }

  write(batch: Persist, done: (failure?: StorageFailure) => void): void {
    this.#client.write(encodeWrite(batch), done, batch.snapshot && this.#received())
  }

  save(batch: StateBatch): void {
    this.#client.save(encodeState(batch))
  }

  compact(through: Index, term: Term): void {
    this.#client.compact(through, term)
  }

  takeSnapshot(done: SnapshotDone): void {
    const path = join(this.#dir, 'snapshots', `copy-${++this.#copies}.db`)
    this.#client.copy(path, (failure, copied) => {
      if (copied) this.#offer(path, copied, done)
      else done(failure)
    })
  }

  copyRows(done: RowsDone): void {
    const path = join(this.#dir, 'snapshots', `rows-${++this.#copies}.db`)
    this.#client.copy(path, (failure, copied) => {
      if (!copied) return done(failure)
      let copy: RowsCopy
      try {
        copy = rowsCopy(path, copied.meta, copied.size)
      } catch (error) {
        return done(toFailure(error, 'the copy of the state cannot be read'))
      }
      done(undefined, copy)
    })
  }

  receiveChunk(offset: number, bytes: Uint8Array): void {
    this.#incoming.write(offset, bytes)
  }

  installed(): { readonly applied: Index; readonly rows: Iterable<Row> } {
    return { applied: readStateIndex(this.#dir), rows: readRows(this.#dir) }
  }

  logBytes(): number {
    return this.#client.logBytes
  }

  /** `done` once everything asked for so far is on disk, the lazy things too; or after a failure. */
  flush(done: () => void): void {
    this.#client.flush(done)
  }

  close(done: () => void): void {
    this.#incoming.drop()
    this.#client.close(done)
  }

  /** Closes before it returns; false: the disk hangs. */
  closeNow(): boolean {
    this.#incoming.drop()
    return this.#client.closeNow(closePatience)
  }

  /** Ends at once: what is acknowledged stays, what is queued is lost. */
  abandon(): Promise<void> {
    return this.#client.abandon()
  }

  #received(): string {
    // A batch that installs what never came, or could not be named, fails in the log thread, in its turn.
    return this.#incoming.take() ?? join(this.#dir, 'snapshots', 'nothing-received')
  }

  #offer(path: string, { meta, size }: Copied, done: SnapshotDone): void {
    let source: SnapshotSource
    try {
      source = snapshotSource(path, meta, size)
    } catch (error) {
      done(toFailure(error, 'the copy of the state cannot be read'))
      return
    }
    done(undefined, source)
  }
}

/** Waiting for a disk that takes longer than this helps nobody, ms. */
const closePatience = 10_000
