import type { Row } from './types.ts'

/**
 * Sums the hashes of rows, so that the order of maps does not matter. Two lanes of 32 bits: enough to
 * catch replicas that differ by accident, which is what the simulator looks for; not for secrets.
 */
export class Digest {
  #low = 0
  #high = 0
  #rows = 0

  add(row: Row): void {
    this.#addHash(hashRow(row))
  }

  /** As `add`, for the row of an immutable record: hashed once in the record's life. */
  addOnce(record: object, row: () => Row): void {
    let hash = known.get(record)
    if (hash === undefined) {
      hash = hashRow(row())
      known.set(record, hash)
    }
    this.#addHash(hash)
  }

  /** All that the other one has added up. */
  addSum(sum: Digest): void {
    this.#low = (this.#low + sum.#low) >>> 0
    this.#high = (this.#high + sum.#high) >>> 0
    this.#rows += sum.#rows
  }

  toString(): string {
    const hex = (lane: number) => lane.toString(16).padStart(8, '0')
    return `${hex(this.#high)}${hex(this.#low)}-${this.#rows}`
  }

  #addHash(hash: Hash): void {
    this.#low = (this.#low + hash.low) >>> 0
    this.#high = (this.#high + hash.high) >>> 0
    this.#rows++
  }
}

interface Hash {
  low: number
  high: number
}

const known = new WeakMap<object, Hash>()

function hashRow(row: Row): Hash {
  const hash: Hash = { low: 0x811c9dc5, high: 0x9e3779b9 }
  mixText(hash, row.table)
  mixText(hash, row.key)
  mixText(hash, row.json ?? '')
  if (row.blob !== null) for (let i = 0; i < row.blob.length; i++) mix(hash, row.blob[i]!)
  return { low: finish(hash.low), high: finish(hash.high) }
}

function mixText(hash: Hash, text: string): void {
  for (let i = 0; i < text.length; i++) mix(hash, text.charCodeAt(i))
  mix(hash, 0x10000 + text.length)
}

function mix(hash: Hash, value: number): void {
  hash.low = Math.imul(hash.low ^ value, 0x01000193)
  hash.high = Math.imul(hash.high ^ value, 0x85ebca6b) + 0x632be5ab
}

/** MurmurHash3's finaliser: without it, sums of similar rows would be similar. */
function finish(lane: number): number {
  let h = lane ^ (lane >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
