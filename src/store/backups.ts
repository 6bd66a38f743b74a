import {
  close,
  fsync,
  mkdirSync,
  open,
  readdir,
  readdirSync,
  read as readFile,
  rename,
  rm,
  stat,
  write,
} from 'node:fs'
import { join } from 'node:path'
import { removeIfPossible } from './database.ts'
import type { BackupFile, Backups, BackupWriter } from './types.ts'

/** A file under this name is half written, and after a crash stays so. */
const unfinished = '.part'

type Done = (failure?: string) => void

/** Snapshots in DATA_DIR/backups. Everything is asked of the thread pool: a slow disk delays no heartbeat. */
export function backupsIn(dir: string): Backups {
  const folder = join(dir, 'backups')
  dropUnfinished(folder)
  return {
    folder,
    list(done) {
      readdir(folder, (error, names) => {
        if (error) return done(error.code === 'ENOENT' ? undefined : reason(error), [])
        sizesOf(
          folder,
          names.filter(name => !name.endsWith(unfinished)),
          done,
        )
      })
    },
    write: name => new FileWriter(folder, name),
    read(name, offset, length, done) {
      readPart(join(folder, name), offset, length, done)
    },
    remove(name, done) {
      rm(join(folder, name), { force: true }, error => done(error ? reason(error) : undefined))
    },
  }
}

/** Nobody else is in the directory: they are of a process that is gone, and each is as large as the state. */
function dropUnfinished(folder: string): void {
  let names: readonly string[] = []
  try {
    names = readdirSync(folder)
  } catch {
    // There is none yet; or it says why when it is asked for.
  }
  for (const name of names)
    if (name.endsWith(`.snapshot${unfinished}`)) removeIfPossible(join(folder, name))
}

function sizesOf(
  folder: string,
  names: readonly string[],
  done: (failure: string | undefined, files: readonly BackupFile[]) => void,
): void {
  const files: BackupFile[] = []
  let open = names.length
  if (open === 0) return done(undefined, files)
  for (const name of names) {
    stat(join(folder, name), (error, stats) => {
      if (!error && stats.isFile()) files.push({ name, bytes: stats.size })
      if (--open === 0)
        done(
          undefined,
          files.sort((a, b) => (a.name < b.name ? -1 : 1)),
        )
    })
  }
}

function readPart(
  path: string,
  offset: number,
  length: number,
  done: (failure: string | undefined, bytes: Uint8Array) => void,
): void {
  const none = new Uint8Array(0)
  open(path, 'r', (error, fd) => {
    if (error) return done(reason(error), none)
    const bytes = new Uint8Array(length)
    readFile(fd, bytes, 0, length, offset, (error, count) => {
      close(fd, () => done(error ? reason(error) : undefined, bytes.subarray(0, count ?? 0)))
    })
  })
}

class FileWriter implements BackupWriter {
  readonly #folder: string
  readonly #path: string
  readonly #part: string
  #fd: number | undefined
  #busy = false
  #dropped = false

  constructor(folder: string, name: string) {
    this.#folder = folder
    this.#path = join(folder, name)
    this.#part = `${this.#path}${unfinished}`
  }

  append(bytes: Uint8Array, done: Done): void {
    this.#busy = true
    if (this.#fd !== undefined) return this.#write(this.#fd, bytes, done)
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    } catch (error) {
      return this.#done(done, error as Error)
    }
    open(this.#part, 'w', 0o600, (error, fd) => {
      if (error) return this.#done(done, error)
      this.#fd = fd
      this.#write(fd, bytes, done)
    })
  }

  finish(done: Done): void {
    this.#busy = true
    const fd = this.#fd!
    fsync(fd, error => {
      if (error || this.#dropped) return this.#done(done, error)
      this.#fd = undefined
      close(fd, () =>
        rename(this.#part, this.#path, error => {
          if (error) this.#done(done, error)
          else syncFolder(this.#folder, error => this.#done(done, error))
        }),
      )
    })
  }

  /** What is under way ends first: a descriptor must not be closed under a write. */
  drop(): void {
    this.#dropped = true
    if (!this.#busy) this.#remove()
  }

  #write(fd: number, bytes: Uint8Array, done: Done): void {
    write(fd, bytes, 0, bytes.length, null, (error, count) => {
      if (!error && count < bytes.length) return this.#write(fd, bytes.subarray(count), done)
      this.#done(done, error)
    })
  }

  #done(done: Done, error: Error | null): void {
    this.#busy = false
    if (this.#dropped) this.#remove()
    else done(error ? error.message : undefined)
  }

  #remove(): void {
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined) close(fd, () => {})
    removeIfPossible(this.#part)
  }
}

/** Makes the new name durable. */
function syncFolder(folder: string, done: (error: Error | null) => void): void {
  open(folder, 'r', (error, fd) => {
    if (error) return done(error)
    fsync(fd, error => close(fd, () => done(error)))
  })
}

function reason(error: Error): string {
  return error.message
}
