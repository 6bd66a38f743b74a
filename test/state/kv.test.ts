import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventData, HiveEvent } from '../../src/state/events.ts'
import { stateLimits } from '../../src/state/limits.ts'
import { State } from '../../src/state/state.ts'
import type { KvEntry, Outcome } from '../../src/state/types.ts'
import { key, prefix, value } from './arbitrary.ts'
import { event, initialisedBench } from './support.ts'

/** The slow twin: an object of entries and a list of everything that ever changed. */
class Twin {
  readonly entries: Record<string, KvEntry> = {}
  readonly changes: { key: string; index: number }[] = []

  put(data: EventData['KvPut'], index: number): 'ok' | 'CAS_FAILED' {
    const old = this.entries[data.key]
    if (data.cas !== undefined && data.cas !== (old ? old.modifyIndex : 0)) return 'CAS_FAILED'
    const same = old?.flags === data.flags && String(old.value) === String(data.value)
    if (same) return 'ok'
    const { key, value, flags } = data
    const createIndex = old ? old.createIndex : index
    this.entries[key] = { key, value, flags, createIndex, modifyIndex: index, lockIndex: 0 }
    this.changes.push({ key, index })
    return 'ok'
  }

  delete(data: EventData['KvDelete'], index: number): 'ok' | 'CAS_FAILED' | 'BAD_REQUEST' {
    if (data.recurse && data.cas !== undefined) return 'BAD_REQUEST'
    if (!data.recurse && data.key === '') return 'BAD_REQUEST'
    const old = this.entries[data.key]
    if (data.cas !== undefined && old && data.cas !== old.modifyIndex) return 'CAS_FAILED'
    for (const key of Object.keys(this.entries)) {
      if (data.recurse ? !key.startsWith(data.key) : key !== data.key) continue
      delete this.entries[key]
      this.changes.push({ key, index })
    }
    return 'ok'
  }

  list(prefix: string): KvEntry[] {
    const under = Object.values(this.entries).filter(({ key }) => key.startsWith(prefix))
    return under.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
  }

  index(prefix: string, recurse: boolean): number {
    const of = this.changes.filter(c => (recurse ? c.key.startsWith(prefix) : c.key === prefix))
    return Math.max(0, ...of.map(c => c.index))
  }
}

/** Often the index that stands, so that a check-and-set also succeeds. */
const cas = fc.constantFrom('none', 'none', 'right', 'absent', 'wrong')
const write = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('KvPut' as const),
      key,
      value,
      flags: fc.nat(1),
      cas,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('KvDelete' as const),
      key,
      recurse: fc.constant(false),
      cas,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('KvDelete' as const),
      key: prefix,
      recurse: fc.boolean(),
      cas: fc.constantFrom('none', 'none', 'right'),
    }),
  },
)

test('the store does what an object and a list of changes do', () => {
  fc.assert(
    fc.property(fc.array(write, { size: 'large', maxLength: 120 }), writes => {
      const bench = initialisedBench()
      const twin = new Twin()
      for (const { type, cas, ...rest } of writes) {
        const index = bench.log.length + 1
        const stands = twin.entries[rest.key]?.modifyIndex ?? 0
        const expected = { none: undefined, right: stands, absent: 0, wrong: stands + 1 }[cas]
        const data = { ...rest, ...(expected !== undefined && { cas: expected }) }
        const outcome = bench.event(event(type as 'KvPut', data as EventData['KvPut'])).outcome
        const twins =
          type === 'KvPut'
            ? twin.put(data as EventData['KvPut'], index)
            : twin.delete(data as EventData['KvDelete'], index)
        expect(outcome.ok ? 'ok' : outcome.code).toBe(twins)
        if (index % 7 === 0) {
          bench.save()
          bench.restart()
        }
        for (const p of ['', 'a', 'a/', 'a/b', 'é', '\uffee', '😀', 'z', rest.key]) {
          expect(bench.state.kvIndex(p, true)).toBe(twin.index(p, true))
          expect(bench.state.kvIndex(p, false)).toBe(twin.index(p, false))
          expect(bench.state.kvList(p)).toEqual(twin.list(p))
          expect(bench.state.kvGet(p)).toEqual(twin.entries[p])
        }
        expect(bench.state.kvList('a', 2)).toEqual(twin.list('a').slice(0, 2))
      }
    }),
    { numRuns: 60 },
  )
})

