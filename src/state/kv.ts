import { Digest } from './digest.ts'
import { compareKeys } from './kv-key.ts'
import { type Keyed, KvTree } from './kv-tree.ts'
import { holds, type Packed, pack, unpack, unpackInto } from './kv-value.ts'
import { stateLimits } from './limits.ts'
import type { Staged } from './restoring.ts'
import { goneRow, parseRow, type Rowed } from './table.ts'
import type { KvEntry, Row } from './types.ts'

/** An entry as it is kept: as it is shown, but for the value. */
export interface KvRecord extends Omit<KvEntry, 'value'> {
  readonly packed: Packed
}

/** Which entries under a prefix; by default all, whole. */
export interface KvPageWish {
  /** Only those behind this key. */
  readonly after?: string | undefined
  readonly bytes?: number | undefined
  /** Without their values. */
  readonly bare?: boolean | undefined
}

/** What an entry weighs besides key and value where it is written out, about. */
const recordBytes = 128

/** Each entry's hash is kept only where there are no more: of a million they would weigh as much as the entries. */
const hashedOnce = 4096

/** How many keys a replacement came to. */
export interface KvChanges {
  readonly added: number
  readonly changed: number
  readonly removed: number
}

/**
 * The keys that are, and the graves of those that were. A grave remembers at which index a key went,
 * so that a blocking query on a prefix sees deletions and its index never runs backwards. When there
 * are too many graves, the older half is folded into a floor under every index (Consul's graveyard
 * reaps by time, and its indexes may then run backwards).
 */
export class Kv implements Rowed {
  readonly tables = ['kv', 'grave']
  #entries = new KvTree<KvRecord>()
  #graves = new KvTree<Keyed>()
  /** No index of a prefix is lower: what the folded graves said. */
  #floor = 0
  /** Changed since the last `takeRows`; null: gone. */
  readonly #changed = new Map<string, KvRecord | null>()
  readonly #changedGraves = new Map<string, number | null>()

  record(key: string): KvRecord | undefined {
    return this.#entries.get(key)
  }

  get(key: string): KvEntry | undefined {
    const record = this.#entries.get(key)
    return record && shown(record)
  }

  list(prefix: string, limit?: number): KvEntry[] {
    return this.#entries.list(prefix, limit).map(shown)
  }

  page(prefix: string, { after, bytes, bare }: KvPageWish): { entries: KvEntry[]; more: boolean } {
    const entries: KvEntry[] = []
    let taken = 0
    for (const record of this.#entries.walk(prefix, after)) {
      if (bytes !== undefined && taken >= bytes) return { entries, more: true }
      const entry = shown(bare ? { ...record, packed: '' } : record)
      entries.push(entry)
      taken += entry.key.length + entry.value.length + recordBytes
    }
    return { entries, more: false }
  }

