import { MalformedError, type Reader, type Writer } from '../base/bytes.ts'

/**
 * Ids as packets carry them: the 16 bytes of a UUID. A packet of gossip holds dozens, so both ways go by
 * table instead of by regular expression (some ten times faster), and what is read is one string in one piece: one
 * that is put together digit by digit costs most when it is first looked up.
 */
const high = new Uint8Array(256)
const low = new Uint8Array(256)
for (let byte = 0; byte < 256; byte++) {
  high[byte] = (byte >> 4).toString(16).charCodeAt(0)
  low[byte] = (byte & 15).toString(16).charCodeAt(0)
}
const dash = 0x2d
const length = 36
const letters = Buffer.alloc(length, '-')
const digitOfCode = new Int8Array(128).fill(-1)
for (let digit = 0; digit < 16; digit++) digitOfCode[digit.toString(16).charCodeAt(0)] = digit

/** Throws MalformedError unless `id` is a UUID in lower case. */
export function writeUuid(writer: Writer, id: string): void {
  if (id.length !== length) throw notUuid(id)
  for (let at = 0; at < length; at += 2) {
    if (at === 8 || at === 13 || at === 18 || at === 23) {
      if (id.charCodeAt(at) !== dash) throw notUuid(id)
      at++
    }
    const left = digitOfCode[id.charCodeAt(at)] ?? -1
    const right = digitOfCode[id.charCodeAt(at + 1)] ?? -1
    if (left < 0 || right < 0) throw notUuid(id)
    writer.u8(left * 16 + right)
  }
}

export function readUuid(reader: Reader): string {
  return uuidAt(reader.raw(16), 0)
}

/** The id whose bytes begin at `at`. */
export function uuidAt(bytes: Uint8Array, at: number): string {
  let to = 0
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) to++
    const byte = bytes[at + i]!
    letters[to++] = high[byte]!
    letters[to++] = low[byte]!
  }
  return letters.toString('latin1')
}

function notUuid(id: string): MalformedError {
  return new MalformedError(`"${id}" is not a UUID`)
}
