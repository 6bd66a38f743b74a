import { Slab } from '../base/slab.ts'

/**
 * Bytes that outlive the read they came in. A view keeps the whole buffer of that read alive, for one small
 * entry among much that is forgotten; a buffer for each entry costs more than the entry. So copies share slabs
 * that hold nothing but what is kept: neighbours in the log, which are let go of together.
 */
const slab = new Slab(32 * 1024, 4 * 1024)

/** `bytes`, or a copy if they are only a small part of the buffer behind them. */
export function keep(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength <= 2 * bytes.length + 1024) return bytes
  const copy = slab.take(bytes.length)
  copy.set(bytes)
  return copy
}
