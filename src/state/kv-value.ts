/**
 * Values as they are kept. A Uint8Array of 100 bytes costs some 500 on Node 24 (view, ArrayBuffer and
 * its backing store); the same bytes as characters below 256 of a string cost 130, and collecting
 * them is the young generation's everyday work. Large values stay arrays.
 *
 * Either way the bytes are our own: a view into a frame from the network would keep all of it alive.
 */
export type Packed = string | Uint8Array

/** Below the number of arguments that a call may have, with a wide margin. */
const packedBytes = 4096

export function pack(bytes: Uint8Array): Packed {
  if (bytes.length > packedBytes) return new Uint8Array(bytes)
  return String.fromCharCode.apply(null, bytes as unknown as number[])
}

export function unpack(packed: Packed): Uint8Array {
  if (typeof packed !== 'string') return packed
  return unpackInto(packed, new Uint8Array(packed.length))
}

export function unpackInto(packed: string, target: Uint8Array): Uint8Array {
  for (let i = 0; i < packed.length; i++) target[i] = packed.charCodeAt(i)
  return target
}

export function holds(packed: Packed, bytes: Uint8Array): boolean {
  if (packed.length !== bytes.length) return false
  if (typeof packed === 'string') {
    for (let i = 0; i < bytes.length; i++) if (packed.charCodeAt(i) !== bytes[i]) return false
  } else {
    for (let i = 0; i < bytes.length; i++) if (packed[i] !== bytes[i]) return false
  }
  return true
}
