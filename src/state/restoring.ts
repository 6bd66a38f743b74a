import { MalformedError, Reader, Writer } from '../base/bytes.ts'
import type { EpochMillis } from '../base/time.ts'
import type { Digest } from './digest.ts'
import { type Packed, pack, unpack } from './kv-value.ts'
import { goneRow, parseRow, type Rowed } from './table.ts'
import type { Row } from './types.ts'

/**
 * Keys of a snapshot that is being restored. They arrive in pieces, and nobody reads them here: one event
 * then puts all of them in the place of the keys that are, so that a reader sees the old or the new.
 */

/** What a restore said of itself when it began, and how far it is. */
export interface Restore {
  readonly id: string
  /** The snapshot: of which cluster, and as of when. */
  readonly tag: string
  readonly name: string
  readonly index: number
  readonly taken: EpochMillis
  readonly settings: Readonly<Record<string, string>>
  /** Pieces that have come. */
  readonly parts: number
  readonly keys: number
  /** Log's time of the last piece: one that nobody goes on with is dropped. */
  readonly moved: EpochMillis
}

export interface StagedEntry {
  readonly key: string
  readonly flags: number
  readonly value: Uint8Array
}

export interface Staged {
  readonly flags: number
  readonly packed: Packed
}

/** Pieces of a restore: one entry after the other, `text key · u64 flags · bytes value`. */
export function packEntries(entries: readonly StagedEntry[]): Uint8Array {
  const out = new Writer(4096)
  for (const { key, flags, value } of entries) out.text(key).u64(flags).bytes(value)
  return out.done().slice()
}

/** Throws MalformedError. */
export function readEntries(bytes: Uint8Array): StagedEntry[] {
  const reader = new Reader(bytes)
  const entries: StagedEntry[] = []
  while (reader.left > 0) {
    const key = reader.text()
    if (key === '') throw new MalformedError('a key of no characters')
    entries.push({ key, flags: reader.u64(), value: reader.bytes() })
  }
  return entries
}

export class Restoring implements Rowed {
  readonly tables = ['restoring']
  #restore: Restore | undefined
  readonly #staged = new Map<string, Staged>()
  /** Changed since the last `takeRows`; '' is the restore itself, as no key can be empty. */
  readonly #changed = new Set<string>()

  get restore(): Restore | undefined {
    return this.#restore
  }

  get staged(): ReadonlyMap<string, Staged> {
    return this.#staged
  }

  begin(restore: Restore): void {
    this.drop()
    this.#note(restore)
  }

  add(entries: readonly StagedEntry[], moved: EpochMillis): void {
    for (const { key, flags, value } of entries) {
      this.#staged.set(key, { flags, packed: pack(value) })
      this.#changed.add(key)
    }
    const restore = this.#restore!
    this.#note({ ...restore, parts: restore.parts + 1, keys: this.#staged.size, moved })
  }

  drop(): void {
    for (const key of this.#staged.keys()) this.#changed.add(key)
    this.#staged.clear()
    if (this.#restore !== undefined) this.#changed.add('')
    this.#restore = undefined
  }

  load(row: Row): void {
    if (row.key === '') {
      this.#restore = parseRow(row) as Restore
      return
    }
    const packed = row.blob === null ? '' : pack(row.blob)
    this.#staged.set(row.key, { flags: parseRow(row) as number, packed })
  }

  loaded(): void {}

  takeRows(out: Row[]): void {
    for (const key of this.#changed) out.push(this.#row(key))
    this.#changed.clear()
  }

  digest(into: Digest): void {
    if (this.#restore !== undefined) into.add(this.#row(''))
    for (const [key, staged] of this.#staged) into.addOnce(staged, () => this.#row(key))
  }

  #note(restore: Restore): void {
    this.#restore = restore
    this.#changed.add('')
  }

  #row(key: string): Row {
    const table = 'restoring'
    if (key === '') {
      if (this.#restore === undefined) return goneRow(table, key)
      return { table, key, json: JSON.stringify(this.#restore), blob: null }
    }
    const staged = this.#staged.get(key)
    if (staged === undefined) return goneRow(table, key)
    return { table, key, json: String(staged.flags), blob: unpack(staged.packed) }
  }
}