describe('limits', () => {
  const put = (key: string, bytes: number) =>
    codeOf(
      initialisedBench().apply('KvPut', { key, value: new Uint8Array(bytes), flags: 0 }).outcome,
    )

  test('a key of 512 bytes and a value of 512 KiB fit, one byte more does not', () => {
    expect(put('é'.repeat(256), 1)).toBe('ok')
    expect(put('é'.repeat(256) + 'x', 1)).toBe('TOO_LARGE')
    expect(put('k', 512 * 1024)).toBe('ok')
    expect(put('k', 512 * 1024 + 1)).toBe('TOO_LARGE')
    expect(put('', 1)).toBe('BAD_REQUEST')
  })

  test('half a character is no key: its bytes would come back as another', () => {
    const state = State.load(saved())
    const data = { key: 'a\ud83d', value: new Uint8Array(1), flags: 0 }
    const outcome = state.apply({ index: 2, term: 1, type: 'data', event: event('KvPut', data) })
    expect(codeOf(outcome.outcome)).toBe('BAD_REQUEST')
  })
})

test('what is stored is a copy: the frame that a value came in may be used again', () => {
  for (const size of [3, 100_000]) {
    const state = State.load(saved())
    const frame = new Uint8Array(size + 10).fill(7)
    const value = frame.subarray(5, size + 5)
    const made: HiveEvent = event('KvPut', { key: 'k', value, flags: 0 })
    state.apply({ index: 2, term: 1, type: 'data', event: made })
    frame.fill(9)
    expect(state.kvGet('k')?.value).toEqual(new Uint8Array(size).fill(7))
    const row = state.takeRows().find(row => row.table === 'kv')
    expect(row?.blob).toEqual(new Uint8Array(size).fill(7))
  }
})

test('rows of one batch carry the value that stands, each its own', () => {
  const bench = initialisedBench()
  const put = (key: string, text: string) =>
    bench.apply('KvPut', { key, value: Buffer.from(text), flags: 3 })
  for (const text of ['one', 'two', 'three']) put('a', text)
  put('b', '')
  put('c', 'gone')
  bench.apply('KvDelete', { key: 'c' })
  const rows = bench.save().filter(row => row.table === 'kv')
  expect(
    rows.map(({ key, json, blob }) => [key, json, blob && Buffer.from(blob).toString()]),
  ).toEqual([
    ['a', '[3,2,4,0]', 'three'],
    ['b', '[3,5,5,0]', ''],
    ['c', null, null],
  ])
})

describe('graves', () => {
  test('too many are folded: the index of a prefix may rise, but never falls or passes the last change', () => {
    const bench = initialisedBench()
    const prefixes = ['', 'k', 'k1', 'k12', 'kept', 'other']
    const { graves } = stateLimits
    bench.apply('KvPut', { key: 'kept', value: new Uint8Array(1), flags: 0 })
    let before = prefixes.map(() => 0)
    let jumps = 0
    for (let i = 0; i < graves * 1.6; i++) {
      bench.apply('KvPut', { key: `k${i}`, value: new Uint8Array(1), flags: 0 })
      bench.apply('KvDelete', { key: `k${i}` })
      if (i % 8 > 0) continue
      const now = prefixes.map(prefix => bench.state.kvIndex(prefix, true))
      now.forEach((index, p) => {
        expect(index).toBeGreaterThanOrEqual(before[p]!)
        expect(index).toBeLessThanOrEqual(bench.state.applied)
      })
      if (now[5]! > before[5]!) jumps++
      before = now
    }
    // `other` never was: it hears of the folds alone, at the 8193rd deletion and 4096 later.
    expect(jumps).toBe(2)
    expect(bench.state.kvIndex('kept', false)).toBe(2)
    // The first one's grave is folded; whoever waits for it still sees an index that is not older.
    expect(bench.state.kvIndex('k0', false)).toBeGreaterThanOrEqual(4)
    bench.save()
    const kept = [...bench.disk.values()].filter(row => row.table === 'grave')
    expect(kept.length).toBeLessThanOrEqual(graves + 1)
    const picture = () => prefixes.map(prefix => bench.state.kvIndex(prefix, true))
    const saved = [bench.state.fingerprint(), ...picture()]
    bench.restart()
    expect([bench.state.fingerprint(), ...picture()]).toEqual(saved)
  })

  test('deleting very many at once leaves no more of them', () => {
    const bench = initialisedBench()
    const { graves } = stateLimits
    for (let i = 0; i < graves + 1000; i++) {
      bench.apply('KvPut', { key: `k/${i}`, value: new Uint8Array(1), flags: 0 })
    }
    const { outcome } = bench.apply('KvDelete', { key: 'k/', recurse: true })
    expect(outcome).toMatchObject({ ok: true, value: { deleted: graves + 1000 } })
    expect(bench.state.kvIndex('k/5', true)).toBe(bench.state.applied)
    bench.save()
    expect([...bench.disk.keys()].filter(key => key.startsWith('grave/')).length).toBe(
      graves / 2 + 1,
    )
    expect([...bench.disk.keys()].filter(key => key.startsWith('kv/'))).toEqual([])
  })
})

function saved() {
  const bench = initialisedBench()
  bench.save()
  return bench.disk.values()
}

function codeOf(outcome: Outcome): string {
  return outcome.ok ? 'ok' : outcome.code
}
