import { assert } from '../base/errors.ts'
import type { Digest } from './digest.ts'
import type { Row } from './types.ts'

/** A part of the state that lives as rows: loaded from them, and telling which of them changed. */
export interface Rowed {
  readonly tables: readonly string[]
  /** One living row of `tables`. */
  load(row: Row): void
  /** Every row has been loaded. */
  loaded(): void
  /** Appends the rows changed since the last call. */
  takeRows(out: Row[]): void
  /** Adds every row. */
  digest(into: Digest): void
}

/**
 * A map of immutable records, a row each. With `order`, which has to be the one in which records are
 * first set, a loaded map runs in the order of one that never was on disk.
 */
export class Table<V> implements Rowed {
  readonly tables: readonly string[]
  readonly #values = new Map<string, V>()
  readonly #changed = new Set<string>()
  readonly #order: ((a: V, b: V) => number) | undefined

  constructor(name: string, order?: (a: V, b: V) => number) {
    this.tables = [name]
    this.#order = order
  }

  get all(): ReadonlyMap<string, V> {
    return this.#values
  }

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: V): void {
    this.#values.set(key, value)
    this.#changed.add(key)
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#changed.add(key)
  }

  load(row: Row): void {
    this.#values.set(row.key, parseRow(row) as V)
  }

  loaded(): void {
    const order = this.#order
    if (order === undefined) return
    const sorted = [...this.#values].sort(([, a], [, b]) => order(a, b))
    this.#values.clear()
    for (const [key, value] of sorted) this.#values.set(key, value)
  }

  takeRows(out: Row[]): void {
    for (const key of this.#changed) {
      const value = this.#values.get(key)
      out.push(value === undefined ? goneRow(this.tables[0]!, key) : this.#row(key, value))
    }
    this.#changed.clear()
  }

  digest(into: Digest): void {
    for (const [key, value] of this.#values) {
      if (typeof value === 'object' && value !== null) {
        into.addOnce(value, () => this.#row(key, value))
      } else {
        into.add(this.#row(key, value))
      }
    }
  }

  #row(key: string, value: V): Row {
    return { table: this.tables[0]!, key, json: JSON.stringify(value), blob: null }
  }
}

export function goneRow(table: string, key: string): Row {
  return { table, key, json: null, blob: null }
}

export function parseRow(row: Row): unknown {
  assert(row.json !== null, `the row ${row.table}/${row.key} has no content`)
  return JSON.parse(row.json)
}
