import { Reader, Writer } from '../base/bytes.ts'
import { fromUtf8 } from '../base/utf8.ts'
import type { Configuration, Index, Term } from '../raft/types.ts'
import { encodeConfig } from './entry-codec.ts'
import type { StateBatch } from './types.ts'

/**
 * A state batch on its way to the log thread: one buffer, as in entry-codec.ts.
 *
 *   u64 index, u64 term, bytes configuration, u32 count, then for each row:
 *   bytes table, bytes key, u8 (0 gone, 1 json, 2 json and blob), [bytes json], [bytes blob]
 *
 * The texts stay UTF-8 on the other side: SQLite stores them as they are.
 */
export function encodeState(batch: StateBatch): Uint8Array {
  const writer = new Writer(512 + batch.rows.length * 192)
  writer.u64(batch.index).u64(batch.term).bytes(configBytes(batch.config))
  writer.u32(batch.rows.length)
  for (const { table, key, json, blob } of batch.rows) {
    writer.longText(table).longText(key)
    writer.u8(json === null ? 0 : blob === null ? 1 : 2)
    if (json === null) continue
    writer.longText(json)
    if (blob !== null) writer.bytes(blob)
  }
  return writer.done()
}

export interface EncodedState {
  readonly index: Index
  readonly term: Term
  readonly config: string
  readonly count: number
  /** Read one by one as they are asked for, and once: of a batch of a million, all at once fit no thread. */
  readonly rows: Iterable<EncodedRow>
}

export interface EncodedRow {
  readonly table: Uint8Array
  readonly key: Uint8Array
  /** null: the row is gone. */
  readonly json: Uint8Array | null
  readonly blob: Uint8Array | null
}

export function decodeState(bytes: Uint8Array): EncodedState {
  const reader = new Reader(bytes)
  const index = reader.u64()
  const term = reader.u64()
  const config = fromUtf8(reader.bytes())
  const count = reader.u32()
  return { index, term, config, count, rows: readRows(reader, count) }
}

function* readRows(reader: Reader, count: number): Iterable<EncodedRow> {
  for (let i = 0; i < count; i++) {
    const table = reader.bytes()
    const key = reader.bytes()
    const has = reader.u8()
    const json = has > 0 ? reader.bytes() : null
    const blob = has > 1 ? reader.bytes() : null
    yield { table, key, json, blob }
  }
  reader.end()
}

/** A configuration seldom changes, and comes with every batch. */
let lastConfig: Configuration | undefined
let lastBytes = new Uint8Array(0)

function configBytes(config: Configuration): Uint8Array {
  if (config !== lastConfig) {
    lastConfig = config
    lastBytes = new Uint8Array(encodeConfig(config))
  }
  return lastBytes
}
