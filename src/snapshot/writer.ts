import { createHash } from 'node:crypto'
import { Writer } from '../base/bytes.ts'
import type { Row } from '../state/types.ts'
import { encodeHeader, formatVersion, magic, type SnapshotHeader } from './header.ts'

/** A piece is about so large; one row may make it larger by its own size. */
export const pieceBytes = 256 * 1024

/** Makes a snapshot of rows, a piece at a time, as whoever takes it in asks for the next. */
export class SnapshotWriter {
  readonly #hash = createHash('sha256')
  readonly #next: (bytes: number) => readonly Row[]
  #head: Uint8Array | undefined
  #rows = 0
  #bytes = 0
  #ended = false

  /** `next`: about so many bytes of rows, by table and key; none: that was all. */
  constructor(header: SnapshotHeader, next: (bytes: number) => readonly Row[]) {
    this.#next = next
    this.#head = new Writer()
      .raw(magic)
      .u16(formatVersion)
      .bytes(encodeHeader(header))
      .done()
      .slice()
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Undefined: the file is complete. */
  piece(): Uint8Array | undefined {
    if (this.#ended) return undefined
    const head = this.#head
    this.#head = undefined
    if (head) return this.#summed(head)
    const rows = this.#next(pieceBytes)
    if (rows.length === 0) return this.#end()
    this.#rows += rows.length
    const out = new Writer(pieceBytes + 4096).u32(0)
    for (const { table, key, json, blob } of rows) {
      out
        .text(table)
        .text(key)
        .u8(blob === null ? 0 : 1)
        .longText(json ?? '')
      if (blob !== null) out.bytes(blob)
    }
    out.patchU32(0, out.length - 4)
    return this.#summed(out.done().slice())
  }

  #summed(bytes: Uint8Array): Uint8Array {
    this.#hash.update(bytes)
    this.#bytes += bytes.length
    return bytes
  }

  #end(): Uint8Array {
    this.#ended = true
    const size = this.#bytes + endBytes
    const end = new Writer().u32(0).u64(this.#rows).u64(size).done().slice()
    this.#summed(end)
    this.#bytes = size
    return new Writer().raw(end).raw(this.#hash.digest()).done().slice()
  }
}

/** The end mark, the counts and the sum. */
export const endBytes = 4 + 8 + 8 + 32
