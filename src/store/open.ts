import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { assert, OperatorError } from '../base/errors.ts'
import type { HardState, SnapshotMeta } from '../raft/types.ts'
import type { Row } from '../state/types.ts'
import { moveAside } from './aside.ts'
import { backupsIn } from './backups.ts'
import { prepareDataDir } from './data-dir.ts'
import { toOperatorError } from './failure.ts'
import { SqliteGroup } from './group.ts'
import { createGroupFiles, loadGroup } from './load.ts'
import { NodeFile } from './node-file.ts'
import type { StoreTuning } from './protocol.ts'
import type { Backups, Loaded, NodeFacts, Storage, StorageFailure } from './types.ts'

/** Opens a data directory, and keeps every other agent out of it until `close`. */
export function openStorage(dataDir: string, tuning: StoreTuning = {}): SqliteStorage {
  const dir = prepareDataDir(dataDir)
  return new SqliteStorage(dir, new NodeFile(dir), tuning)
}

export class SqliteStorage implements Storage {
  readonly dir: string
  /** The process that holds the directory's lock: this one. */
  readonly lockedBy = process.pid
  readonly #node: NodeFile
  readonly #tuning: StoreTuning
  #group: SqliteGroup | undefined
  readonly backups: Backups
  #closed = false
  /** Present from `close` on: who wants to hear of its end. */
  #closing: (() => void)[] | undefined

  constructor(dir: string, node: NodeFile, tuning: StoreTuning) {
    this.dir = dir
    this.#node = node
    this.#tuning = tuning
    this.backups = backupsIn(dir)
  }

  readFacts(): NodeFacts | undefined {
    return this.#node.read()
  }

  writeFacts(facts: NodeFacts): void {
    this.#node.write(facts)
  }

  hasGroup(): boolean {
    return existsSync(join(this.dir, 'log.db'))
  }

  openGroup(failed: (failure: StorageFailure) => void): {
    readonly loaded: Loaded
    readonly store: SqliteGroup
  } {
    assert(this.#group === undefined, 'the group is open already')
    if (!this.hasGroup()) this.createGroup(emptySnapshot, emptyHardState, [])
    const { loaded, logBytes } = this.#load()
    this.#group = new SqliteGroup(this.dir, logBytes, this.#tuning, failed)
    return { loaded, store: this.#group }
  }

  #load(): ReturnType<typeof loadGroup> {
    try {
      return loadGroup(this.dir)
    } catch (error) {
      throw toOperatorError(error, `log.db and state.db of ${this.dir} cannot be opened`)
    }
  }

  createGroup(first: SnapshotMeta, hardState: HardState, rows: readonly Row[]): void {
    assert(!this.hasGroup(), 'there is a group in the data directory already')
    try {
      // A state without a log is what an interrupted creation or setting aside leaves.
      if (existsSync(join(this.dir, 'state.db'))) moveAside(this.dir, 'unfinished')
      createGroupFiles(this.dir, first, hardState, rows)
    } catch (error) {
      throw toOperatorError(error, `no log can be made in ${this.dir}`)
    }
  }

  setAside(label: string, facts?: NodeFacts): string {
    const group = this.#group
    this.#group = undefined
    if (group && !group.closeNow()) {
      throw new OperatorError('STORAGE', `the disk of ${this.dir} hangs`, 'look at the disk')
    }
    try {
      return moveAside(this.dir, label, facts)
    } catch (error) {
      throw toOperatorError(error, `log.db and state.db cannot be moved`)
    }
  }

  close(done: () => void): void {
    const group = this.#group
    this.#group = undefined
    this.#closing ??= []
    this.#closing.push(done)
    if (this.#closing.length > 1) return
    const finish = () => {
      this.#release()
      for (const callback of this.#closing?.splice(0) ?? []) callback()
    }
    if (group) {
      group.close(finish)
    } else {
      this.#release()
      setImmediate(finish)
    }
  }

  /** Resolves once everything asked for so far is on disk, the lazy things too; or after a failure. */
  settle(): Promise<void> {
    return new Promise(resolve => {
      if (this.#closing && !this.#closed) this.#closing.push(resolve)
      else if (this.#group) this.#group.flush(resolve)
      else resolve()
    })
  }

  /** Ends at once: what is acknowledged stays, what is queued is lost. */
  async abandon(): Promise<void> {
    const group = this.#group
    this.#group = undefined
    await group?.abandon()
    this.#release()
  }

  #release(): void {
    if (!this.#closed) this.#node.close()
    this.#closed = true
  }
}

const emptySnapshot: SnapshotMeta = {
  index: 0,
  term: 0,
  config: { voters: [], outgoing: [], learners: [], learnersNext: [] },
}
const emptyHardState: HardState = { term: 0, vote: null, commit: 0 }
