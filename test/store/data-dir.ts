import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { OperatorError } from '../../src/base/errors.ts'
import type { Configuration, Entry, Persist } from '../../src/raft/types.ts'
import type { Row } from '../../src/state/types.ts'
import type { SqliteGroup } from '../../src/store/group.ts'
import { openStorage, type SqliteStorage } from '../../src/store/open.ts'
import type { StoreTuning } from '../../src/store/protocol.ts'
import type { Loaded, SnapshotSource, StorageFailure } from '../../src/store/types.ts'

/** Real files for tests: directories that go away with the test, and processes on them. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'hive-store-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A process on a data directory, with its group open. */
export class Running {
  readonly storage: SqliteStorage
  readonly store: SqliteGroup
  readonly loaded: Loaded
  readonly failures: StorageFailure[] = []
  #id = 0

  constructor(dir: string, tuning: StoreTuning = {}) {
    this.storage = openStorage(dir, tuning)
    onTestFinished(() => this.storage.abandon())
    try {
      const { loaded, store } = this.storage.openGroup(failure => this.failures.push(failure))
      this.loaded = loaded
      this.store = store
    } catch (error) {
      this.storage.close(() => {})
      throw error
    }
  }

  /** Resolves with the failure, if it was one. */
  write(batch: Partial<Persist>): Promise<StorageFailure | undefined> {
    return new Promise(resolve => {
      this.store.write({ id: ++this.#id, entries: [], ...batch }, resolve)
    })
  }

  save(index: number, term: number, rows: readonly Row[]): void {
    this.store.save({ index, term, config: three, rows })
  }

  snapshot(): Promise<SnapshotSource> {
    return new Promise((resolve, reject) => {
      this.store.takeSnapshot((failure, source) => {
        if (source) resolve(source)
        else reject(new Error(failure?.message))
      })
    })
  }

  settle(): Promise<void> {
    return this.storage.settle()
  }

  close(): Promise<void> {
    return new Promise(resolve => this.storage.close(resolve))
  }
}

/** What the call throws, which must be an OperatorError. */
export function refusal(call: () => unknown): OperatorError {
  try {
    call()
  } catch (error) {
    if (error instanceof OperatorError) return error
    throw error
  }
  throw new Error('it was not refused')
}

export const nobody: Configuration = { voters: [], outgoing: [], learners: [], learnersNext: [] }
export const three: Configuration = { ...nobody, voters: ['a', 'b', 'c'] }

export function data(index: number, term: number, size = 20): Entry {
  return { index, term, type: 'data', data: new Uint8Array(size).fill(index % 251) }
}

export function entries(from: number, to: number, term: number, size = 20): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, i) => data(from + i, term, size))
}

export function row(key: string, value: unknown): Row {
  return { table: 'kv', key, json: JSON.stringify(value), blob: null }
}
