import { join } from 'node:path'
import type { Index, Term } from '../raft/types.ts'
import { toFailure } from './failure.ts'
import type { LogFile } from './log-file.ts'
import type { FromThread, ThreadSetup, ToThread } from './protocol.ts'
import { StateCopy } from './state-copy.ts'
import { cycleBytes, type StateFile } from './state-file.ts'

/** The files that the log thread has open; `state` is another one after an installation. */
export interface OpenFiles {
  readonly log: LogFile
  state: StateFile
}

type CopyRequest = Extract<ToThread, { op: 'copy' }>
/** A copy that somebody waits for, and what it must contain. */
type WaitingCopy = CopyRequest & { readonly atLeast: Index }

/**
 * What the log thread does between batches, a small piece at a time: saves the applied state,
 * copies it, moves write-ahead logs into their databases, drops compacted entries.
 */
export class Chores {
  readonly #files: OpenFiles
  readonly #setup: ThreadSetup
  readonly #send: (message: FromThread) => void
  readonly #wake: () => void
  #saveDue = false
  #saveTimer: NodeJS.Timeout | undefined
  #compaction: { readonly through: Index; readonly term: Term } | undefined
  /** A reader keeps the state from becoming durable: try again when more is saved. */
  #compactionHeld = false
  #copies: WaitingCopy[] = []
  #copy: StateCopy | undefined
  #flushes: number[] = []
  /** No message for a while: a good moment for what makes a batch wait. */
  #quiet = false
  readonly #quietTimer: NodeJS.Timeout

  /** `wake`: there may be a chore now. */
  constructor(
    files: OpenFiles,
    setup: ThreadSetup,
    send: (message: FromThread) => void,
    wake: () => void,
  ) {
    this.#files = files
    this.#setup = setup
    this.#send = send
    this.#wake = wake
    this.#quietTimer = setTimeout(() => {
      this.#quiet = true
      wake()
    }, quietMillis)
  }

  save(bytes: Uint8Array): void {
    this.#files.state.add(bytes)
    this.#armSave()
  }

  compact(through: Index, term: Term): void {
    this.#compaction = { through, term }
  }

  copy(request: CopyRequest): void {
    this.#copies.push({ ...request, atLeast: this.#files.state.newest })
  }

  flush(serial: number): void {
    this.#flushes.push(serial)
  }

  /** A message came. */
  disturb(): void {
    this.#quiet = false
    this.#quietTimer.refresh()
  }

  /** Is there something to do? */
  get waiting(): boolean {
    const { log, state } = this.#files
    return (
      this.#saving() ||
      this.#copies.length > 0 ||
      log.dropping ||
      this.#compacting() ||
      this.#overgrown(log, busyLogWal) ||
      this.#overgrown(state, busyStateWal) ||
      this.#flushes.length > 0
    )
  }

  /** Does one piece. */
  step(): void {
    const { log, state } = this.#files
    const [copy] = this.#copies
    if (this.#saving()) this.#saveSome()
    else if (copy) this.#copySome(copy)
    else if (this.#overgrown(log, busyLogWal)) log.checkpoint()
    else if (this.#overgrown(state, busyStateWal)) this.#checkpointState()
    else if (this.#compacting()) this.#compactLog()
    else if (log.dropping) this.#dropSome()
    else for (const serial of this.#flushes.splice(0)) this.#send({ op: 'flushed', serial })
  }

  /** Makes log batches wait for state that has fallen too far behind: memory has an end. */
  catchUp(): void {
    const { log, state } = this.#files
    if (state.waitingBytes <= stateBacklog) return
    while (state.waitingBytes > stateBacklog / 2 && state.canSave(log.lastIndex)) this.#saveSome()
  }

  saveAll(): void {
    while (this.#files.state.canSave(this.#files.log.lastIndex)) this.#saveSome()
  }

  /** Nobody reads state.db any more; a copy under way begins anew later. */
  releaseState(): void {
    this.#copy?.abandon()
    this.#copy = undefined
    this.#compaction = undefined
  }

  stop(): void {
    clearTimeout(this.#saveTimer)
    clearTimeout(this.#quietTimer)
  }

  /** A checkpoint takes two syncs and more: seldom under load, early when nobody waits. */
  #overgrown(file: { readonly walBytes: number }, busy: number): boolean {
    const { walBytes = busy, quietWalBytes = idleWalBytes } = this.#setup.tuning
    return file.walBytes > (this.#quiet ? quietWalBytes : walBytes)
  }

  #armSave(): void {
    this.#saveTimer ??= setTimeout(() => {
      this.#saveTimer = undefined
      this.#saveDue = true
      this.#wake()
    }, this.#setup.tuning.saveDelay ?? saveMillis)
  }

  #saving(): boolean {
    const { log, state } = this.#files
    if (state.busy) return true
    const due =
      this.#saveDue ||
      state.waitingBytes > cycleBytes ||
      this.#flushes.length > 0 ||
      this.#copyWaits()
    return due && state.canSave(log.lastIndex)
  }

  /** For the state as it was when the copy was asked for. */
  #copyWaits(): boolean {
    const [next] = this.#copies
    return next !== undefined && !this.#copy && this.#files.state.saved < next.atLeast
  }

  #saveSome(): void {
    const { log, state } = this.#files
    if (!state.step(log.lastIndex)) return
    this.#compactionHeld = false
    this.#saveDue = false
    if (state.waitingBytes > 0) this.#armSave()
  }

  #checkpointState(): void {
    this.#files.state.checkpoint()
    if (this.#quiet) this.#files.state.shrink()
  }

  #compacting(): boolean {
    if (this.#compaction === undefined || this.#compactionHeld) return false
    return this.#compaction.through <= this.#files.state.saved
  }

  /** Only what the state will still hold after a power cut may leave the log. */
  #compactLog(): void {
    const { log, state } = this.#files
    const { through, term } = this.#compaction!
    if (through > state.durable) state.checkpoint()
    this.#compactionHeld = through > state.durable
    if (this.#compactionHeld) return
    this.#compaction = undefined
    log.compact(through, term)
  }

  #dropSome(): void {
    const { log } = this.#files
    log.dropSome()
    if (!log.dropping) this.#send({ op: 'dropped', logBytes: log.bytes })
  }

  /** A copy that fails is its asker's trouble alone. */
  #copySome({ serial, path }: WaitingCopy): void {
    try {
      this.#copy ??= new StateCopy(join(this.#setup.dir, 'state.db'), path)
      if (!this.#copy.step(copyMillis)) return
      const { meta, size } = this.#copy
      this.#send({ op: 'copied', serial, meta, size })
    } catch (error) {
      const failure = toFailure(error, 'the state cannot be copied')
      this.#copy?.abandon()
      this.#send({ op: 'not-copied', serial, failure })
    }
    this.#copy = undefined
    this.#copies.shift()
  }
}

/** So long state waits for more of it, ms: what is written together costs less. */
const saveMillis = 200
/** Bytes of state that may wait while log batches go first. */
const stateBacklog = 16 * 1024 * 1024
/** A write-ahead log is moved into its database when it has grown by so much… */
const busyLogWal = 8 * 1024 * 1024
const busyStateWal = 16 * 1024 * 1024
/** …or by so little, if no message has come for so long, ms. */
const idleWalBytes = 512 * 1024
const quietMillis = 10
/** One step of a copy. */
const copyMillis = 1
