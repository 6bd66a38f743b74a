import { createHash } from 'node:crypto'
import { MalformedError, Reader } from '../base/bytes.ts'
import { fromUtf8 } from '../base/utf8.ts'
import type { Row } from '../state/types.ts'
import {
  cutOff,
  damaged,
  decodeHeader,
  foreign,
  formatVersion,
  magic,
  maxHeaderBytes,
  newer,
  type SnapshotHeader,
} from './header.ts'
import { endBytes } from './writer.ts'

/** A piece of rows is at most so large; what says more is damaged, and must not fill memory. */
const maxPieceBytes = 4 * 1024 * 1024

/**
 * Takes a snapshot in as it comes, in pieces of any size. Throws OperatorError: BAD_SNAPSHOT for what is
 * foreign, damaged or cut off, VERSION_MISMATCH for a newer format.
 */
export class SnapshotReader {
  readonly #hash = createHash('sha256')
  #pending: Uint8Array = new Uint8Array(0)
  #header: SnapshotHeader | undefined
  #rows = 0
  #bytes = 0
  #sum: string | undefined

  /** Undefined until it has come. */
  get header(): SnapshotHeader | undefined {
    return this.#header
  }

  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#bytes
  }

  /** SHA-256 in hexadecimal, once the end has come and it fits. */
  get sum(): string | undefined {
    return this.#sum
  }

  /** The rows that became complete. They count once `end` has not thrown. */
  add(bytes: Uint8Array): Row[] {
    const out: Row[] = []
    this.#pending = this.#pending.length === 0 ? bytes : joined(this.#pending, bytes)
    if (this.#header === undefined && !this.#readHeader()) return out
    while (this.#sum === undefined && this.#readPiece(out)) {}
    if (this.#sum !== undefined && this.#pending.length > 0) {
      throw damaged('there is more after its end')
    }
    return out
  }

  /** All has been added: is it whole? */
  end(): void {
    if (this.#sum !== undefined) return
    if (this.#header === undefined && !beginsLike(this.#pending)) throw foreign()
    throw cutOff()
  }

  #readHeader(): boolean {
    if (!beginsLike(this.#pending)) throw foreign()
    if (this.#pending.length < magic.length + 6) return false
    const reader = new Reader(this.#pending)
    reader.raw(magic.length)
    const format = reader.u16()
    if (format > formatVersion) throw newer(format)
    const length = reader.u32()
    if (length > maxHeaderBytes) throw damaged('its header is too long')
    if (reader.left < length) return false
    this.#header = decodeHeader(reader.raw(length))
    this.#take(magic.length + 6 + length)
    return true
  }

  #readPiece(out: Row[]): boolean {
    if (this.#pending.length < 4) return false
    const length = new Reader(this.#pending).u32()
    if (length === 0) return this.#readEnd()
    if (length > maxPieceBytes) throw damaged('a piece is longer than any can be')
    if (this.#pending.length < 4 + length) return false
    const before = out.length
    readRows(this.#pending.slice(4, 4 + length), out)
    this.#rows += out.length - before
    this.#take(4 + length)
    return true
  }

  #readEnd(): boolean {
    if (this.#pending.length < endBytes) return false
    const reader = new Reader(this.#pending)
    reader.u32()
    const [rows, bytes] = numbersOf(reader)
    const sum = hex(reader.raw(32))
    this.#take(endBytes - 32)
    const found = this.#hash.digest('hex')
    this.#pending = this.#pending.subarray(32)
    this.#bytes += 32
    if (sum !== found) throw damaged('its checksum does not fit what is in it')
    if (rows !== this.#rows || bytes !== this.#bytes) {
      throw damaged(`it says ${rows} rows in ${bytes} bytes, and has ${this.#rows}`)
    }
    this.#sum = sum
    return true
  }

  #take(length: number): void {
    this.#hash.update(this.#pending.subarray(0, length))
    this.#pending = this.#pending.subarray(length)
    this.#bytes += length
  }
}

function numbersOf(reader: Reader): [number, number] {
  try {
    return [reader.u64(), reader.u64()]
  } catch (error) {
    if (error instanceof MalformedError) throw damaged('its end cannot be read')
    throw error
  }
}

function readRows(bytes: Uint8Array, out: Row[]): void {
  try {
    const reader = new Reader(bytes)
    while (reader.left > 0) {
      const [table, key] = [reader.text(), reader.text()]
      const blobbed = reader.u8() === 1
      const json = fromUtf8(reader.bytes())
      const blob = blobbed ? reader.bytes() : null
      out.push({ table, key, json, blob })
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    throw damaged('a row cannot be read')
  }
}

function beginsLike(bytes: Uint8Array): boolean {
  const common = Math.min(bytes.length, magic.length)
  for (let i = 0; i < common; i++) if (bytes[i] !== magic[i]) return false
  return true
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}
