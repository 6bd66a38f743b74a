import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { toOperatorError } from '../../store/failure.ts'

/** What one role remembers over restarts: plain JSON by key. */
export interface RoleMemory {
  all(): Readonly<Record<string, unknown>>
  get(key: string): unknown
  /** Resolves once it is durable; undefined removes. Later calls see it at once, and what was before when it rejects. */
  set(key: string, value: unknown): Promise<void>
}

/** Of one role's memory as JSON, so that a role gone wild fills neither memory nor disk. */
const maxBytes = 16 * 1024 * 1024

/**
 * Memory in a file of its own, replaced whole: written beside it, synced, renamed. Changes that come
 * while a write is under way go out together with the next one. A file that cannot be read as JSON is
 * set aside, named in the error of `damaged`, and the role starts without memories. Throws OperatorError STORAGE.
 */
export async function openRoleMemory(
  path: string,
  damaged: (setAside: string) => void,
): Promise<RoleMemory> {
  const entries = await begin(path, damaged)
  /** As the file has them. */
  const durable = new Map(entries)
  /** The last change of each key that is not known to be durable. */
  const changes = new Map<string, object>()
  let writing: Promise<void> | undefined
  let next: Promise<void> | undefined

  function save(): Promise<void> {
    if (writing === undefined) {
      writing = write(path, entries).finally(() => {
        writing = undefined
      })
      return writing
    }
    next ??= writing
      .catch(() => {})
      .then(() => {
        next = undefined
        return save()
      })
    return next
  }

  return {
    all: () => Object.fromEntries(entries),
    get: key => entries.get(key),
    async set(key, value) {
      if (value === undefined && !entries.has(key)) return
      const now = structuredClone(value)
      const change = {}
      changes.set(key, change)
      put(entries, key, now)
      try {
        await save()
        put(durable, key, now)
      } catch (error) {
        // What was refused must not be kept with the next change of something else.
        if (changes.get(key) === change) put(entries, key, durable.get(key))
        throw error
      } finally {
        if (changes.get(key) === change) changes.delete(key)
      }
    },
  }
}

function put(to: Map<string, unknown>, key: string, value: unknown): void {
  if (value === undefined) to.delete(key)
  else to.set(key, value)
}

/** Throws OperatorError: nothing can be kept there. */
async function begin(
  path: string,
  damaged: (setAside: string) => void,
): Promise<Map<string, unknown>> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    return await load(path, damaged)
  } catch (error) {
    throw toOperatorError(error, `${path} cannot be used`)
  }
}

async function load(
  path: string,
  damaged: (setAside: string) => void,
): Promise<Map<string, unknown>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return new Map(Object.entries(value))
  } catch {
    // Set aside below.
  }
  const aside = `${path}.damaged`
  await rename(path, aside)
  damaged(aside)
  return new Map()
}

async function write(path: string, entries: ReadonlyMap<string, unknown>): Promise<void> {
  const text = JSON.stringify(Object.fromEntries(entries))
  if (text.length > maxBytes) {
    throw new Error(`a role may remember at most ${maxBytes / 1024 / 1024} MiB`)
  }
  const fresh = `${path}.new`
  const file = await open(fresh, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await rename(fresh, path)
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}
