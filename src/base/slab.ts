/**
 * Room for many small byte arrays that live about as long as their neighbours: each alone would cost several times
 * what is in it (view, buffer, backing store), and the collector time for all three. A slab lives as long as
 * anything in it.
 */
export class Slab {
  readonly #size: number
  readonly #largest: number
  #bytes = new Uint8Array(0)
  #used = 0

  /** Slabs of `size` bytes; what is larger than `largest` gets a buffer of its own, and spares the slab's rest. */
  constructor(size: number, largest: number) {
    this.#size = size
    this.#largest = largest
  }

  /** Bytes of the caller's own, all zeros, never given to another. */
  take(length: number): Uint8Array {
    if (length > this.#largest) return new Uint8Array(length)
    if (length > this.#bytes.length - this.#used) {
      this.#bytes = new Uint8Array(this.#size)
      this.#used = 0
    }
    const from = this.#used
    this.#used += length
    return this.#bytes.subarray(from, this.#used)
  }
}
