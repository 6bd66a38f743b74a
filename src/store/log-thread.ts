import { join } from 'node:path'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { Chores, type OpenFiles } from './chores.ts'
import { decodeWrite, type EncodedWrite } from './entry-codec.ts'
import { toFailure } from './failure.ts'
import { LogFile } from './log-file.ts'
import type { FromThread, ThreadSetup, ToThread } from './protocol.ts'
import { acceptReceived, takePlace } from './received.ts'
import { StateFile } from './state-file.ts'

type Write = Extract<ToThread, { op: 'write' }>

/**
 * The thread that owns log.db and state.db. All writes that wait become one transaction; between
 * transactions there is room for one small chore. After a failure nothing is written any more.
 */
export class LogThread {
  readonly #port: MessagePort
  readonly #setup: ThreadSetup
  readonly #files: OpenFiles
  readonly #chores: Chores
  #batches: EncodedWrite[] = []
  #batchBytes = 0
  /** Of the last write that was taken in. */
  #serial = 0
  #resting = false
  #failed = false
  #closed = false

  constructor(port: MessagePort, setup: ThreadSetup) {
    this.#port = port
    this.#setup = setup
    const log = new LogFile(join(setup.dir, 'log.db'), setup.logBytes, setup.tuning.maxLogPages)
    this.#files = { log, state: this.#openState() }
    this.#chores = new Chores(
      this.#files,
      setup,
      message => this.#send(message),
      () => this.#rest(),
    )
    port.on('message', (message: ToThread) => this.#turn(message))
    this.#rest()
  }

  #turn(first: ToThread): void {
    this.#chores.disturb()
    try {
      for (let message: ToThread | undefined = first; message; message = this.#next()) {
        this.#take(message)
        if (this.#closed) return
        if (this.#batchBytes >= transactionBytes) break
      }
      this.#commit()
      if (!this.#failed) this.#chores.catchUp()
    } catch (error) {
      this.#fail(error)
    }
    this.#rest()
  }

  #next(): ToThread | undefined {
    return receiveMessageOnPort(this.#port)?.message
  }

  #take(message: ToThread): void {
    if (message.op === 'close') this.#close()
    if (this.#failed || this.#closed) return
    switch (message.op) {
      case 'write':
        this.#takeWrite(message)
        return
      case 'save':
        this.#chores.save(message.bytes)
        return
      case 'compact':
        this.#chores.compact(message.through, message.term)
        return
      case 'copy':
        this.#chores.copy(message)
        return
      case 'flush':
        this.#chores.flush(message.serial)
        return
      case 'close':
        return
      default:
        message satisfies never
    }
  }

  #takeWrite(message: Write): void {
    if (message.received !== undefined) {
      this.#install(message, message.received)
      return
    }
    this.#batches.push(decodeWrite(message.bytes))
    this.#batchBytes += message.bytes.length
    this.#serial = message.serial
  }

  #commit(): void {
    if (this.#failed || this.#batches.length === 0) return
    const batches = this.#batches
    this.#batches = []
    this.#batchBytes = 0
    try {
      this.#files.log.append(batches, this.#files.state.saved)
    } catch (error) {
      this.#fail(error, 'log.db cannot be written')
      return
    }
    this.#durable()
  }

  #durable(): void {
    this.#send({ op: 'durable', serial: this.#serial, logBytes: this.#files.log.bytes })
  }

  #install(message: Write, received: string): void {
    this.#commit()
    if (this.#failed) return
    const { dir } = this.#setup
    const { log, state } = this.#files
    try {
      const batch = decodeWrite(message.bytes)
      acceptReceived(dir, received, batch.snapshot!)
      // An open copy would, when it closes, remove the write-ahead log of the new state.db.
      this.#chores.releaseState()
      log.install(batch, batch.snapshot!)
      state.close()
      takePlace(dir)
      this.#files.state = this.#openState()
      log.settle()
    } catch (error) {
      this.#fail(error, 'the received snapshot cannot be installed')
      return
    }
    this.#serial = message.serial
    this.#durable()
  }

  /** Makes sure that a chore runs soon, if there is one: at most one for each turn of messages. */
  #rest(): void {
    if (this.#resting || this.#failed || this.#closed || !this.#chores.waiting) return
    this.#resting = true
    setImmediate(() => {
      this.#resting = false
      if (this.#failed || this.#closed) return
      try {
        this.#chores.step()
      } catch (error) {
        this.#fail(error)
      }
      this.#rest()
    })
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
    const { log } = this.#files
    this.#closed = true
    this.#chores.stop()
    try {
      this.#commit()
      if (!this.#failed) this.#chores.saveAll()
      this.#chores.releaseState()
      if (this.#failed) log.abandon()
      else log.close()
      this.#files.state.close()
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
