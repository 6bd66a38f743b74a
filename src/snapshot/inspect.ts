import { closeSync, openSync, readSync } from 'node:fs'
import { OperatorError } from '../base/errors.ts'
import { whyUnreadable } from '../base/unreadable.ts'
import { eventsVersion } from '../state/events.ts'
import { State } from '../state/state.ts'
import type { Row } from '../state/types.ts'
import { damaged, type SnapshotHeader } from './header.ts'
import { SnapshotReader } from './reader.ts'

export { SnapshotReader } from './reader.ts'

/** `hive snapshot inspect`: a file is read whole, its sum checked, and its state opened in memory. No agent is asked. */
export interface Inspection {
  readonly header: SnapshotHeader
  readonly bytes: number
  /** SHA-256, hexadecimal. */
  readonly sum: string
  /** Digest of the state in it. */
  readonly digest: string
  readonly rows: number
  readonly nodes: readonly string[]
  readonly voters: readonly string[]
  readonly keys: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly tokens: number
  readonly events: number
  /** Keys up to their first slash, the heaviest first. */
  readonly prefixes: readonly Prefix[]
}

export interface Prefix {
  readonly prefix: string
  readonly keys: number
  readonly bytes: number
}

/** What would be other after a restore, by key. */
export interface Difference {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
  readonly same: number
  /** Name, now, then; null: not set. */
  readonly settings: readonly (readonly [string, string | null, string | null])[]
}

export interface Opened {
  readonly state: State
  readonly header: SnapshotHeader
  readonly inspection: Inspection
}

const shownPrefixes = 10
const readBytes = 1024 * 1024

/** Throws OperatorError. */
export function openSnapshot(path: string): Opened {
  const collected = new Collector()
  const fd = opened(path)
  try {
    const bytes = new Uint8Array(readBytes)
    for (let n = read(fd, bytes, path); n > 0; n = read(fd, bytes, path)) {
      collected.add(bytes.slice(0, n))
    }
  } finally {
    closeSync(fd)
  }
  return collected.end()
}

/** A snapshot that comes in pieces, to be opened in memory. */
export class Collector {
  readonly #reader = new SnapshotReader()
  readonly #rows: Row[] = []

  add(bytes: Uint8Array): void {
    for (const row of this.#reader.add(bytes)) this.#rows.push(row)
  }

  end(): Opened {
    this.#reader.end()
    const header = this.#reader.header!
    if (header.stateVersion > eventsVersion) {
      throw new OperatorError(
        'VERSION_MISMATCH',
        `the snapshot holds events of version ${header.stateVersion}; this hive reads up to ${eventsVersion}`,
        'use the hive that wrote it, or a newer one',
      )
    }
    const state = stateOf(this.#rows)
    if (state.applied !== header.index) throw damaged(`its state is of index ${state.applied}`)
    return { state, header, inspection: inspect(state, header, this.#reader, this.#rows) }
  }
}

export function difference(now: State, then: State): Difference {
  const before = new Map(now.kvList('').map(entry => [entry.key, entry]))
  const [added, changed]: [string[], string[]] = [[], []]
  let same = 0
  for (const { key, flags, value } of then.kvList('')) {
    const old = before.get(key)
    before.delete(key)
    if (!old) added.push(key)
    else if (old.flags !== flags || Buffer.compare(old.value, value) !== 0) changed.push(key)
    else same += 1
  }
  const [is, was] = [now.cluster!.settings, then.cluster!.settings]
  const names = [...new Set([...Object.keys(is), ...Object.keys(was)])].sort()
  const settings = names
    .filter(name => is[name] !== was[name])
    .map(name => [name, is[name] ?? null, was[name] ?? null] as const)
  return { added, changed, removed: [...before.keys()], same, settings }
}

function inspect(
  state: State,
  header: SnapshotHeader,
  reader: SnapshotReader,
  rows: readonly Row[],
): Inspection {
  const prefixes = new Map<string, { keys: number; bytes: number }>()
  let [keys, keyBytes, valueBytes] = [0, 0, 0]
  for (const { key, value } of state.kvList('')) {
    const length = Buffer.byteLength(key)
    keys += 1
    keyBytes += length
    valueBytes += value.length
    const prefix = key.includes('/') ? key.slice(0, key.indexOf('/') + 1) : key
    const sum = prefixes.get(prefix) ?? { keys: 0, bytes: 0 }
    prefixes.set(prefix, { keys: sum.keys + 1, bytes: sum.bytes + length + value.length })
  }
  const heaviest = [...prefixes]
    .map(([prefix, sum]) => ({ prefix, ...sum }))
    .sort((a, b) => b.bytes - a.bytes || (a.prefix < b.prefix ? -1 : 1))
  const counted = (table: string) => rows.filter(row => row.table === table).length
  const nameOf = (id: string) => state.nodes.get(id)?.name ?? id
  return {
    ...{ header, bytes: reader.bytes, sum: reader.sum!, rows: reader.rows },
    digest: state.fingerprint(),
    nodes: [...state.nodes.values()].map(node => node.name).sort(),
    voters: state.voters.map(nameOf).sort(),
    ...{ keys, keyBytes, valueBytes },
    ...{ tokens: counted('token'), events: counted('history') },
    prefixes: heaviest.slice(0, shownPrefixes),
  }
}

/** What was not written by hive, or by a later one, is told as such. */
function stateOf(rows: readonly Row[]): State {
  try {
    return State.load(rows)
  } catch (error) {
    throw damaged(`its state cannot be opened (${(error as Error).message})`)
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw unreadable(path, error)
  }
}

function read(fd: number, bytes: Uint8Array, path: string): number {
  try {
    return readSync(fd, bytes)
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): OperatorError {
  const failure = error as NodeJS.ErrnoException
  const kind =
    failure.code === 'ENOENT'
      ? 'NOT_FOUND'
      : failure.code === 'EISDIR'
        ? 'BAD_SNAPSHOT'
        : 'PERMISSION'
  const why = `cannot read ${path}: ${whyUnreadable(failure)}`
  return new OperatorError(kind, why, 'look at the name and whose it is')
}