  /** Highest index at which something under the prefix (or the key) changed or went. */
  index(prefix: string, recurse: boolean): number {
    if (recurse) {
      const living = this.#entries.maxIndex(prefix)
      return Math.max(living, this.#graves.maxIndex(prefix), this.#floor)
    }
    const living = this.#entries.get(prefix)?.modifyIndex
    return living ?? Math.max(this.#graves.get(prefix)?.modifyIndex ?? 0, this.#floor)
  }

  put(entry: KvRecord): void {
    this.#entries.set(entry)
    this.#changed.set(entry.key, entry)
    if (this.#graves.size > 0 && this.#graves.delete(entry.key)) {
      this.#changedGraves.set(entry.key, null)
    }
  }

  delete(key: string, index: number): boolean {
    const old = this.#entries.delete(key)
    if (old === undefined) return false
    this.#changed.set(key, null)
    this.#bury(key, index)
    this.#foldGraves()
    return true
  }

  /** How many keys went. */
  deletePrefix(prefix: string, index: number): number {
    const removed = this.#entries.deletePrefix(prefix)
    for (const { key } of removed) this.#changed.set(key, null)
    // Of more than can be kept, all but the last would be folded at once: spare the digging.
    for (const { key } of removed.slice(-stateLimits.graves - 1)) this.#bury(key, index)
    this.#foldGraves()
    return removed.length
  }

  /**
   * What is staged takes the place of all there is. A key that stays the same keeps its index, so that nobody is
   * woken for nothing; every other change is one of this index, so that no compare-and-set of before fits.
   */
  replace(staged: ReadonlyMap<string, Staged>, index: number): KvChanges {
    const gone: string[] = []
    for (const { key } of this.#entries) if (!staged.has(key)) gone.push(key)
    for (const key of gone) {
      this.#entries.delete(key)
      this.#changed.set(key, null)
      this.#bury(key, index)
    }
    let [added, changed] = [0, 0]
    for (const [key, { flags, packed }] of staged) {
      const old = this.#entries.get(key)
      if (old !== undefined && old.flags === flags && holds(old.packed, unpack(packed))) continue
      if (old === undefined) added++
      else changed++
      const createIndex = old?.createIndex ?? index
      this.put({ key, packed, flags, createIndex, modifyIndex: index, lockIndex: 0 })
    }
    this.#foldGraves()
    return { added, changed, removed: gone.length }
  }

  /** Nobody needs to hear any more that a key went at `through` or before: the floor says as much. */
  forgetGraves(through: number): void {
    const due = [...this.#graves].filter(({ modifyIndex }) => modifyIndex <= through)
    if (due.length === 0) return
    for (const { key, modifyIndex } of due) {
      this.#graves.delete(key)
      this.#changedGraves.set(key, null)
      this.#floor = Math.max(this.#floor, modifyIndex)
    }
    this.#changedGraves.set('', this.#floor)
  }

  load(row: Row): void {
    if (row.table === 'kv') {
      const [flags, createIndex, modifyIndex, lockIndex] = parseRow(row) as KvNumbers
      const packed = row.blob === null ? '' : pack(row.blob)
      const entry = { key: row.key, packed, flags, createIndex, modifyIndex, lockIndex }
      this.#entries.append(entry)
    } else if (row.key === '') {
      this.#floor = parseRow(row) as number
    } else {
      this.#graves.append({ key: row.key, modifyIndex: parseRow(row) as number })
    }
  }

  loaded(): void {}

  takeRows(out: Row[]): void {
    // One array for all small values of the batch, and views into it: a fifth of the time.
    let bytes = 0
    for (const entry of this.#changed.values()) bytes += smallBytes(entry)
    const arena = new Uint8Array(bytes)
    let used = 0
    for (const [key, entry] of this.#changed) {
      if (entry === null) out.push(goneRow('kv', key))
      else out.push(kvRow(entry, arena.subarray(used, (used += smallBytes(entry)))))
    }
    for (const [key, index] of this.#changedGraves) {
      out.push(index === null ? goneRow('grave', key) : graveRow(key, index))
    }
    this.#changed.clear()
    this.#changedGraves.clear()
  }

  digest(into: Digest): void {
    for (const sum of this.sums()) into.addSum(sum)
    for (const { key, modifyIndex } of this.#graves) into.add(graveRow(key, modifyIndex))
    if (this.#floor > 0) into.add(graveRow('', this.#floor))
  }

  /** Of a thousand keys or so at a time, so that who wants the digest of very many can do other things in between. */
  sums(): Iterable<Digest> {
    return this.#entries.sums(entries => {
      const sum = new Digest()
      const few = this.#entries.size <= hashedOnce
      for (const entry of entries) {
        if (few) sum.addOnce(entry, () => kvRow(entry))
        else sum.add(kvRow(entry))
      }
      return sum
    })
  }

  #bury(key: string, index: number): void {
    this.#graves.set({ key, modifyIndex: index })
    this.#changedGraves.set(key, index)
  }

  /** Half at once: folding one by one would raise the floor, and wake every watcher, at each deletion. */
  #foldGraves(): void {
    if (this.#graves.size <= stateLimits.graves) return
    const oldestFirst = [...this.#graves].sort(
      (a, b) => a.modifyIndex - b.modifyIndex || compareKeys(a.key, b.key),
    )
    const kept = stateLimits.graves / 2
    const folded = oldestFirst.slice(0, -kept)
    for (const { key } of folded) this.#changedGraves.set(key, null)
    this.#floor = Math.max(this.#floor, folded.at(-1)!.modifyIndex)
    this.#changedGraves.set('', this.#floor)
    this.#graves = new KvTree()
    for (const grave of oldestFirst.slice(-kept)) this.#graves.set(grave)
  }
}

type KvNumbers = [flags: number, createIndex: number, modifyIndex: number, lockIndex: number]

function shown(record: KvRecord): KvEntry {
  const { key, packed, flags, createIndex, modifyIndex, lockIndex } = record
  return { key, value: unpack(packed), flags, createIndex, modifyIndex, lockIndex }
}

function smallBytes(record: KvRecord | null): number {
  return typeof record?.packed === 'string' ? record.packed.length : 0
}

/** `space`: where to put a small value; without, it gets an array of its own. */
function kvRow(record: KvRecord, space?: Uint8Array): Row {
  const { key, packed, flags, createIndex, modifyIndex, lockIndex } = record
  const json = `[${flags},${createIndex},${modifyIndex},${lockIndex}]`
  const small = typeof packed === 'string' && space !== undefined
  return { table: 'kv', key, json, blob: small ? unpackInto(packed, space) : unpack(packed) }
}

/** The key '' (no key can be empty) is the floor. */
function graveRow(key: string, index: number): Row {
  return { table: 'grave', key, json: String(index), blob: null }
}
