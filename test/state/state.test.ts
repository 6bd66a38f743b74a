import { expect, test } from 'vitest'
import { State } from '../../src/state/state.ts'
import type { Row } from '../../src/state/types.ts'
import { event, initialisedBench } from './support.ts'

const put = (index: number) =>
  ({
    index,
    term: 1,
    type: 'data',
    event: event('KvPut', { key: 'k', value: new Uint8Array([index]), flags: 0 }),
  }) as const

test('an entry that is applied twice, or after a gap, is a broken invariant', () => {
  const { state } = initialisedBench()
  state.apply(put(2))
  expect(() => state.apply(put(2))).toThrow('entry 2 was applied after 2')
  expect(() => state.apply(put(4))).toThrow('entry 4 was applied after 2')
  state.apply(put(3))
  expect(state.applied).toBe(3)
})

test('rows are told once', () => {
  const { state } = initialisedBench()
  expect(state.takeRows().length).toBeGreaterThan(0)
  expect(state.takeRows()).toEqual([])
  state.fingerprint()
  expect(state.takeRows()).toEqual([])
  state.apply(put(2))
  // A look at the fingerprint in between must not swallow what changed.
  state.fingerprint()
  expect(state.takeRows().map(row => row.table)).toEqual(['meta', 'kv'])
})

test('a row that nobody knows is not passed over', () => {
  const row: Row = { table: 'quota', key: 'a', json: '1', blob: null }
  expect(() => State.load([row])).toThrow(
    'the state has a table quota that this build does not know',
  )
})

test('a build that can read what stopped an older one goes on where that stopped', () => {
  const bench = initialisedBench()
  bench.entry({ type: 'data', event: { unknown: { type: 'QuotaSet', needs: 2 } } })
  bench.save()
  // As the newer build finds it: for it, version 2 would be the one of its own, as 1 is ours.
  const rows = [...bench.disk.values()].map(row =>
    row.key === 'stopped' ? { ...row, json: row.json!.replace('"needs":2', '"needs":1') } : row,
  )
  const newer = State.load(rows)
  expect(newer.stopped).toBeNull()
  expect(newer.applied).toBe(1)
  expect(newer.apply(put(2)).outcome.ok).toBe(true)
  expect(newer.takeRows()).toContainEqual({ table: 'meta', key: 'stopped', json: null, blob: null })
})
