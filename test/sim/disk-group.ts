import { assert } from '../../src/base/errors.ts'
import type { Entry, Index, Persist, SnapshotMeta, Term } from '../../src/raft/types.ts'
import type { Row } from '../../src/state/types.ts'
import type {
  Compaction,
  GroupStore,
  RowsCopy,
  SnapshotSource,
  StateBatch,
  StorageFailure,
} from '../../src/store/types.ts'
import { type Disk, type DurableGroup, rowKey } from './disk.ts'
import type { Life } from './queue.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot-file.ts'

interface Write {
  readonly batch: Persist
  readonly received: Uint8Array | undefined
  readonly done: (failure?: StorageFailure) => void
}

/**
 * A raft group's log and state on a simulated disk. Whatever is asked for waits in the process until
 * a sync has taken its time, and a crash loses it; what is durable moves over to `DurableGroup`.
 * It also minds its caller's manners: gaps, overwritten commits and saves ahead of the log are bugs.
 */
export class SimulatedGroup implements GroupStore {
  readonly #disk: Disk
  readonly #durable: DurableGroup
  readonly #life: Life
  readonly #failed: (failure: StorageFailure) => void
  #waiting: Write[] = []
  #syncing: Write[] = []
  #saves: StateBatch[] = []
  #saving = false
  #compactTo: { readonly index: Index; readonly term: Term } | undefined
  #received: Uint8Array[] = []
  #receivedBytes = 0
  #failure: StorageFailure | undefined
  #closing: (() => void) | undefined
  #closed = false
  #lastBatch = 0
  /** The log as the process believes to have written it; the checkers read commits from it. */
  readonly #written: { base: Index; entries: Entry[] }

  constructor(
    disk: Disk,
    durable: DurableGroup,
    life: Life,
    failed: (failure: StorageFailure) => void,
  ) {
    this.#disk = disk
    this.#durable = durable
    this.#life = life
    this.#failed = failed
    this.#written = { base: durable.base.index, entries: durable.entries.slice() }
  }

  get compaction(): Compaction | undefined {
    return this.#disk.compaction
  }

  /** The entry at `index` in what the process has handed over; undefined: compacted or not there. */
  entryAt(index: Index): Entry | undefined {
    return this.#written.entries[index - this.#written.base - 1]
  }

  /** So many writes share the sync that is under way. */
  get syncing(): number {
    return this.#syncing.length
  }

  get lastIndex(): Index {
    return this.#written.base + this.#written.entries.length
  }

