import type { Index } from './types.ts'

/**
 * The append messages on their way to one follower, by the last index of each: a window that bounds
 * what may pile up in the network and at a slow follower. A ring of fixed size.
 */
export class Inflights {
  readonly #ends: Index[]
  #start = 0
  #count = 0

  constructor(size: number) {
    this.#ends = new Array<Index>(size).fill(0)
  }

  get full(): boolean {
    return this.#count === this.#ends.length
  }

  get count(): number {
    return this.#count
  }

  /** A message that ends at `index` left. Indices only grow; the window must not be full. */
  add(index: Index): void {
    this.#ends[(this.#start + this.#count) % this.#ends.length] = index
    this.#count++
  }

  /** Everything up to `index` has arrived. */
  freeTo(index: Index): void {
    while (this.#count > 0 && this.#ends[this.#start]! <= index) this.freeFirst()
  }

  /** Gives up on the oldest message. */
  freeFirst(): void {
    if (this.#count === 0) return
    this.#start = (this.#start + 1) % this.#ends.length
    this.#count--
  }

  reset(): void {
    this.#start = 0
    this.#count = 0
  }
}
