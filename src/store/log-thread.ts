import { join } from 'node:path'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Index, Term } from '../raft/types.ts'
import { decodeWrite, type EncodedWrite } from './entry-codec.ts'
import { toFailure } from './failure.ts'
import { LogFile } from './log-file.ts'
import type { FromThread, ThreadSetup, ToThread } from './protocol.ts'
import { acceptReceived, takePlace } from './received.ts'
import { StateCopy } from './state-copy.ts'
import { cycleBytes, StateFile } from './state-file.ts'

/** A copy that somebody waits for, and what it must contain. */
type Copy = Extract<ToThread, { op: 'copy' }> & { readonly atLeast: Index }
type Write = Extract<ToThread, { op: 'write' }>

/**
 * The thread that owns log.db and state.db. Writes come first: all that waits becomes one
 * transaction. In between, one small chore at a time: applied state, copies, checkpoints,
 * compaction. After a failure nothing is written any more.
 */
export class LogThread {
  readonly #port: MessagePort
  readonly #setup: ThreadSetup
  readonly #log: LogFile
  #state: StateFile
  #batches: EncodedWrite[] = []
  #batchBytes = 0
  /** Of the last write that was taken in. */
  #serial = 0
  #saveDue = false
  #saveTimer: NodeJS.Timeout | undefined
  #compaction: { readonly through: Index; readonly term: Term } | undefined
  /** A reader keeps the state from becoming durable: try again when more is saved. */
  #compactionHeld = false
  #copies: Copy[] = []
  #copy: StateCopy | undefined
  #flushes: number[] = []
  #resting = false
  /** No message for a while: a good moment for what makes a batch wait. */
  #quiet = false
  readonly #quietTimer = setTimeout(() => {
    this.#quiet = true
    this.#rest()
  }, quietMillis)
  #failed = false
  #closed = false

  constructor(port: MessagePort, setup: ThreadSetup) {
    this.#port = port
    this.#setup = setup
    this.#log = new LogFile(join(setup.dir, 'log.db'), setup.logBytes, setup.tuning.maxLogPages)
    this.#state = this.#openState()
    port.on('message', (message: ToThread) => this.#turn(message))
    this.#rest()
  }

  #turn(first: ToThread): void {
    this.#quiet = false
    this.#quietTimer.refresh()
    try {
      for (let message: ToThread | undefined = first; message; message = this.#next()) {
        this.#take(message)
        if (this.#closed) return
        if (this.#batchBytes >= transactionBytes) break
      }
      this.#commit()
      if (this.#state.waitingBytes > stateBacklog) this.#catchUp()
    } catch (error) {
      this.#fail(error)
    }
    this.#rest()
  }

  #next(): ToThread | undefined {
    return receiveMessageOnPort(this.#port)?.message
  }

  #take(message: ToThread): void {
    switch (message.op) {
      case 'write':
        this.#takeWrite(message)
        return
      case 'save':
        this.#takeSave(message.bytes)
        return
      case 'compact':
        this.#compaction = message
        return
      case 'copy':
        this.#copies.push({ ...message, atLeast: this.#state.newest })
        return
      case 'flush':
        this.#flushes.push(message.serial)
        return
      case 'close':
        this.#close()
        return
      default:
        message satisfies never
    }
  }

  #takeWrite(message: Write): void {
    if (this.#failed) return
    if (message.received !== undefined) {
      this.#install(message, message.received)
      return
    }
    this.#batches.push(decodeWrite(message.bytes))
    this.#batchBytes += message.bytes.length
    this.#serial = message.serial
  }

  #takeSave(bytes: Uint8Array): void {
    if (this.#failed) return
    this.#state.add(bytes)
    this.#armSave()
  }

  #armSave(): void {
    this.#saveTimer ??= setTimeout(() => {
      this.#saveTimer = undefined
      this.#saveDue = true
      this.#rest()
    }, this.#setup.tuning.saveDelay ?? saveMillis)
  }

  #commit(): void {
    if (this.#failed || this.#batches.length === 0) return
    const batches = this.#batches
    this.#batches = []
    this.#batchBytes = 0
    try {
      this.#log.append(batches, this.#state.saved)
    } catch (error) {
      this.#fail(error, 'log.db cannot be written')
      return
    }
    this.#durable()
  }

  #durable(): void {
    this.#send({ op: 'durable', serial: this.#serial, logBytes: this.#log.bytes })
  }

  #install(message: Write, received: string): void {
    this.#commit()
    if (this.#failed) return
    const { dir } = this.#setup
    try {
      const batch = decodeWrite(message.bytes)
      acceptReceived(dir, received, batch.snapshot!)
      // An open copy would, when it closes, remove the write-ahead log of the new state.db.
      this.#abandonCopy()
      this.#log.install(batch, batch.snapshot!)
      this.#state.close()
      takePlace(dir)
      this.#state = this.#openState()
      this.#log.settle()
    } catch (error) {
      this.#fail(error, 'the received snapshot cannot be installed')
      return
    }
    this.#compaction = undefined
    this.#serial = message.serial
    this.#durable()
  }

  /** Makes sure that a chore runs soon, if there is one: at most one for each turn of messages. */
  #rest(): void {
    if (this.#resting || this.#failed || this.#closed || !this.#hasChore()) return
    this.#resting = true
    setImmediate(() => {
      this.#resting = false
      if (this.#closed) return
      try {
        this.#chore()
      } catch (error) {
        this.#fail(error)
      }
      this.#rest()
    })
  }

  #hasChore(): boolean {
    return (
      this.#saving() ||
      this.#copies.length > 0 ||
      this.#log.dropping ||
      this.#compacting() ||
      this.#overgrown(this.#log, busyLogWal) ||
      this.#overgrown(this.#state, busyStateWal) ||
      this.#flushes.length > 0
    )
  }

  #chore(): void {
    if (this.#failed) return
    const [copy] = this.#copies
    if (this.#saving()) this.#saveSome()
    else if (copy) this.#copySome(copy)
    else if (this.#overgrown(this.#log, busyLogWal)) this.#log.checkpoint()
    else if (this.#overgrown(this.#state, busyStateWal)) this.#checkpointState()
    else if (this.#compacting()) this.#compact()
    else if (this.#log.dropping) this.#dropSome()
    else for (const serial of this.#flushes.splice(0)) this.#send({ op: 'flushed', serial })
  }

  /** A checkpoint takes two syncs and more: seldom under load, early when nobody waits. */
  #overgrown(file: { readonly walBytes: number }, busy: number): boolean {
    const { walBytes = busy, quietWalBytes = idleWalBytes } = this.#setup.tuning
    return file.walBytes > (this.#quiet ? quietWalBytes : walBytes)
  }

  #saving(): boolean {
    if (this.#state.busy) return true
    const due =
      this.#saveDue ||
      this.#state.waitingBytes > cycleBytes ||
      this.#flushes.length > 0 ||
      this.#copyWaits()
    return due && this.#state.canSave(this.#log.lastIndex)
  }

  /** For the state as it was when the copy was asked for. */
  #copyWaits(): boolean {
    const [next] = this.#copies
    return next !== undefined && !this.#copy && this.#state.saved < next.atLeast
  }

  #saveSome(): void {
    if (!this.#state.step(this.#log.lastIndex)) return
    this.#compactionHeld = false
    this.#saveDue = false
    if (this.#state.waitingBytes > 0) this.#armSave()
  }

  #catchUp(): void {
    const { lastIndex } = this.#log
    while (this.#state.waitingBytes > stateBacklog / 2 && this.#state.canSave(lastIndex)) {
      this.#saveSome()
    }
  }

  #saveAll(): void {
    while (!this.#failed && this.#state.canSave(this.#log.lastIndex)) this.#saveSome()
  }

  #checkpointState(): void {
    this.#state.checkpoint()
    if (this.#quiet) this.#state.shrink()
  }

  #compacting(): boolean {
    if (this.#compaction === undefined || this.#compactionHeld) return false
    return this.#compaction.through <= this.#state.saved
  }

  /** Only what the state will still hold after a power cut may leave the log. */
  #compact(): void {
    const { through, term } = this.#compaction!
    if (through > this.#state.durable) this.#state.checkpoint()
    this.#compactionHeld = through > this.#state.durable
    if (this.#compactionHeld) return
    this.#compaction = undefined
    this.#log.compact(through, term)
  }

  #dropSome(): void {
    this.#log.dropSome()
    if (!this.#log.dropping) this.#send({ op: 'dropped', logBytes: this.#log.bytes })
  }

  /** A copy that fails is its asker's trouble alone. */
  #copySome(request: Copy): void {
    const { serial, path } = request
    try {
      this.#copy ??= new StateCopy(join(this.#setup.dir, 'state.db'), path)
      if (!this.#copy.step(choreMillis)) return
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

  #abandonCopy(): void {
    this.#copy?.abandon()
    this.#copy = undefined
  }

  #openState(): StateFile {
    return new StateFile(join(this.#setup.dir, 'state.db'), this.#setup.tuning.maxStatePages)
  }

  #fail(error: unknown, doing = 'log.db or state.db cannot be written'): void {
    if (this.#failed) return
    this.#failed = true
    this.#send({ op: 'failed', failure: toFailure(error, doing) })
  }

  #close(): void {
    clearTimeout(this.#saveTimer)
    clearTimeout(this.#quietTimer)
    this.#closed = true
    try {
      this.#commit()
      this.#saveAll()
      this.#abandonCopy()
      if (this.#failed) this.#log.abandon()
      else this.#log.close()
      this.#state.close()
    } catch (error) {
      this.#fail(error)
    }
    const { closed } = this.#setup
    Atomics.store(closed, 0, 1)
    Atomics.notify(closed, 0)
    this.#send({ op: 'closed' })
    this.#port.close()
  }

  #send(message: FromThread): void {
    this.#port.postMessage(message)
  }
}

/** A transaction takes in no more than about this: its sync should not take forever. */
const transactionBytes = 4 * 1024 * 1024
/** So long state waits for more of it, ms: what is written together costs less. */
const saveMillis = 200
/** Log batches wait for state when it falls so far behind: memory has an end. */
const stateBacklog = 16 * 1024 * 1024
/** A write-ahead log is moved into its database when it has grown by so much… */
const busyLogWal = 8 * 1024 * 1024
const busyStateWal = 16 * 1024 * 1024
/** …or by so little, if no message has come for so long, ms. */
const idleWalBytes = 512 * 1024
const quietMillis = 10
/** One step of a copy. */
const choreMillis = 1
