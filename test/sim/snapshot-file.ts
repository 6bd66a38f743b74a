import { Reader, Writer } from '../../src/base/bytes.ts'
import { fromUtf8, utf8 } from '../../src/base/utf8.ts'
import type { Index } from '../../src/raft/types.ts'
import type { Row } from '../../src/state/types.ts'

/** The simulated disk's form of a snapshot: the index that it is of, and rows, one after the other. */
export function encodeSnapshot(index: Index, rows: readonly Row[]): Uint8Array {
  const out = new Writer(4096)
  out.u32(index).u32(rows.length)
  for (const row of rows) {
    out.text(row.table).text(row.key)
    out.u8(row.blob === null ? 0 : 1).bytes(utf8(row.json ?? ''))
    if (row.blob !== null) out.bytes(row.blob)
  }
  return out.done().slice()
}

export function decodeSnapshot(bytes: Uint8Array): { readonly index: Index; readonly rows: Row[] } {
  const reader = new Reader(bytes)
  const index = reader.u32()
  const rows: Row[] = []
  for (let left = reader.u32(); left > 0; left--) {
    const table = reader.text()
    const key = reader.text()
    const blobbed = reader.u8() === 1
    const json = fromUtf8(reader.bytes())
    rows.push({ table, key, json, blob: blobbed ? reader.bytes().slice() : null })
  }
  reader.end()
  return { index, rows }
}
