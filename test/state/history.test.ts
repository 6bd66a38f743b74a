import { expect, test } from 'vitest'
import { stateLimits } from '../../src/state/limits.ts'
import { toLogged } from '../../src/state/logged.ts'
import type { EntryLike } from '../../src/state/types.ts'
import { event, initialisedBench } from './support.ts'

test('the last ten thousand administrative events are kept, in memory and on disk', () => {
  const bench = initialisedBench()
  const extra = 2600
  for (let i = 0; i < stateLimits.history + extra; i++) {
    bench.apply('SettingsChanged', { settings: { n: String(i) } })
    if (i % 100 === 0) bench.save()
  }
  bench.save()
  const first = extra + 2
  const kept = bench.state.history(0, 1_000_000)
  expect(kept.length).toBe(stateLimits.history)
  expect([kept[0]!.seq, kept.at(-1)!.seq]).toEqual([first, stateLimits.history + extra + 1])
  expect([...bench.disk.keys()].filter(key => key.startsWith('history/')).length).toBe(kept.length)

  expect(bench.state.history(first + 10, 2).map(e => e.seq)).toEqual([first + 10, first + 11])
  expect(bench.state.history(bench.state.applied + 1, 5)).toEqual([])
  expect(bench.state.history(0, 0)).toEqual([])

  const fingerprint = bench.state.fingerprint()
  bench.restart()
  expect(bench.state.fingerprint()).toBe(fingerprint)
  expect(bench.state.history(0, 1_000_000)).toEqual(kept)
})

test('repeated and refused events are answered, but are no history', () => {
  const bench = initialisedBench()
  expect(bench.apply('RoleAssigned', { id: 'id-n1', roles: ['dns'] }).event?.type).toBe(
    'RoleAssigned',
  )
  expect(bench.apply('RoleAssigned', { id: 'id-n1', roles: ['dns'] }).event).toBeUndefined()
  expect(bench.apply('RoleAssigned', { id: 'nobody', roles: ['dns'] }).event).toBeUndefined()
  expect(bench.state.history(0, 10).map(e => e.seq)).toEqual([1, 2])
})

test('the epoch of an entry is known, and begins with the first event', () => {
  const bench = initialisedBench()
  expect([0, 1, 2, 1000].map(index => bench.state.epochAt(index))).toEqual([0, 1, 1, 1])
})

test('a value is shown in base64, and cut when it is long', () => {
  const shown = (value: Uint8Array, cas?: number) => {
    const put = event('KvPut', { key: 'k', value, flags: 7, ...(cas !== undefined && { cas }) })
    return toLogged({ index: 5, term: 2, type: 'data', event: put }, 1, 0)
  }
  expect(shown(Buffer.from('hello'), 4)).toEqual({
    seq: 5,
    term: 2,
    epoch: 1,
    time: Date.UTC(2026, 0, 1),
    actor: 'operator@n1',
    type: 'KvPut',
    data: { key: 'k', value: 'aGVsbG8=', bytes: 5, flags: 7, cas: 4 },
  })
  for (let length = 0; length < 20; length++) {
    const bytes = Buffer.alloc(length, 0).map((_, i) => (i * 91 + 250) & 255)
    expect(shown(bytes)?.data).toMatchObject({
      value: Buffer.from(bytes).toString('base64'),
      bytes: length,
    })
  }
  const long = Buffer.alloc(1000, 0xff)
  expect(shown(long)?.data).toEqual({
    key: 'k',
    value: long.subarray(0, 192).toString('base64'),
    cut: true,
    bytes: 1000,
    flags: 7,
  })
})

test('entries of raft are shown too, and what is no event to people is not', () => {
  const at = { index: 9, term: 3 }
  const config = { voters: ['b', 'a'], outgoing: [] as string[], learners: ['c'], learnersNext: [] }
  const entries: [EntryLike, unknown][] = [
    [
      { ...at, type: 'noop' },
      { type: 'LeaderElected', time: 77, data: { term: 3 } },
    ],
    [
      { ...at, type: 'noop', time: 90 },
      { type: 'LeaderElected', time: 90 },
    ],
    // The clock of a new leader may be behind; the log's never goes back.
    [
      { ...at, type: 'noop', time: 60 },
      { type: 'LeaderElected', time: 77 },
    ],
    [
      { ...at, type: 'config', config, time: 91 },
      { type: 'VotersChanged', time: 91 },
    ],
    [
      { ...at, type: 'config', config, time: 91, by: 'ann@h1' },
      { type: 'VotersChanged', time: 91, actor: 'ann@h1' },
    ],
    [
      { ...at, type: 'config', config },
      { type: 'VotersChanged', actor: 'raft', data: { voters: ['a', 'b'], observers: ['c'] } },
    ],
  ]
  for (const [entry, expected] of entries)
    expect(toLogged(entry, 2, 77)).toMatchObject(expected as object)
  const joint = { ...config, outgoing: ['a', 'd'] }
  expect(toLogged({ ...at, type: 'config', config: joint }, 2, 77)).toBeUndefined()
  const later = { unknown: { type: 'Later', needs: 5 } }
  expect(toLogged({ ...at, type: 'data', event: later }, 2, 77)).toBeUndefined()
})
