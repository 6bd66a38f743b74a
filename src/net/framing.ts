import { MalformedError } from '../base/bytes.ts'

/**
 * A stream cut into frames: `u32 length | u8 kind | payload`, big-endian, where `length` counts the
 * kind and the payload. The decoder takes any chunking. A frame that lies whole in one chunk is handed
 * out as a view; one that spans chunks is put together in a buffer of its own that doubles up to the
 * frame's size, so that every byte is copied at most a few times and a length that is merely claimed
 * costs no memory.
 */
export const frameKind = {
  handshake: 1,
  verdict: 2,
  raft: 3,
  swim: 4,
  request: 5,
  response: 6,
  notice: 7,
  ping: 8,
  pong: 9,
  goodbye: 10,
} as const

export interface Frame {
  readonly kind: number
  /** A view of the received bytes. */
  readonly payload: Uint8Array
}

/** Bytes in front of the payload. */
export const frameHeaderBytes = 5
const lengthBytes = 4
const firstStashBytes = 64

/** Small frames share slabs: they leave soon, and a buffer for each costs more than what is in it. */
const slabBytes = 64 * 1024
let slab = new Uint8Array(0)
let used = 0

/** Room for a frame, all zeros; each call gives bytes of its own, never reused. */
export function roomForFrame(size: number): Uint8Array {
  if (size > slabBytes / 16) return new Uint8Array(size)
  if (size > slab.length - used) {
    slab = new Uint8Array(slabBytes)
    used = 0
  }
  const room = slab.subarray(used, used + size)
  used += size
  return room
}

/** Fills in the header of a frame whose first `frameHeaderBytes` were left free. Returns its argument. */
export function sealFrame(kind: number, frame: Uint8Array): Uint8Array {
  const length = frame.length - lengthBytes
  frame[0] = length >>> 24
  frame[1] = length >>> 16
  frame[2] = length >>> 8
  frame[3] = length
  frame[4] = kind
  return frame
}

export function encodeFrame(kind: number, payload: Uint8Array): Uint8Array {
  const frame = roomForFrame(frameHeaderBytes + payload.length)
  frame.set(payload, frameHeaderBytes)
  return sealFrame(kind, frame)
}

export class FrameDecoder {
  /** Largest frame, header included, that is taken from here on. */
  limit: number
  #chunk: Uint8Array = new Uint8Array(0)
  #at = 0
  /** A frame that spans chunks, as far as it has come. */
  #stash: Uint8Array = new Uint8Array(0)
  #stashed = 0

  constructor(limit: number) {
    this.limit = limit
  }

  /** Bytes kept for a frame that is not complete. */
  get kept(): number {
    return this.#stashed
  }

  /** More input; then call `next` until it returns undefined. */
  push(bytes: Uint8Array): void {
    if (this.#at < this.#chunk.length) {
      const rest = this.#chunk.subarray(this.#at)
      const both = new Uint8Array(rest.length + bytes.length)
      both.set(rest)
      both.set(bytes, rest.length)
      this.#chunk = both
    } else {
      this.#chunk = bytes
    }
    this.#at = 0
  }

  /** The next whole frame. Throws MalformedError for a length out of bounds; the stream is then useless. */
  next(): Frame | undefined {
    if (this.#stashed > 0) return this.#resume()
    const at = this.#at
    const left = this.#chunk.length - at
    if (left >= lengthBytes) {
      const size = this.#size(this.#chunk, at)
      if (left >= size) {
        this.#at = at + size
        return frameAt(this.#chunk, at, size)
      }
    }
    if (left > 0) {
      this.#fill(left)
      this.#chunk = this.#stash
      this.#at = this.#stash.length
    }
    return undefined
  }

  #resume(): Frame | undefined {
    if (this.#stashed < lengthBytes) this.#fill(lengthBytes)
    if (this.#stashed < lengthBytes) return undefined
    const size = this.#size(this.#stash, 0)
    this.#fill(size)
    if (this.#stashed < size) return undefined
    const frame = frameAt(this.#stash, 0, size)
    this.#stash = new Uint8Array(0)
    this.#stashed = 0
    return frame
  }

  /** Moves input to the stash until that holds `target` bytes or the input ends. */
  #fill(target: number): void {
    const more = Math.min(target - this.#stashed, this.#chunk.length - this.#at)
    if (more <= 0) return
    const need = this.#stashed + more
    if (need > this.#stash.length) {
      const roomy = Math.max(need, this.#stash.length * 2, firstStashBytes)
      const grown = new Uint8Array(Math.max(need, Math.min(roomy, this.limit)))
      grown.set(this.#stash.subarray(0, this.#stashed))
      this.#stash = grown
    }
    this.#stash.set(this.#chunk.subarray(this.#at, this.#at + more), this.#stashed)
    this.#stashed = need
    this.#at += more
  }

  /** Size of the frame that begins at `at`, header included. */
  #size(bytes: Uint8Array, at: number): number {
    const length =
      bytes[at]! * 2 ** 24 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!)
    if (length === 0) throw new MalformedError('a frame without a kind')
    const size = length + lengthBytes
    if (size > this.limit) {
      throw new MalformedError(`a frame of ${size} bytes; ${this.limit} are allowed`)
    }
    return size
  }
}

function frameAt(bytes: Uint8Array, at: number, size: number): Frame {
  return {
    kind: bytes[at + lengthBytes]!,
    payload: bytes.subarray(at + frameHeaderBytes, at + size),
  }
}
