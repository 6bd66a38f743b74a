import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedError, Reader, Writer } from '../../src/base/bytes.ts'
import { utf8 } from '../../src/base/utf8.ts'
import { uuidBytes } from '../../src/base/uuid.ts'
import { decodeSwim, encodeSwim, gossipLimits } from '../../src/net/gossip-codec.ts'
import { readUuid, writeUuid } from '../../src/net/uuid-fields.ts'
import { limits } from '../../src/swim/config.ts'
import type { MemberInfo, SwimMessage, Update } from '../../src/swim/types.ts'
import { bareMessageBytes, isTransmissible, updateBytes } from '../../src/swim/update-size.ts'

const uuid = fc.uuid()
const seq = fc.nat(0xffffffff)
const incarnation = fc.oneof(fc.nat(300), fc.maxSafeNat()).map(n => n % gossipLimits.incarnation)
const text = (bytes: number) =>
  fc
    .string({ unit: 'binary', maxLength: bytes })
    .filter(s => !/\p{Surrogate}/u.test(s) && utf8(s).length <= bytes)
const address = fc.record({ host: text(gossipLimits.hostBytes), port: fc.nat(65535) })
const info: fc.Arbitrary<MemberInfo> = fc.record({
  id: uuid,
  name: text(gossipLimits.nameBytes),
  address,
  incarnation,
  meta: fc.uint8Array({ maxLength: gossipLimits.metaBytes }),
})
const update: fc.Arbitrary<Update> = fc.oneof(
  fc.record({ kind: fc.constant('alive' as const), member: info }),
  fc.record({ kind: fc.constant('suspect' as const), id: uuid, incarnation, accuser: uuid }),
  fc.record({ kind: fc.constantFrom('failed' as const, 'left' as const), id: uuid, incarnation }),
)
const updates = fc.array(update, { maxLength: 20 })
const message: fc.Arbitrary<SwimMessage> = fc.oneof(
  fc.record({ type: fc.constant('ping' as const), seq, target: uuid, updates }),
  fc.record({ type: fc.constantFrom('ack' as const, 'nack' as const), seq, updates }),
  fc.record({ type: fc.constant('ping-req' as const), seq, target: uuid, address, updates }),
  fc.record({ type: fc.constant('gossip' as const), updates }),
  fc.record({ type: fc.constant('push-pull' as const), reply: fc.boolean(), updates }),
)

const a = '018f0000-0000-7000-8000-00000000000a'
const b = '018f0000-0000-7000-8000-00000000000b'

function member(change: Partial<MemberInfo> = {}): MemberInfo {
  const host = { host: '10.0.0.1', port: 4483 }
  return { id: a, name: 'n1', address: host, incarnation: 1, meta: new Uint8Array(), ...change }
}

function alive(change: Partial<MemberInfo>): SwimMessage {
  return { type: 'gossip', updates: [{ kind: 'alive', member: member(change) }] }
}

/** Either a message that encodes to the same bytes, or MalformedError; nothing else. */
function expectSound(bytes: Uint8Array): void {
  let decoded: SwimMessage
  try {
    decoded = decodeSwim(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedError)
    return
  }
  expect(encodeSwim(decoded)).toEqual(bytes)
}

describe('what is written', () => {
  test('is read again, byte for byte and word for word', () => {
    fc.assert(
      fc.property(message, sent => {
        expect(decodeSwim(encodeSwim(sent))).toEqual(sent)
      }),
    )
  })

  test('is as long as swim counts on when it packs packets', () => {
    fc.assert(
      fc.property(message, sent => {
        const counted = sent.updates.reduce((sum, u) => sum + updateBytes(u), 0)
        expect(encodeSwim(sent).length).toBe(bareMessageBytes(sent) + counted)
      }),
    )
  })

  test('is small: a probe with three pieces of news', () => {
    const ping: SwimMessage = {
      type: 'ping',
      seq: 7,
      target: b,
      updates: [
        { kind: 'alive', member: member() },
        { kind: 'suspect', id: a, incarnation: 200, accuser: b },
        { kind: 'failed', id: a, incarnation: 3 },
      ],
    }
    expect(Buffer.from(encodeSwim(ping)).toString('hex')).toBe(
      '0100000007018f000000007000800000000000000b0003' +
        '01018f000000007000800000000000000a01026e310831302e302e302e31118300' +
        '02018f000000007000800000000000000ac801018f000000007000800000000000000b' +
        '03018f000000007000800000000000000a03',
    )
  })

  test('keeps the meta when the packet buffer is used again', () => {
    const bytes = encodeSwim(alive({ meta: new Uint8Array([1, 2, 3]) })).slice()
    const decoded = decodeSwim(bytes)
    bytes.fill(0)
    expect(decoded).toEqual(alive({ meta: new Uint8Array([1, 2, 3]) }))
  })
})

