import { Worker } from 'node:worker_threads'
import type { FromThread, StoreTuning, ThreadSetup, ToThread } from './protocol.ts'
import type { StorageFailure } from './types.ts'
import { workerUrl } from './worker-url.ts'

type Done = (failure?: StorageFailure) => void
export type Copied = Extract<FromThread, { op: 'copied' }>

/**
 * The main thread's end of the log thread: numbers what it asks for and calls back in order. The
 * first failure ends it: everything under way and everything later hears of it.
 */
export class LogClient {
  readonly #worker: Worker
  readonly #closed = new Int32Array(new SharedArrayBuffer(4))
  readonly #failedCallback: (failure: StorageFailure) => void
  #writes: { readonly serial: number; readonly bytes: number; readonly done: Done }[] = []
  #writesBytes = 0
  readonly #copies = new Map<
    number,
    (failure: StorageFailure | undefined, copied?: Copied) => void
  >()
  readonly #flushes = new Map<number, () => void>()
  #closing: (() => void)[] = []
  #state: 'open' | 'closing' | 'closed' = 'open'
  #serial = 0
  #failure: StorageFailure | undefined
  #logBytes: number

  constructor(
    dir: string,
    logBytes: number,
    tuning: StoreTuning,
    failed: (failure: StorageFailure) => void,
  ) {
    this.#logBytes = logBytes
    this.#failedCallback = failed
    const workerData: ThreadSetup = { dir, logBytes, closed: this.#closed, tuning }
    this.#worker = new Worker(workerUrl(), {
      workerData,
      name: 'hive-log',
      execArgv: [],
      env: {},
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 128, stackSizeMb: 1 },
    })
    this.#worker.on('message', (message: FromThread) => this.#hear(message))
    this.#worker.on('error', error => this.#fail(died(error.message)))
    this.#worker.on('exit', code => this.#exited(code))
  }

  get failure(): StorageFailure | undefined {
    return this.#failure
  }

  get logBytes(): number {
    return this.#logBytes
  }

  write(bytes: Uint8Array, done: Done, received?: string): void {
    const refusal = this.#refusal()
    if (refusal) {
      setImmediate(() => done(refusal))
      return
    }
    const serial = ++this.#serial
    this.#writes.push({ serial, bytes: bytes.length, done })
    this.#writesBytes += bytes.length
    this.#post(
      { op: 'write', serial, bytes, ...(received === undefined ? {} : { received }) },
      bytes,
    )
    if (this.#writesBytes > maxQueuedBytes) this.#fail(behind)
  }

  save(bytes: Uint8Array): void {
    if (!this.#refusal()) this.#post({ op: 'save', bytes }, bytes)
  }

  compact(through: number, term: number): void {
    if (!this.#refusal()) this.#post({ op: 'compact', through, term })
  }

  copy(path: string, done: (failure: StorageFailure | undefined, copied?: Copied) => void): void {
    const refusal = this.#refusal()
    if (refusal) {
      setImmediate(() => done(refusal))
      return
    }
    const serial = ++this.#serial
    this.#copies.set(serial, done)
    this.#post({ op: 'copy', serial, path })
  }

  /** `done` once everything asked for so far is on disk, the lazy things too; or after a failure. */
  flush(done: () => void): void {
    if (this.#refusal()) {
      setImmediate(done)
      return
    }
    const serial = ++this.#serial
    this.#flushes.set(serial, done)
    this.#post({ op: 'flush', serial })
  }

  /** Finishes what was asked for, then ends the thread. */
  close(done: () => void): void {
    if (this.#state === 'closed') {
      setImmediate(done)
      return
    }
    this.#closing.push(done)
    if (this.#state === 'closing') return
    this.#state = 'closing'
    this.#post({ op: 'close' })
  }

  /** The same, but the caller waits; false: the thread did not answer in time. */
  closeNow(patience: number): boolean {
    if (this.#state === 'open') this.#post({ op: 'close' })
    if (this.#state !== 'closed') this.#state = 'closing'
    return this.#state === 'closed' || Atomics.wait(this.#closed, 0, 0, patience) !== 'timed-out'
  }

  /** Ends the thread at once; what is not yet durable is lost. */
  async abandon(): Promise<void> {
    this.#state = 'closing'
    this.#failure ??= closedFailure
    this.#writes = []
    this.#copies.clear()
    this.#flushes.clear()
    await this.#worker.terminate()
  }

  #refusal(): StorageFailure | undefined {
    return this.#failure ?? (this.#state === 'open' ? undefined : closedFailure)
  }

  #post(message: ToThread, bytes?: Uint8Array): void {
    this.#worker.postMessage(message, bytes ? [bytes.buffer as ArrayBuffer] : [])
  }

  #hear(message: FromThread): void {
    switch (message.op) {
      case 'durable':
        this.#durable(message.serial, message.logBytes)
        return
      case 'copied':
        this.#copies.get(message.serial)?.(undefined, message)
        this.#copies.delete(message.serial)
        return
      case 'not-copied':
        this.#copies.get(message.serial)?.(message.failure)
        this.#copies.delete(message.serial)
        return
      case 'dropped':
        this.#logBytes = message.logBytes
        return
      case 'flushed':
        this.#flushes.get(message.serial)?.()
        this.#flushes.delete(message.serial)
        return
      case 'failed':
        this.#fail(message.failure)
        return
      case 'closed':
        return
      default:
        message satisfies never
    }
  }

  #durable(serial: number, logBytes: number): void {
    this.#logBytes = logBytes
    if (this.#failure) return
    let count = 0
    while (count < this.#writes.length && this.#writes[count]!.serial <= serial) count++
    for (const { bytes, done } of this.#writes.splice(0, count)) {
      this.#writesBytes -= bytes
      done()
    }
  }

  #fail(failure: StorageFailure): void {
    if (this.#failure) return
    this.#failure = failure
    for (const { done } of this.#writes.splice(0)) done(failure)
    for (const done of this.#copies.values()) done(failure)
    for (const done of this.#flushes.values()) done()
    this.#copies.clear()
    this.#flushes.clear()
    this.#failedCallback(failure)
  }

  #exited(code: number): void {
    const expected = this.#state === 'closing'
    this.#state = 'closed'
    if (!expected) this.#fail(died(`exit code ${code}`))
    // What it made until then came first.
    for (const done of this.#copies.values()) done(closedFailure)
    for (const done of this.#flushes.values()) done()
    this.#copies.clear()
    this.#flushes.clear()
    for (const done of this.#closing.splice(0)) done()
  }
}

/** Bytes handed over and not yet durable. Raft holds back at 64 MiB; far beyond, the disk is as good as dead. */
const maxQueuedBytes = 256 * 1024 * 1024

const behind: StorageFailure = {
  kind: 'io',
  message: `the disk does not keep up: ${maxQueuedBytes / 2 ** 20} MiB wait to be written`,
}

const closedFailure: StorageFailure = { kind: 'io', message: 'the store is closed' }

function died(why: string): StorageFailure {
  return { kind: 'io', message: `the log thread died: ${why}` }
}
