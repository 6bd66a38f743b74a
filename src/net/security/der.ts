import { MalformedError } from '../../base/bytes.ts'

/**
 * The little of DER (X.690 §10) that certificates and their requests are made of. Whatever is written here is
 * read back by OpenSSL before anybody relies on it; what is read here comes from strangers, so every length is
 * checked and only the short forms that DER allows are taken.
 */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const

export function encode(kind: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from([kind]), lengthOf(body.length), body])
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => encode(tag.sequence, ...items)

/** Context-specific and constructed: `[n] EXPLICIT`. */
export const explicit = (n: number, item: Uint8Array): Buffer => encode(0xa0 | n, item)

/** Context-specific and primitive: `[n] IMPLICIT` of a string. */
export const implicit = (n: number, content: Uint8Array): Buffer => encode(0x80 | n, content)

/** Of unsigned bytes, most significant first. */
export function integer(bytes: Uint8Array): Buffer {
  let from = 0
  while (from < bytes.length - 1 && bytes[from] === 0) from++
  const body = bytes.subarray(from)
  return body[0]! & 0x80 ? encode(tag.integer, Buffer.from([0]), body) : encode(tag.integer, body)
}

/** Whole bytes, or flags whose last `unused` bits count for nothing. */
export function bits(content: Uint8Array, unused = 0): Buffer {
  return encode(tag.bits, Buffer.from([unused]), content)
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const arc of rest) {
    const groups = [arc & 0x7f]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      groups.unshift((left & 0x7f) | 0x80)
    }
    bytes.push(...groups)
  }
  return encode(tag.oid, Buffer.from(bytes))
}

/** RFC 5280 §4.1.2.5: two digits of the year until 2049, four from 2050 on; whole seconds. */
export function time(at: number): Buffer {
  const [date, clock] = new Date(at).toISOString().split('T') as [string, string]
  const text = `${date.replaceAll('-', '')}${clock.slice(0, 8).replaceAll(':', '')}Z`
  const short = Number(text.slice(0, 4)) < 2050
  return encode(
    short ? tag.utcTime : tag.generalizedTime,
    Buffer.from(short ? text.slice(2) : text),
  )
}

function lengthOf(size: number): Buffer {
  if (size < 0x80) return Buffer.from([size])
  const bytes: number[] = []
  for (let left = size; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

/** One value: where it begins and ends is known, what is in it is not yet. */
export interface Value {
  readonly kind: number
  readonly content: Buffer
  /** With its tag and length. */
  readonly whole: Buffer
}

/** The values that `bytes` consists of. Throws MalformedError. */
export function decode(bytes: Buffer): readonly Value[] {
  const out: Value[] = []
  let at = 0
  while (at < bytes.length) {
    const start = at
    const kind = bytes[at++]!
    const first = bytes[at++]
    if (first === undefined) throw new MalformedError('a value ends before its length')
    let size = first
    if (first >= 0x80) {
      const count = first & 0x7f
      if (count === 0 || count > 3 || at + count > bytes.length)
        throw new MalformedError('no DER length')
      size = bytes.readUIntBE(at, count)
      at += count
      if (size < 0x80 || (count > 1 && size < 2 ** (8 * (count - 1))))
        throw new MalformedError('a length longer than needed')
    }
    if (at + size > bytes.length) throw new MalformedError('a value ends too early')
    out.push({
      kind,
      content: bytes.subarray(at, at + size),
      whole: bytes.subarray(start, at + size),
    })
    at += size
  }
  return out
}

/** The parts of a SEQUENCE; throws MalformedError if it is none. */
export function parts(value: Value | undefined): readonly Value[] {
  if (value?.kind !== tag.sequence) throw new MalformedError('not a sequence')
  return decode(value.content)
}
