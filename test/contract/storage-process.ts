import { expect } from 'vitest'
import type { Configuration, Entry, HardState, Persist } from '../../src/raft/types.ts'
import type { Row } from '../../src/state/types.ts'
import type {
  GroupStore,
  Loaded,
  NodeFacts,
  RowsCopy,
  SnapshotSource,
  Storage,
  StorageFailure,
} from '../../src/store/types.ts'

/** A machine's disk, and the process that uses it now. */
export interface Harness {
  readonly storage: Storage
  /** Kills the process and starts the next one: only what was `done` must be there. */
  reopen(): Storage | Promise<Storage>
  /** Lets queued work finish, the lazy things too, and calls back. */
  settle(): Promise<void>
  /** Frees what the harness holds. */
  dispose?(): void | Promise<void>
}

/** The running process: one group, opened, whose writes are numbered. */
export class Process {
  readonly harness: Harness
  storage: Storage
  failures: StorageFailure[] = []
  #store: GroupStore | undefined
  #id = 0

  constructor(harness: Harness) {
    this.harness = harness
    this.storage = harness.storage
  }

  get store(): GroupStore {
    return this.#store!
  }

  open(): Loaded {
    this.failures = []
    const { loaded, store } = this.storage.openGroup(failure => this.failures.push(failure))
    this.#store = store
    return { ...loaded, rows: [...loaded.rows] }
  }

  async crash(): Promise<Loaded> {
    this.storage = await this.harness.reopen()
    return this.open()
  }

  /** Hands a batch over without waiting for it. */
  send(batch: Omit<Persist, 'id'>, done: (failure?: StorageFailure) => void = () => {}): void {
    this.store.write({ id: ++this.#id, ...batch }, done)
  }

  async write(batch: Omit<Persist, 'id'>): Promise<void> {
    const outcome: (StorageFailure | undefined)[] = []
    this.send(batch, failure => outcome.push(failure))
    await this.settle()
    expect(outcome).toEqual([undefined])
  }

  save(index: number, term: number, rows: readonly Row[], config = three): void {
    this.store.save({ index, term, config, rows })
  }

  async snapshot(): Promise<SnapshotSource> {
    let taken: SnapshotSource | undefined
    this.store.takeSnapshot((_failure, source) => {
      taken = source
    })
    await this.settle()
    expect(taken).toBeDefined()
    return taken!
  }

  async rows(): Promise<RowsCopy> {
    let taken: RowsCopy | undefined
    this.store.copyRows((_failure, copy) => {
      taken = copy
    })
    await this.settle()
    expect(taken).toBeDefined()
    return taken!
  }

  receive(source: SnapshotSource, chunk = 1000): void {
    let offset = 0
    do {
      const bytes = source.read(offset, chunk)
      this.store.receiveChunk(offset, bytes)
      offset += bytes.length
    } while (offset < source.size)
  }

  settle(): Promise<void> {
    return this.harness.settle()
  }
}

export const nobody: Configuration = { voters: [], outgoing: [], learners: [], learnersNext: [] }
export const three: Configuration = { ...nobody, voters: ['a', 'b', 'c'] }
export const joint: Configuration = {
  voters: ['a', 'b', 'd'],
  outgoing: ['a', 'b', 'c'],
  learners: ['e'],
  learnersNext: ['c'],
}
export const noVote: HardState = { term: 0, vote: null, commit: 0 }

export const facts: NodeFacts = {
  id: '0192f5a0-0000-7000-8000-000000000001',
  name: 'n1',
  incarnation: 3,
  cluster: {
    tag: '0192f5a0-0000-7000-8000-00000000000f',
    name: 'prod',
    epoch: 1,
    metaVersion: 4,
    control: [{ id: 'b', name: 'n2', host: '::1', port: 4483 }],
  },
  known: [],
  joining: ['seed.example:4483'],
}

export function hard(term: number): { hardState: HardState } {
  return { hardState: { term, vote: 'a', commit: 0 } }
}

export function data(index: number, term: number): Entry {
  return { index, term, type: 'data', data: new TextEncoder().encode(`entry ${index} of ${term}`) }
}

export function row(table: string, key: string, value: number): Row {
  return { table, key, json: JSON.stringify({ value }), blob: null }
}

export function gone(table: string, key: string): Row {
  return { table, key, json: null, blob: null }
}

export function terms(entries: readonly Entry[]): number[] {
  return entries.map(entry => entry.term)
}

/** Entries for comparison: whatever kind of byte array carries the data. */
export function plain(entries: readonly Entry[]): unknown[] {
  return entries.map(entry => (entry.type === 'data' ? { ...entry, data: [...entry.data] } : entry))
}

export function sorted(rows: Iterable<Row>): Row[] {
  return [...rows]
    .map(r => ({ ...r, blob: r.blob === null ? null : Uint8Array.from(r.blob) }))
    .sort((a, b) => compare(a.table, b.table) || compare(a.key, b.key))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
