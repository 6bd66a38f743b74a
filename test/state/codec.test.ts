import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedError } from '../../src/base/bytes.ts'
import { decodeEvent, encodeEvent } from '../../src/state/codec.ts'
import { eventsVersion, type HiveEvent } from '../../src/state/events.ts'
import { anyEvent } from './arbitrary.ts'
import { describeNode, event } from './support.ts'

const put = (more: object = {}) =>
  ({
    ...event('KvPut', { key: 'k', value: new Uint8Array([1, 2]), flags: 0 }),
    ...more,
  }) as HiveEvent

describe('what is written is read back', () => {
  test('for any event', () => {
    fc.assert(
      fc.property(anyEvent, event => {
        const bytes = encodeEvent(event)
        expect(decodeEvent(bytes)).toEqual(event)
        expect(encodeEvent(decodeEvent(bytes) as HiveEvent)).toEqual(bytes)
      }),
      { numRuns: 1000 },
    )
  })

  test('for any text, number and bytes of a put', () => {
    const text = fc
      .string({ unit: 'binary', maxLength: 40 })
      .filter(t => Buffer.from(t).toString() === t)
    const count = fc.maxSafeNat()
    const puts = fc.record({
      time: count,
      actor: text,
      data: fc.record(
        { key: text, value: fc.uint8Array({ maxLength: 300 }), flags: count, cas: count },
        { requiredKeys: ['key', 'value', 'flags'] },
      ),
      request: fc.record({ client: text, serial: count, acked: count }),
    })
    fc.assert(
      fc.property(puts, made => {
        const event = { v: 1, type: 'KvPut' as const, ...made }
        expect(decodeEvent(encodeEvent(event))).toEqual(event)
      }),
      { numRuns: 500 },
    )
  })

  test('from the middle of a frame, as the network has it', () => {
    const bytes = encodeEvent(put())
    const frame = new Uint8Array(bytes.length + 20)
    frame.set(bytes, 7)
    expect(decodeEvent(frame.subarray(7, 7 + bytes.length))).toEqual(put())
  })

  test('a put is small: its key, its value and some thirty bytes', () => {
    const value = new Uint8Array(100)
    expect(encodeEvent(event('KvPut', { key: 'key', value, flags: 0 })).length).toBeLessThan(140)
  })

  test('fields beyond those of the type are left out, so that every node keeps the same', () => {
    const odd = { ...event('NodeLeaving', { id: 'x' }), extra: 1 }
    const bytes = Buffer.from(JSON.stringify({ ...odd, data: { more: [], id: 'x' } }))
    expect(decodeEvent(bytes)).toEqual(event('NodeLeaving', { id: 'x' }))
  })
})

describe('what a newer hive wrote is recognised as such', () => {
  const json = (value: unknown) => decodeEvent(Buffer.from(JSON.stringify(value)))

  test.each([
    [
      'an unknown type',
      { v: 1, type: 'QuotaSet', data: 1 },
      { type: 'QuotaSet', needs: eventsVersion + 1 },
    ],
    ['a newer version', { v: 7, type: 'NodeReady', when: 'now' }, { type: 'NodeReady', needs: 7 }],
    [
      'both',
      { v: eventsVersion + 1, type: 'toString' },
      { type: 'toString', needs: eventsVersion + 1 },
    ],
    [
      'a put that is JSON again',
      { v: eventsVersion + 1, type: 'KvPut' },
      { type: 'KvPut', needs: eventsVersion + 1 },
    ],
  ])('%s', (_, value, unknown) => {
    expect(json(value)).toEqual({ unknown })
  })

  test('a binary form that we do not have, and a newer one of that which we have', () => {
    expect(decodeEvent(new Uint8Array([9, 1, 2]))).toEqual({
      unknown: { type: 'form 9', needs: eventsVersion + 1 },
    })
    expect(decodeEvent(new Uint8Array([1, eventsVersion + 1]))).toEqual({
      unknown: { type: 'KvPut', needs: eventsVersion + 1 },
    })
  })
})

