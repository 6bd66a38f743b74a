import { expect } from 'vitest'
import type { Random } from '../../src/base/random.ts'
import type { Entry, HardState, Index } from '../../src/raft/types.ts'
import type { Row } from '../../src/state/types.ts'
import { configText } from '../../src/store/entry-codec.ts'
import type { Loaded } from '../../src/store/types.ts'
import { three } from './data-dir.ts'

/** What a log is after a batch: everything since `start`, compacted or not. */
export interface Moment {
  readonly start: Index
  readonly startTerm: number
  readonly entries: readonly Entry[]
  readonly hardState: HardState
  /** How many snapshots were installed before. */
  readonly era: number
}

type Rows = ReadonlyMap<string, string>

/**
 * A store that is slow and obvious: it remembers every moment and every state that was ever asked
 * for, and says whether what a process finds on the disk is one of those that it may find.
 */
export class Twin {
  #moments: Moment[] = [
    {
      start: 0,
      startTerm: 0,
      entries: [],
      hardState: { term: 0, vote: null, commit: 0 },
      era: 0,
    },
  ]
  #acknowledged = 0
  #states = new Map<string, Rows>([['0:0', new Map()]])
  #applied = 0
  /** Compactions asked for. */
  #compacted = 0

  get now(): Moment {
    return this.#moments[this.#moments.length - 1]!
  }

  get last(): Index {
    return this.now.start + this.now.entries.length
  }

  get applied(): Index {
    return this.#applied
  }

  get rows(): Rows {
    return this.rowsAt(this.#applied)
  }

  rowsAt(index: Index): Rows {
    const rows = this.#states.get(`${this.now.era}:${index}`)
    expect(rows, `the state at ${index} was never asked for`).toBeDefined()
    return rows!
  }

  termAt(index: Index): number {
    const { start, startTerm, entries } = this.now
    return index === start ? startTerm : entries[index - start - 1]!.term
  }

  /** Returns what to call when the store says that it is durable. */
  write(entries: readonly Entry[], hardState = this.now.hardState): () => void {
    const { now } = this
    const kept = entries[0] ? now.entries.slice(0, entries[0].index - now.start - 1) : now.entries
    return this.#push({ ...now, entries: [...kept, ...entries], hardState })
  }

  install(index: Index, term: number, rows: Rows, hardState: HardState): () => void {
    const era = this.now.era + 1
    this.#states.set(`${era}:${index}`, rows)
    this.#applied = index
    this.#compacted = index
    return this.#push({ start: index, startTerm: term, entries: [], hardState, era })
  }

  save(index: Index, changes: readonly Row[]): void {
    const rows = new Map(this.rows)
    for (const { key, json } of changes) {
      if (json === null) rows.delete(key)
      else rows.set(key, json)
    }
    this.#states.set(`${this.now.era}:${index}`, rows)
    this.#applied = index
  }

  compact(through: Index): void {
    this.#compacted = Math.max(this.#compacted, through)
  }

  /** Checks what a new process found; `clean`: the old one was closed, so that nothing may be missing. */
  reopen(loaded: Loaded, clean: boolean): void {
    const at = this.#find(loaded, clean)
    this.#moments = [this.#moments[at]!]
    this.#acknowledged = 0
    const { now } = this
    const { snapshot, hardState, applied } = loaded
    expect(snapshot.index).toBeGreaterThanOrEqual(now.start)
    expect(snapshot.index).toBeLessThanOrEqual(Math.max(this.#compacted, now.start))
    expect(snapshot.term).toBe(this.termAt(snapshot.index))
    expect(applied).toBeGreaterThanOrEqual(snapshot.index)
    expect(applied).toBeLessThanOrEqual(this.last)
    expect(hardState.commit).toBeGreaterThanOrEqual(applied)
    expect(hardState.commit).toBeLessThanOrEqual(Math.max(now.hardState.commit, applied))
    if (clean && this.#applied <= this.last) expect(applied).toBe(this.#applied)
    this.#applied = applied
    this.#compacted = snapshot.index
    expect(new Map(rowsOf(loaded.rows))).toEqual(this.rows)
  }

  /** Bytes that the log should say it keeps, when it starts after `base`. */
  bytesAfter(base: Index): number {
    const kept = this.now.entries.filter(entry => entry.index > base)
    return kept.reduce((sum, entry) => sum + sizeOf(entry) + 24, 0)
  }

  #push(moment: Moment): () => void {
    this.#moments.push(moment)
    const first = this.#moments
    const at = first.length - 1
    return () => {
      if (this.#moments === first) this.#acknowledged = Math.max(this.#acknowledged, at)
    }
  }

  #find(loaded: Loaded, clean: boolean): number {
    const oldest = clean ? this.#moments.length - 1 : this.#acknowledged
    for (let at = this.#moments.length - 1; at >= oldest; at--) {
      if (fits(this.#moments[at]!, loaded)) return at
    }
    const { length } = this.#moments
    throw new Error(`no moment from ${oldest} of ${length} is like what is on the disk`)
  }
}

function fits(moment: Moment, loaded: Loaded): boolean {
  const { term, vote } = moment.hardState
  if (loaded.hardState.term !== term || loaded.hardState.vote !== vote) return false
  const { start, entries } = moment
  const kept = entries.filter(entry => entry.index > loaded.snapshot.index)
  return loaded.snapshot.index >= start && same(kept, loaded.entries)
}

function same(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every((entry, i) => text(entry) === text(b[i]!))
}

function text(entry: Entry): string {
  const { index, term, type } = entry
  const content = type === 'data' ? Buffer.from(entry.data).toString('hex') : ''
  return `${index} ${term} ${type} ${content}${type === 'config' ? configText(entry.config) : ''}`
}

function sizeOf(entry: Entry): number {
  if (entry.type === 'data') return entry.data.length
  return entry.type === 'config' ? configText(entry.config).length : 0
}

export function rowsOf(rows: Iterable<Row>): [string, string][] {
  return [...rows].map(({ key, json }) => [key, json!])
}

/** Entries as a leader might write them. */
export function someEntries(dice: Random, from: Index, term: number): Entry[] {
  return Array.from({ length: 1 + dice.below(12) }, (_, i) => {
    const index = from + i
    const kind = dice.below(12)
    if (kind === 0) return { index, term, type: 'noop' }
    if (kind === 1) return { index, term, type: 'config', config: three }
    const size = dice.below(20) === 0 ? 30_000 : dice.below(300)
    return { index, term, type: 'data', data: new Uint8Array(size).fill(dice.below(256)) }
  })
}

export function someRows(dice: Random): Row[] {
  return Array.from({ length: dice.below(8) }, () => {
    const json = dice.below(4) === 0 ? null : `"${'v'.repeat(dice.below(500))}"`
    return { table: 'kv', key: `k${dice.below(40)}`, json, blob: null }
  })
}
