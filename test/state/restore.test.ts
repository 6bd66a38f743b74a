import { describe, expect, test } from 'vitest'
import { MalformedError } from '../../src/base/bytes.ts'
import { fromUtf8, utf8 } from '../../src/base/utf8.ts'
import { encodeEvent } from '../../src/state/codec.ts'
import { packEntries } from '../../src/state/restoring.ts'
import { State } from '../../src/state/state.ts'
import { type Bench, event, initialisedBench } from './support.ts'

const origin = { tag: 'tag-0', name: 'old', index: 99, taken: 5 }

function begin(bench: Bench, id = 'r1', settings: Record<string, string> = {}) {
  return bench.apply('RestoreBegun', { id, ...origin, settings })
}

function add(bench: Bench, part: number, keys: Record<string, string>, id = 'r1') {
  const entries = Object.entries(keys).map(([key, value]) => ({
    key,
    value: utf8(value),
    flags: 0,
  }))
  return bench.apply('RestoreAdded', { id, part, entries: packEntries(entries) })
}

function finish(bench: Bench, parts: number, keys: number, id = 'r1') {
  const { name, index, taken } = origin
  return bench.apply('SnapshotRestored', { id, parts, keys, name, index, taken })
}

function put(bench: Bench, key: string, value: string): number {
  bench.apply('KvPut', { key, value: utf8(value), flags: 0 })
  return bench.state.applied
}

function values(bench: Bench): Record<string, string> {
  return Object.fromEntries(bench.state.kvList('').map(e => [e.key, fromUtf8(e.value)]))
}

describe('restoring a snapshot', () => {
  test('shows the old until all has come, and then the new, at one index', () => {
    const bench = initialisedBench()
    put(bench, 'a', '1')
    const same = put(bench, 'b', '2')
    put(bench, 'c', '3')
    begin(bench, 'r1', { 'tombstone-grace': '2h' })
    add(bench, 0, { a: 'one' })
    put(bench, 'late', 'is replaced too')
    add(bench, 1, { b: '2', d: '4' })
    expect(values(bench)).toEqual({ a: '1', b: '2', c: '3', late: 'is replaced too' })
    expect(bench.state.restore).toMatchObject({ id: 'r1', parts: 2, keys: 3 })

    const { outcome, event: shown } = finish(bench, 2, 3)
    const at = bench.state.applied
    expect(outcome).toEqual({
      ok: true,
      index: at,
      value: { epoch: 2, added: 1, changed: 1, removed: 2 },
    })
    expect(shown).toMatchObject({ type: 'SnapshotRestored', epoch: 2 })
    expect(values(bench)).toEqual({ a: 'one', b: '2', d: '4' })
    expect(bench.state.restore).toBeUndefined()
    expect(bench.state.cluster).toMatchObject({
      epoch: 2,
      metaVersion: 2,
      settings: { 'tombstone-grace': '2h' },
    })
    // Nobody is woken for what stays; nobody's compare-and-set of before fits what changed.
    expect(bench.state.kvGet('b')!.modifyIndex).toBe(same)
    expect(bench.state.kvGet('a')!.modifyIndex).toBe(at)
    expect(bench.state.kvIndex('c', false)).toBe(at)
  })

  test('leaves nodes, voters and what is trusted as they are', () => {
    const bench = initialisedBench()
    bench.apply('GossipKeyAdded', { id: 1, sealed: 's' })
    const before = [[...bench.state.nodes], bench.state.voters, bench.state.gossipKeys]
    begin(bench)
    finish(bench, 0, 0)
    expect([[...bench.state.nodes], bench.state.voters, bench.state.gossipKeys]).toEqual(before)
  })

  test('is refused while a piece is missing, and a piece out of order is no piece', () => {
    const bench = initialisedBench()
    put(bench, 'a', '1')
    begin(bench)
    expect(add(bench, 1, { b: '2' }).outcome).toMatchObject({ ok: false, code: 'REFUSED' })
    add(bench, 0, { b: '2' })
    expect(add(bench, 0, { z: 'a retry' }).outcome).toMatchObject({ ok: true })
    expect(finish(bench, 2, 2).outcome).toMatchObject({ ok: false, code: 'REFUSED' })
    expect(values(bench)).toEqual({ a: '1' })
    finish(bench, 1, 1)
    expect(values(bench)).toEqual({ b: '2' })
  })

  test('gives way to a later one, and can be dropped', () => {
    const bench = initialisedBench()
    begin(bench, 'r1')
    add(bench, 0, { a: '1' }, 'r1')
    begin(bench, 'r2')
    expect(add(bench, 1, { b: '1' }, 'r1').outcome).toMatchObject({ ok: false, code: 'REFUSED' })
    add(bench, 0, { c: '1' }, 'r2')
    bench.apply('RestoreDropped', { id: 'r1', reason: 'late' })
    expect(bench.state.restore).toMatchObject({ id: 'r2', keys: 1 })
    bench.apply('RestoreDropped', { id: 'r2', reason: 'gone' })
    expect(bench.state.restore).toBeUndefined()
    expect(finish(bench, 1, 1, 'r2').outcome).toMatchObject({ ok: false, code: 'REFUSED' })
  })

  test('is the same after a restart at every step', () => {
    const bench = initialisedBench()
    const steps = [
      () => put(bench, 'a', '1'),
      () => begin(bench),
      () => add(bench, 0, { a: '2', b: '' }),
      () => add(bench, 1, { c: '3' }),
      () => finish(bench, 2, 3),
    ]
    for (const step of steps) {
      step()
      const before = bench.state.fingerprint()
      bench.save()
      bench.restart()
      expect(bench.state.fingerprint()).toBe(before)
      expect(State.load(bench.disk.values()).fingerprint()).toBe(before)
    }
    expect([...bench.disk.keys()].filter(key => key.startsWith('restoring/'))).toEqual([])
    expect(values(bench)).toEqual({ a: '2', b: '', c: '3' })
  })

  test('takes no value over the limits', () => {
    const bench = initialisedBench()
    begin(bench)
    const big = packEntries([{ key: 'k', value: new Uint8Array(512 * 1024 + 1), flags: 0 }])
    expect(bench.apply('RestoreAdded', { id: 'r1', part: 0, entries: big }).outcome).toMatchObject({
      ok: false,
      code: 'TOO_LARGE',
    })
    expect(() =>
      encodeEvent(event('RestoreAdded', { id: 'r1', part: 0, entries: new Uint8Array([0, 9]) })),
    ).toThrow(MalformedError)
  })
})
