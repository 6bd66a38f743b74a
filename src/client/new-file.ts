import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { OperatorError } from '../base/errors.ts'

/** A file for its owner alone that is there whole, on disk, or not at all. Throws OperatorError. */
export class NewFile {
  readonly #path: string
  readonly #part: string
  readonly #force: boolean
  readonly #fd: number

  constructor(path: string, force: boolean) {
    if (!force && existsSync(path)) throw exists(path)
    this.#path = path
    this.#force = force
    this.#part = `${path}.${randomBytes(4).toString('hex')}.part`
    this.#fd = attempt(path, () => openSync(this.#part, 'wx', 0o600))
  }

  write(bytes: Uint8Array): void {
    attempt(this.#path, () => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at)
    })
  }

  /** Names it. */
  finish(): void {
    attempt(this.#path, () => {
      fsyncSync(this.#fd)
      closeSync(this.#fd)
      if (this.#force) return renameSync(this.#part, this.#path)
      // A link, unlike a rename, never takes the place of what has come meanwhile.
      linkSync(this.#part, this.#path)
      rmSync(this.#part)
    })
  }

  drop(): void {
    rmSync(this.#part, { force: true })
  }
}

const causes: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its path goes through something that is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not write there',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk may only be read',
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw exists(path)
    throw new OperatorError(
      code === 'EACCES' || code === 'EPERM' ? 'PERMISSION' : 'STORAGE',
      `${path} cannot be written: ${causes[code ?? ''] ?? message}`,
      'look at the folder, whose it is, and the room on the disk',
    )
  }
}

function exists(path: string): OperatorError {
  return new OperatorError('REFUSED', `${path} exists already`, 'give another name, or --force')
}