describe('what is malformed is refused, with the place', () => {
  const good = event('NodeAdmitted', { node: describeNode('n4', { roles: ['dns'] }) })
  const with_ = (path: string, value: unknown): HiveEvent => {
    const copy = structuredClone(good)
    const keys = path.split('.')
    const last = keys.pop()!
    let at = copy as unknown as Record<string, unknown>
    for (const key of keys) at = at[key] as Record<string, unknown>
    at[last] = value
    return copy
  }

  test.each([
    ['v', 'one', 'event.v must be an integer of 0 or more, not one'],
    ['time', -5, 'event.time must be an integer of 0 or more, not -5'],
    ['time', 1.5, 'event.time must be an integer of 0 or more, not 1.5'],
    ['actor', 7, 'event.actor must be text, not 7'],
    ['request', { client: 'c', serial: 1 }, 'event.request.acked must be an integer'],
    ['request', { client: '', serial: 1, acked: 0 }, 'event.request.client must be not empty'],
    ['data', [], 'NodeAdmitted must be an object, not something else'],
    ['data.node', null, 'NodeAdmitted.node must be an object, not null'],
    ['data.node.name', '', 'NodeAdmitted.node.name must be not empty'],
    ['data.node.name', 'x'.repeat(256), 'NodeAdmitted.node.name must be at most 255 long, not 256'],
    ['data.node.address', {}, 'NodeAdmitted.node.address.host must be text'],
    ['data.node.address', { host: 'a', port: 70000 }, 'address.port must be at most 65535'],
    ['data.node.roles', 'dns', 'NodeAdmitted.node.roles must be a list, not dns'],
    ['data.node.roles', ['dns', 3], 'NodeAdmitted.node.roles[1] must be text, not 3'],
    ['data.node.roles', Array(65).fill('r'), 'NodeAdmitted.node.roles must be at most 64 long'],
    ['data.node.dc', 'half \ud83d', 'NodeAdmitted.node.dc must be well-formed Unicode'],
  ])('%s = %j', (path, value, message) => {
    const bad = with_(path, value)
    expect(() => decodeEvent(Buffer.from(JSON.stringify(bad)))).toThrow(message)
    expect(() => encodeEvent(bad)).toThrow(message)
    expect(() => encodeEvent(bad)).toThrow(MalformedError)
  })

  test.each([
    ['no bytes', new Uint8Array(0), 'no bytes'],
    ['a put cut short', encodeEvent(put()).subarray(0, 12), 'ends too early'],
    ['a put with unknown parts', new Uint8Array([1, 1, 8]), 'a KvPut with 8'],
    ['a put as JSON', Buffer.from(JSON.stringify(put())), 'a KvPut is written in binary'],
    ['an array', Buffer.from('{"v":1}'), 'event.type must be text'],
    ['a half object', Buffer.from('{"v":1'), 'JSON'],
  ])('%s', (_, bytes, message) => {
    expect(() => decodeEvent(bytes)).toThrow(message)
  })

  test.each([
    ['a fraction of a millisecond', put({ time: 1.5 })],
    [
      'flags that no double holds',
      put({ data: { key: 'k', value: new Uint8Array(), flags: 2 ** 53 } }),
    ],
    [
      'a key beyond 16 bits of length',
      put({ data: { key: 'k'.repeat(70000), value: new Uint8Array(), flags: 0 } }),
    ],
    ['a negative cas', put({ data: { key: 'k', value: new Uint8Array(), flags: 0, cas: -1 } })],
    ['half a character', put({ actor: '\ud83d' })],
  ])('a put with %s cannot be proposed', (_, event) => {
    expect(() => encodeEvent(event)).toThrow(MalformedError)
  })

  test('no bytes at all make it do anything else', () => {
    const someBytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.uint8Array({ maxLength: 80 }).map(bytes => new Uint8Array([1, 1, 3, ...bytes])),
      fc.json().map(text => new Uint8Array(Buffer.from(text))),
      fc.tuple(anyEvent, fc.nat(), fc.nat(255)).map(([event, at, byte]) => {
        const bytes = Uint8Array.from(encodeEvent(event))
        bytes[at % bytes.length] = byte
        return bytes
      }),
    )
    fc.assert(
      fc.property(someBytes, bytes => {
        const result = tried(() => decodeEvent(bytes))
        if (result instanceof Error) {
          const expected = result instanceof MalformedError || result instanceof SyntaxError
          expect(expected ? '' : String(result)).toBe('')
        } else if (!('unknown' in result)) {
          // Whatever is read can be written, and then reads the same.
          expect(decodeEvent(encodeEvent(result))).toEqual(result)
        }
      }),
      { numRuns: 3000 },
    )
  })
})

function tried<T>(task: () => T): T | Error {
  try {
    return task()
  } catch (error) {
    return error as Error
  }
}
