import { MalformedError, type Reader, type Writer } from '../base/bytes.ts'

/**
 * Ids as packets carry them: the 16 bytes of a UUID. A packet of gossip holds dozens, so both ways go by
 * table instead of by regular expression (some ten times faster).
 */
const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const dash = 0x2d
const length = 36
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
    const high = digitOfCode[id.charCodeAt(at)] ?? -1
    const low = digitOfCode[id.charCodeAt(at + 1)] ?? -1
    if (high < 0 || low < 0) throw notUuid(id)
    writer.u8(high * 16 + low)
  }
}

export function readUuid(reader: Reader): string {
  const bytes = reader.raw(16)
  let id = ''
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) id += '-'
    id += hexOfByte[bytes[i]!]
  }
  return id
}

function notUuid(id: string): MalformedError {
  return new MalformedError(`"${id}" is not a UUID`)
}
