/**
 * Bytes that outlive the read they came in. A view keeps the whole buffer of that read alive, for one small
 * entry among much that is forgotten; a buffer for each entry costs more than the entry. So copies share slabs
 * that hold nothing but what is kept: neighbours in the log, which are let go of together.
 */
const slabBytes = 32 * 1024
/** From here on a buffer of its own costs little, and spares the slab's rest. */
const ownBytes = 4 * 1024

let slab = new Uint8Array(0)
let used = 0

/** `bytes`, or a copy if they are only a small part of the buffer behind them. */
export function keep(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  if (bytes.buffer.byteLength <= 2 * length + 1024) return bytes
  if (length >= ownBytes) return new Uint8Array(bytes)
  if (length > slab.length - used) {
    slab = new Uint8Array(slabBytes)
    used = 0
  }
  const copy = slab.subarray(used, used + length)
  copy.set(bytes)
  used += length
  return copy
}
