import { describe, expect, test } from 'vitest'
import { Snapshots } from '../../src/agent/control/snapshots.ts'
import { Requests } from '../../src/agent/requests.ts'
import { silentTrace } from '../../src/base/trace.ts'
import type { Links, RequestOutcome } from '../../src/net/link-types.ts'
import type { SnapshotMeta } from '../../src/raft/types.ts'
import type { GroupStore } from '../../src/store/types.ts'
import { ManualClock } from '../net/manual-clock.ts'

const config = { voters: [], outgoing: [], learners: [], learnersNext: [] }
const meta = (index: number): SnapshotMeta => ({ index, term: 1, config })

/** A receiver, and the chunks that reached its disk. */
function receiver() {
  const written: string[] = []
  const receiveChunk = (offset: number, bytes: Uint8Array) =>
    void written.push(`${offset}+${bytes.length}`)
  let store = { receiveChunk } as unknown as GroupStore
  const snapshots = new Snapshots({
    trace: silentTrace,
    clock: new ManualClock(),
    links: {} as Links,
    store: () => store,
    term: () => 3,
    lineage: () => 0,
    leads: () => false,
    failed: () => {},
    sent: () => {},
    complete: () => false,
  })
  const requests = new Requests([snapshots.methods()], silentTrace)
  const chunk = (
    from: string,
    { term = 3, index = 10, offset = 0, size = 8, bytes = 4 },
  ): string => {
    let outcome: RequestOutcome | undefined
    const body = { term, index, offset, size }
    requests.handle(from, 'snapshot-chunk', body, new Uint8Array(bytes), o => {
      outcome = o
    })
    return outcome!.ok ? 'ok' : outcome!.code
  }
  const layDown = () => {
    store = { receiveChunk } as unknown as GroupStore
  }
  return { written, snapshots, chunk, layDown }
}

describe('a snapshot on its way out', () => {
  test('that cannot be made is tried again later and later, and at once after one that could', () => {
    const clock = new ManualClock()
    let [asked, works] = [0, false]
    const told: boolean[] = []
    const store = {
      takeSnapshot: (done: (failure: unknown, source?: unknown) => void) => {
        asked += 1
        if (!works) return done({ kind: 'full', message: 'no room' })
        done(undefined, { meta: meta(1), size: 1, read: () => new Uint8Array(1), close() {} })
      },
    } as unknown as GroupStore
    const snapshots = new Snapshots({
      ...{ trace: silentTrace, clock, links: {} as Links, term: () => 3, lineage: () => 0 },
      ...{ store: () => store, leads: () => false, complete: () => false, failed: () => {} },
      // Raft asks again with the next answer, which comes at once.
      sent: (peer, ok) => {
        told.push(ok)
        if (told.length < 20) snapshots.send(peer)
      },
    })
    snapshots.send('a')
    snapshots.send('a')
    expect(asked).toBe(1)
    for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
      const before = asked
      clock.advance(pause - 1)
      expect(asked).toBe(before)
      clock.advance(1)
      expect(asked).toBe(before + 1)
    }
    works = true
    clock.advance(60_000)
    expect(asked).toBe(told.length)
  })
})

test('a snapshot of a log that was laid down is sent no further, whatever this node leads by then', () => {
  const answers: ((outcome: RequestOutcome) => void)[] = []
  const told: boolean[] = []
  const newStore = () =>
    ({
      takeSnapshot: (done: (failure: unknown, source?: unknown) => void) =>
        done(undefined, { meta: meta(1), size: 2, read: () => new Uint8Array(1), close() {} }),
    }) as unknown as GroupStore
  let store = newStore()
  const request: Links['request'] = (_to, _method, _body, _patience, done) =>
    void answers.push(done)
  const snapshots = new Snapshots({
    ...{ trace: silentTrace, clock: new ManualClock(), links: { request } as Links },
    ...{ term: () => 3, lineage: () => 0, store: () => store },
    ...{
      leads: () => true,
      complete: () => true,
      failed: () => {},
      sent: (_peer, ok) => void told.push(ok),
    },
  })
  for (const pieces of [1, 2]) {
    snapshots.send('a')
    if (pieces === 2) answers.pop()!({ ok: true, body: {} })
    store = newStore()
    answers.pop()!({ ok: true, body: {} })
    expect(answers).toEqual([])
  }
  expect(told).toEqual([false, false])
})