  write(batch: Persist, done: (failure?: StorageFailure) => void): void {
    if (!this.#life.alive || this.#closed) return
    assert(batch.id > this.#lastBatch, `batch ${batch.id} after ${this.#lastBatch}`)
    this.#lastBatch = batch.id
    const copy: Persist = { ...batch, entries: batch.entries.map(copyEntry) }
    let received: Uint8Array | undefined
    if (batch.snapshot !== undefined) {
      received = join(this.#received, this.#receivedBytes)
      this.#received = []
      this.#receivedBytes = 0
      this.#written.base = batch.snapshot.index
      this.#written.entries = []
    }
    append(this.#written.entries, this.#written.base, copy.entries)
    for (const entry of copy.entries) {
      this.#disk.simulation.trace.mix(entry.index)
      if (entry.type === 'data') this.#disk.simulation.trace.mixBytes(entry.data)
    }
    this.#waiting.push({ batch: copy, received, done })
    this.#sync()
  }

  save(batch: StateBatch): void {
    if (!this.#life.alive || this.#closed || this.#failure !== undefined) return
    const last = this.#saves.at(-1)?.index ?? this.#durable.applied.index
    assert(batch.index >= last, `state saved at ${batch.index} after ${last}`)
    this.#saves.push(batch)
    this.#saveLater()
  }

  compact(through: Index, term: Term): void {
    if (!this.#life.alive || this.#closed || this.#failure !== undefined) return
    this.#compactTo = { index: through, term }
    this.#saveLater()
  }

  takeSnapshot(done: (failure: StorageFailure | undefined, source?: SnapshotSource) => void): void {
    this.#answer(() => {
      if (this.#stuck()) {
        done(this.#failure)
        return
      }
      // A copy that fails is its asker's trouble alone.
      const noRoom = this.#disk.refusal('files')
      if (noRoom) return done(noRoom)
      this.#settleSaves()
      const { applied, rows } = this.#durable
      const bytes = encodeSnapshot(applied.index, [...rows.values()])
      done(undefined, {
        meta: applied,
        size: bytes.length,
        read: (offset, length) => bytes.slice(offset, offset + length),
        close() {},
      })
    }, done)
  }

  copyRows(done: (failure: StorageFailure | undefined, copy?: RowsCopy) => void): void {
    this.#answer(() => {
      if (this.#stuck()) return done(this.#failure)
      const noRoom = this.#disk.refusal('files')
      if (noRoom) return done(noRoom)
      this.#settleSaves()
      const { applied: meta, rows: kept } = this.#durable
      const rows = [...kept.values()].sort((a, b) => (rowKey(a) < rowKey(b) ? -1 : 1))
      let at = 0
      done(undefined, {
        meta,
        size: rows.length * 100,
        find: (table, key) => {
          if (this.#disk.unreadable) throw new Error('disk I/O error')
          return rows.find(row => row.table === table && row.key === key)
        },
        next: bytes => {
          if (this.#disk.unreadable) throw new Error('disk I/O error')
          const from = at
          for (let taken = 0; at < rows.length && taken < bytes; at++) {
            const row = rows[at]!
            taken += row.key.length + (row.json?.length ?? 0) + (row.blob?.length ?? 0)
          }
          return rows.slice(from, at)
        },
        close() {},
      })
    }, done)
  }

  receiveChunk(offset: number, bytes: Uint8Array): void {
    this.#disk.demand('files')
    if (offset === 0) {
      this.#received = []
      this.#receivedBytes = 0
    }
    assert(offset === this.#receivedBytes, `chunk at ${offset}, not at ${this.#receivedBytes}`)
    this.#received.push(new Uint8Array(bytes))
    this.#receivedBytes += bytes.length
  }

  installed(): { readonly applied: Index; readonly rows: Iterable<Row> } {
    if (this.#disk.unreadable) throw new Error('disk I/O error')
    return { applied: this.#durable.applied.index, rows: [...this.#durable.rows.values()] }
  }

  logBytes(): number {
    let bytes = 0
    for (const entry of this.#written.entries)
      bytes += 64 + (entry.type === 'data' ? entry.data.length : 0)
    return bytes
  }

  close(done: () => void): void {
    this.#closing = done
    if (this.#closed) this.#disk.simulation.after(0, done, this.#life)
    else this.#finishClosing()
  }

  /** The group is set aside: nothing more reaches it. */
  abandon(): void {
    this.#closed = true
  }

  /** A beginning of the batches under way may have reached the platters; of the saves, too. */
  crash(): void {
    const { dice } = this.#disk
    if (!this.#closed && this.#failure === undefined && this.#disk.refusal('log') === undefined) {
      const torn = this.#syncing.length > 0 ? dice.below(this.#syncing.length + 1) : 0
      if (torn > 0 && torn < this.#syncing.length) this.#disk.noted?.('torn')
      for (const write of this.#syncing.slice(0, torn)) this.#commit(write)
      if (this.#saving && dice.next() < 0.3) this.#settleSaves()
    }
    this.#closed = true
  }

  #sync(): void {
    if (this.#syncing.length > 0 || this.#waiting.length === 0) return
    this.#syncing = this.#waiting
    this.#waiting = []
    this.#later(() => {
      const writes = this.#syncing
      this.#syncing = []
      const failure = this.#stuck() ? this.#failure : undefined
      for (const write of writes) {
        if (failure === undefined) this.#commit(write)
        write.done(failure)
      }
      this.#sync()
      this.#finishClosing()
    })
  }

  #later(task: () => void): void {
    this.#answer(task, () => {})
  }

  /** `task` when the disk comes to it, or `refuse` when there is no group any more by then. */
  #answer(task: () => void, refuse: (failure: StorageFailure) => void): void {
    const guarded = (): void => {
      if (this.#closed) refuse({ kind: 'io', message: 'the store is closed' })
      else task()
    }
    this.#disk.simulation.after(this.#disk.syncTime(), guarded, this.#life)
  }

  /** Has the disk failed? The first failure is for good. */
  #stuck(): boolean {
    const refusal = this.#disk.refusal('log')
    if (this.#failure === undefined && refusal !== undefined) {
      this.#failure = refusal
      this.#failed(this.#failure)
    }
    return this.#failure !== undefined
  }

  #commit(write: Write): void {
    const group = this.#durable
    const { batch, received } = write
    if (batch.snapshot !== undefined) {
      assert(received !== undefined, 'a snapshot without its chunks')
      group.rows.clear()
      const { index, rows } = decodeSnapshot(received)
      assert(index === batch.snapshot.index, `a snapshot of ${index} for ${batch.snapshot.index}`)
      for (const row of rows) group.rows.set(rowKey(row), row)
      group.base = batch.snapshot
      this.#disk.noted?.('snapshot')
      group.applied = batch.snapshot
      group.entries = []
      this.#saves = []
      this.#compactTo = undefined
    }
    const first = batch.entries[0]
    if (first !== undefined) {
      const { commit } = group.hardState
      const known = group.entries[first.index - group.base.index - 1]
      assert(
        first.index > commit || known?.term === first.term,
        `entry ${first.index} overwrites what is committed up to ${commit}`,
      )
      if (known !== undefined && known.term !== first.term) this.#disk.noted?.('truncated')
      append(group.entries, group.base.index, batch.entries)
    }
    if (batch.hardState !== undefined) {
      assert(batch.hardState.term >= group.hardState.term, 'the term went back')
      group.hardState = batch.hardState
    }
  }

  #saveLater(): void {
    if (this.#saving) return
    this.#saving = true
    const { simulation, habits, dice } = this.#disk
    const lag = dice.next() * habits.saveLag
    simulation.after(
      lag,
      () => {
        this.#saving = false
        if (this.#closed || this.#stuck()) return
        this.#settleSaves()
        if (this.#saves.length > 0 || this.#compactTo !== undefined) this.#saveLater()
        this.#finishClosing()
      },
      this.#life,
    )
  }

  /** Saves what the durable log covers, then drops what the saved state covers. */
  #settleSaves(): void {
    const group = this.#durable
    const end = group.base.index + group.entries.length
    while (this.#saves.length > 0 && this.#saves[0]!.index <= end) {
      const { index, term, config, rows } = this.#saves.shift()!
      if (index < group.applied.index) continue
      for (const row of rows) {
        if (row.json === null) group.rows.delete(rowKey(row))
        else group.rows.set(rowKey(row), row)
      }
      group.applied = { index, term, config }
    }
    const to = this.#compactTo
    if (to === undefined || to.index > group.applied.index) return
    this.#compactTo = undefined
    if (to.index <= group.base.index) return
    const dropped = group.entries.splice(0, to.index - group.base.index)
    group.base = { index: to.index, term: to.term, config: configAfter(group.base, dropped) }
    assert(dropped.at(-1)?.term === to.term, `compaction through ${to.index} has a wrong term`)
    const excess = to.index - this.#written.base
    if (excess > 0) {
      this.#written.entries.splice(0, excess)
      this.#written.base = to.index
    }
  }

  #finishClosing(): void {
    if (this.#closing === undefined || this.#syncing.length > 0 || this.#waiting.length > 0) return
    if (this.#failure === undefined) this.#settleSaves()
    const done = this.#closing
    this.#closing = undefined
    this.#closed = true
    this.#disk.simulation.after(0, done, this.#life)
  }
}

function append(log: Entry[], base: Index, entries: readonly Entry[]): void {
  const first = entries[0]
  if (first === undefined) return
  const keep = first.index - base - 1
  assert(
    keep >= 0 && keep <= log.length,
    `entry ${first.index} leaves a gap after ${base + log.length}`,
  )
  log.length = keep
  for (const entry of entries) log.push(entry)
}

function configAfter(base: SnapshotMeta, dropped: readonly Entry[]): SnapshotMeta['config'] {
  for (let i = dropped.length - 1; i >= 0; i--) {
    const entry = dropped[i]!
    if (entry.type === 'config') return entry.config
  }
  return base.config
}

/** A disk shares no memory with the process. */
function copyEntry(entry: Entry): Entry {
  return entry.type === 'data' ? { ...entry, data: new Uint8Array(entry.data) } : entry
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    out.set(chunk, at)
    at += chunk.length
  }
  return out
}