test('a byte order mark is a character like any other', () => {
  const sent = alive({ name: '\uFEFF\uFEFFn1' })
  expect(decodeSwim(encodeSwim(sent))).toEqual(sent)
})

describe('what is not ours', () => {
  test('random bytes are refused, or mean what they say', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), expectSound))
  })

  test('random bytes behind a kind of ours too', () => {
    const kinds = fc.integer({ min: 1, max: 6 })
    const bytes = fc.tuple(kinds, fc.uint8Array({ maxLength: 300 }))
    fc.assert(fc.property(bytes, ([kind, rest]) => expectSound(Uint8Array.of(kind, ...rest))))
  })

  test('a message cut short anywhere is refused', () => {
    fc.assert(
      fc.property(message, fc.nat(), (sent, at) => {
        const bytes = encodeSwim(sent)
        expect(() => decodeSwim(bytes.subarray(0, at % bytes.length))).toThrow(MalformedError)
      }),
    )
  })

  test('so is one with more behind it', () => {
    fc.assert(
      fc.property(message, fc.uint8Array({ minLength: 1, maxLength: 4 }), (sent, more) => {
        const bytes = Uint8Array.of(...encodeSwim(sent), ...more)
        expect(() => decodeSwim(bytes)).toThrow(MalformedError)
      }),
    )
  })

  test('a flipped bit is refused, or means what it says', () => {
    fc.assert(
      fc.property(message, fc.nat(), (sent, at) => {
        const bytes = encodeSwim(sent).slice()
        bytes[(at >> 3) % bytes.length]! ^= 1 << (at & 7)
        expectSound(bytes)
      }),
    )
  })

  test.each([
    ['nothing', []],
    ['an unknown message', [9, 0, 0]],
    ['an unknown update', [5, 0, 1, 9]],
    ['a flag that is neither yes nor no', [6, 2, 0, 0]],
  ])('%s is refused', (_, bytes) => {
    expect(() => decodeSwim(Uint8Array.from(bytes))).toThrow(MalformedError)
  })

  test('more updates than anybody sends are refused before they are read', () => {
    const head = new Writer().u8(5).u16(gossipLimits.updates + 1)
    expect(() => decodeSwim(head.done())).toThrow(/4097 updates/)
  })

  test.each([
    ['a name', { name: 'x'.repeat(129) }, /129 bytes where 128/],
    ['a host', { address: { host: 'h'.repeat(254), port: 1 } }, /254 bytes where 253/],
    ['a meta', { meta: new Uint8Array(257) }, /257 bytes where 256/],
    ['an incarnation', { incarnation: 2 ** 48 }, /incarnation too high/],
  ])('%s beyond its limit is refused', (_, change, reason) => {
    expect(() => decodeSwim(encodeSwim(alive(change)))).toThrow(reason)
    expect(isTransmissible(member(change))).toBe(false)
  })

  test('a name that is not UTF-8 is refused', () => {
    const bytes = new Writer().u8(5).u16(1).u8(1).raw(uuidBytes(a)).u8(1).u8(2).raw(broken()).done()
    expect(() => decodeSwim(bytes)).toThrow(/not UTF-8/)
  })

  test('a number padded with zeros, or without end, is refused', () => {
    const failed = () => new Writer().u8(5).u16(1).u8(3).raw(uuidBytes(a))
    expect(() => decodeSwim(failed().u8(0x81).u8(0).done())).toThrow(/padded/)
    expect(() => decodeSwim(failed().raw(new Uint8Array(9).fill(0xff)).done())).toThrow(/too long/)
  })

  test.each([
    'n1',
    a.toUpperCase(),
    a.replace('-', '0'),
    `${a}0`,
    a.replace('7', 'g'),
    a.replace('7', '\u0131'),
  ])('the id %s, which is no UUID, cannot be written', id => {
    expect(() => encodeSwim(alive({ id }))).toThrow(/not a UUID/)
  })

  test('ids are written as base writes them', () => {
    fc.assert(
      fc.property(uuid, id => {
        const writer = new Writer()
        writeUuid(writer, id)
        expect(writer.done()).toEqual(uuidBytes(id))
        expect(readUuid(new Reader(writer.done()))).toBe(id)
      }),
    )
  })
})

test('swim and the codec have the same limits', () => {
  const { updates, nameBytes, hostBytes, metaBytes, incarnation } = limits
  expect({ updates, nameBytes, hostBytes, metaBytes, incarnation }).toEqual(gossipLimits)
})

function broken(): Uint8Array {
  return Uint8Array.of(0xc3, 0x28)
}