test('a snapshot for which the receiver has no room is sent again later and later, to that one alone', () => {
  const clock = new ManualClock()
  const copies: string[] = []
  let room = false
  let asking = 'full'
  const store = {
    takeSnapshot: (done: (failure: unknown, source?: unknown) => void) => {
      copies.push(asking)
      done(undefined, { meta: meta(1), size: 1, read: () => new Uint8Array(1), close() {} })
    },
  } as unknown as GroupStore
  const request: Links['request'] = (to, _method, _body, _patience, done) => {
    const full = { ok: false, code: 'STORAGE', message: 'no space left on device' } as const
    done(to === 'full' && !room ? full : { ok: true, body: {} })
  }
  const snapshots = new Snapshots({
    ...{ trace: silentTrace, clock, links: { request } as Links, term: () => 3, lineage: () => 0 },
    ...{ store: () => store, leads: () => true, complete: () => true, failed: () => {} },
    // Raft asks again with the next answer, which comes at once.
    sent: (peer, ok) => {
      if (!ok && copies.length < 20) snapshots.send(peer)
    },
  })
  snapshots.send('full')
  for (const pause of [1_000, 2_000, 4_000, 8_000]) {
    const before = copies.length
    clock.advance(pause - 1)
    expect(copies.length).toBe(before)
    clock.advance(1)
    expect(copies.length).toBe(before + 1)
  }
  // Somebody made room, perhaps, and started it anew; and nobody else is hurried.
  snapshots.met('other')
  expect(copies).toHaveLength(5)
  snapshots.met('full')
  expect(copies).toHaveLength(6)
  for (const pause of [1_000, 2_000, 4_000, 8_000]) clock.advance(pause)
  expect(copies).toHaveLength(10)
  asking = 'other'
  snapshots.send('other')
  expect(copies.filter(peer => peer === 'other')).toHaveLength(1)
  ;[asking, room] = ['full', true]
  clock.advance(16_000)
  room = false
  snapshots.send('full')
  const before = copies.length
  clock.advance(1_000)
  expect(copies.length).toBe(before + 1)
})

describe('a snapshot that comes in', () => {
  test('is complete when all of it came from the one who says so', () => {
    const { snapshots, chunk, written } = receiver()
    expect(chunk('a', { offset: 0 })).toBe('ok')
    expect(snapshots.arrived('a', meta(10))).toBe(false)
    expect(chunk('a', { offset: 0 })).toBe('ok')
    expect(chunk('a', { offset: 4 })).toBe('ok')
    expect(snapshots.arrived('b', meta(10))).toBe(false)
    expect(snapshots.arrived('a', meta(11))).toBe(false)
    expect(snapshots.arrived('a', meta(10))).toBe(true)
    expect(snapshots.arrived('a', meta(10))).toBe(false)
    expect(written).toEqual(['0+4', '0+4', '4+4'])
  })

  test('begins anew where its beginning went with a log that was laid down', () => {
    const { snapshots, chunk, written, layDown } = receiver()
    expect(chunk('a', { offset: 0 })).toBe('ok')
    layDown()
    expect(chunk('a', { offset: 4 })).toBe('REFUSED')
    expect(chunk('a', { offset: 0 })).toBe('ok')
    expect(chunk('a', { offset: 4 })).toBe('ok')
    layDown()
    expect(snapshots.arrived('a', meta(10))).toBe(false)
    expect(written).toEqual(['0+4', '0+4', '4+4'])
  })

  test('of two leaders never mixes', () => {
    const { snapshots, chunk, written } = receiver()
    expect(chunk('old', { term: 3, offset: 0 })).toBe('ok')
    expect(chunk('new', { term: 4, offset: 0 })).toBe('ok')
    expect(chunk('old', { term: 3, offset: 4 })).toBe('REFUSED')
    expect(chunk('old', { term: 3, offset: 0 })).toBe('REFUSED')
    expect(chunk('new', { term: 4, offset: 4 })).toBe('ok')
    expect(snapshots.arrived('old', meta(10))).toBe(false)
    expect(snapshots.arrived('new', meta(10))).toBe(true)
    expect(written).toEqual(['0+4', '0+4', '4+4'])
  })

  test.each([
    ['a late piece of the transfer before', { index: 9, offset: 4 }, 'REFUSED'],
    ['a piece twice', { offset: 0 }, 'ok'],
    ['a gap', { offset: 8 }, 'REFUSED'],
    ['an older term than this node knows', { term: 2, offset: 4 }, 'NOT_LEADER'],
  ])('%s', (_what, piece, answer) => {
    const { chunk } = receiver()
    chunk('a', { offset: 0 })
    expect(chunk('a', piece)).toBe(answer)
  })
})
