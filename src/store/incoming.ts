import { closeSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { PeerError } from '../base/errors.ts'
import { removeIfPossible } from './database.ts'
import { toOperatorError } from './failure.ts'

/** A snapshot from the leader, as far as it has come: DATA_DIR/snapshots/incoming. */
export class Incoming {
  readonly #folder: string
  readonly #path: string
  #fd: number | undefined
  #size = 0
  #installs = 0

  constructor(dir: string) {
    this.#folder = join(dir, 'snapshots')
    this.#path = join(this.#folder, 'incoming')
  }

  /** Throws OperatorError STORAGE when the disk refuses, PeerError when it is not the next chunk. */
  write(offset: number, bytes: Uint8Array): void {
    try {
      if (offset === 0) this.#begin()
      if (this.#fd === undefined || offset !== this.#size) {
        throw new PeerError(`a snapshot's chunk at ${offset} where ${this.#size} is next`)
      }
      for (let at = 0; at < bytes.length; ) {
        at += writeSync(this.#fd, bytes, at, bytes.length - at, offset + at)
      }
    } catch (error) {
      if (error instanceof PeerError) throw error
      this.drop()
      throw toOperatorError(error, 'the snapshot cannot be received')
    }
    this.#size += bytes.length
  }

  /** What was received, under a name that later chunks don't touch; undefined: nothing was, or the disk refuses. */
  take(): string | undefined {
    if (this.#fd === undefined) return undefined
    const path = join(this.#folder, `received-${++this.#installs}`)
    try {
      this.#close()
      renameSync(this.#path, path)
      return path
    } catch {
      return undefined
    }
  }

  drop(): void {
    try {
      this.#close()
    } catch {
      // What the disk did not take is not wanted.
    }
    removeIfPossible(this.#path)
  }

  #begin(): void {
    this.drop()
    this.#fd = openSync(this.#path, 'w', 0o600)
    this.#size = 0
  }

  #close(): void {
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined) closeSync(fd)
  }
}
