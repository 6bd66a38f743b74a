import { fromUtf8, utf8 } from './utf8.ts'

/** A message from the network that is not what it claims to be. Never fatal: count it and drop it. */
export class MalformedError extends Error {
  constructor(message: string) {
    super(`malformed: ${message}`)
    this.name = 'MalformedError'
  }
}

/** Beyond so many characters an encoder is quicker. */
const shortText = 64

/** Appends big-endian fields to a growing buffer. */
export class Writer {
  #bytes: Uint8Array
  #length = 0

  /** `room`: how many bytes to begin with, or the bytes to write into as long as they suffice. */
  constructor(room: number | Uint8Array = 256) {
    this.#bytes = typeof room === 'number' ? new Uint8Array(room) : room
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): this {
    this.#room(1)
    this.#bytes[this.#length++] = value
    return this
  }

  u16(value: number): this {
    this.#room(2)
    this.#bytes[this.#length++] = value >>> 8
    this.#bytes[this.#length++] = value
    return this
  }

  u32(value: number): this {
    this.#room(4)
    this.patchU32(this.#length, value)
    this.#length += 4
    return this
  }

  /** A safe integer ≥ 0, in 8 bytes. */
  u64(value: number): this {
    this.#room(8)
    this.patchU32(this.#length, Math.floor(value / 2 ** 32))
    this.patchU32(this.#length + 4, value >>> 0)
    this.#length += 8
    return this
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): this {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  /** Bytes behind a 32-bit length. */
  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes)
  }

  /** UTF-8 text behind a 16-bit length. */
  text(text: string): this {
    if (this.#ascii(text, 2)) {
      this.u16(text.length)
      this.#length += text.length
      return this
    }
    const bytes = utf8(text)
    return this.u16(bytes.length).raw(bytes)
  }

  /** UTF-8 text behind a 32-bit length: what `bytes` writes. */
  longText(text: string): this {
    if (this.#ascii(text, 4)) {
      this.u32(text.length)
      this.#length += text.length
      return this
    }
    return this.bytes(utf8(text))
  }

  /** Overwrites four bytes written earlier. */
  patchU32(at: number, value: number): void {
    const bytes = this.#bytes
    bytes[at] = value >>> 24
    bytes[at + 1] = value >>> 16
    bytes[at + 2] = value >>> 8
    bytes[at + 3] = value
  }

  /** What was written; a view, valid until the next write. */
  done(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(more: number): void {
    const need = this.#length + more
    if (need <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }

  /**
   * Writes a short text of ASCII alone where it belongs after a length of `gap` bytes; false: it is another. Most
   * are short and ASCII, and an encoder's array for each costs more than the bytes.
   */
  #ascii(text: string, gap: number): boolean {
    const { length } = text
    if (length > shortText) return false
    this.#room(gap + length)
    const at = this.#length + gap
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) return false
      this.#bytes[at + i] = unit
    }
    return true
  }
}

/** Reads what Writer wrote; throws MalformedError rather than read past the end. */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  u64(): number {
    const at = this.#take(8)
    const high = this.#view.getUint32(at)
    if (high >= 2 ** 21) throw new MalformedError('a number beyond 2^53')
    return high * 2 ** 32 + this.#view.getUint32(at + 4)
  }

  /** A view of the next `length` bytes, not a copy. */
  raw(length: number): Uint8Array {
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  bytes(): Uint8Array {
    return this.raw(this.u32())
  }

  text(): string {
    return fromUtf8(this.raw(this.u16()))
  }

  /** Asserts that nothing is left. */
  end(): void {
    if (this.left !== 0) throw new MalformedError(`${this.left} bytes too many`)
  }

  #take(length: number): number {
    const at = this.#at
    if (length > this.#bytes.length - at) throw new MalformedError('the message ends too early')
    this.#at = at + length
    return at
  }
}
