import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MalformedError } from '../../src/base/bytes.ts'
import { fromUtf8 } from '../../src/base/utf8.ts'
import type { Configuration, Entry, Persist } from '../../src/raft/types.ts'
import {
  decodeWrite,
  eachEntry,
  encodeWrite,
  entryCrc,
  makeEntry,
  parseConfig,
} from '../../src/store/entry-codec.ts'
import { decodeState, encodeState } from '../../src/store/row-codec.ts'
import type { StateBatch } from '../../src/store/types.ts'

const count = fc.maxSafeNat()
const ids = fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 5 })
const config: fc.Arbitrary<Configuration> = fc.record({
  voters: ids,
  outgoing: ids,
  learners: ids,
  learnersNext: ids,
})
const bytes = fc.uint8Array({ maxLength: 300 })
const body = fc.oneof(
  fc.record({ type: fc.constant('noop' as const) }),
  fc.record({ type: fc.constant('noop' as const), leader: fc.uuid(), cause: fc.string() }),
  fc.record({ type: fc.constant('data' as const), data: bytes }),
  fc.record({ type: fc.constant('config' as const), config }),
)
const batch: fc.Arbitrary<Persist> = fc
  .record({
    first: fc.integer({ min: 1, max: 2 ** 45 }),
    bodies: fc.array(fc.record({ term: count, body }), { maxLength: 20 }),
    hardState: fc.option(
      fc.record(
        {
          term: count,
          vote: fc.option(fc.string({ unit: 'grapheme' })),
          commit: count,
          lineage: fc.integer({ min: 1, max: 2 ** 48 }),
        },
        { requiredKeys: ['term', 'vote', 'commit'] },
      ),
      { nil: undefined },
    ),
    snapshot: fc.option(fc.record({ index: count, term: count, config }), { nil: undefined }),
  })
  .map(({ first, bodies, hardState, snapshot }) => ({
    id: 1,
    entries: bodies.map((b, i) => ({ index: first + i, term: b.term, ...b.body }) as Entry),
    ...(hardState && { hardState }),
    ...(snapshot && { snapshot }),
  }))

const rows = fc.array(
  fc.record({
    table: fc.string({ maxLength: 10 }),
    key: fc.string({ unit: 'grapheme', maxLength: 100 }),
    json: fc.option(fc.json(), { nil: null }),
    blob: fc.option(bytes, { nil: null }),
  }),
  { maxLength: 20 },
)

describe('write batches', () => {
  test('come out as they went in', () => {
    fc.assert(
      fc.property(batch, original => {
        const decoded = decodeWrite(encodeWrite(original))
        expect(decoded.hardState).toEqual(original.hardState)
        expect(decoded.snapshot).toEqual(original.snapshot)
        const entries: (Entry | undefined)[] = []
        eachEntry(decoded, (index, term, type, crc, data) => {
          expect(crc).toBe(entryCrc(index, term, type, data))
          entries.push(makeEntry(index, term, type, data))
        })
        expect(entries).toEqual(original.entries)
      }),
    )
  })

  test('cut anywhere are malformed, not misread', () => {
    fc.assert(
      fc.property(batch, fc.nat(), (original, at) => {
        const whole = encodeWrite(original)
        const cut = whole.slice(0, at % whole.length)
        expect(() => eachEntry(decodeWrite(cut), () => {})).toThrow(MalformedError)
      }),
    )
  })

  test('a checksum knows the place, the term and the type, not the data alone', () => {
    const data = new Uint8Array([1, 2, 3])
    const sums = [
      entryCrc(7, 2, 1, data),
      entryCrc(8, 2, 1, data),
      entryCrc(7, 3, 1, data),
      entryCrc(7, 2, 2, data),
      entryCrc(7, 2, 1, data.slice(0, 2)),
    ]
    expect(new Set(sums).size).toBe(sums.length)
  })

  test.each(['', '{', 'null', '[]', '{"voters":["a"]}', '{"voters":[1],"outgoing":[]}'])(
    'a configuration that is none: %s',
    json => {
      expect(parseConfig(json)).toBeUndefined()
    },
  )
})

describe('state batches', () => {
  test('come out as they went in; a row without json is gone, whatever else it says', () => {
    fc.assert(
      fc.property(count, count, config, rows, (index, term, conf, changed) => {
        const original: StateBatch = { index, term, config: conf, rows: changed }
        const decoded = decodeState(encodeState(original))
        expect([decoded.index, decoded.term]).toEqual([index, term])
        expect(parseConfig(decoded.config)).toEqual(conf)
        expect(decoded.count).toBe(changed.length)
        const back = Array.from(decoded.rows, ({ table, key, json, blob }) => ({
          table: fromUtf8(table),
          key: fromUtf8(key),
          json: json && fromUtf8(json),
          blob,
        }))
        expect(back).toEqual(changed.map(row => (row.json === null ? { ...row, blob: null } : row)))
      }),
    )
  })

  test('cut anywhere are malformed', () => {
    fc.assert(
      fc.property(rows, fc.nat(), (changed, at) => {
        const conf = { voters: ['a'], outgoing: [], learners: [], learnersNext: [] }
        const whole = encodeState({ index: 1, term: 1, config: conf, rows: changed })
        const cut = whole.slice(0, at % whole.length)
        expect(() => [...decodeState(cut).rows]).toThrow(MalformedError)
      }),
    )
  })
})
