import { describe, expect, test } from 'vitest'
import { Requests } from '../../src/agent/requests.ts'
import { Snapshots } from '../../src/agent/snapshots.ts'
import { silentTrace } from '../../src/base/trace.ts'
import type { Links, RequestOutcome } from '../../src/net/link-types.ts'
import type { SnapshotMeta } from '../../src/raft/types.ts'
import type { GroupStore } from '../../src/store/types.ts'

const config = { voters: [], outgoing: [], learners: [], learnersNext: [] }
const meta = (index: number): SnapshotMeta => ({ index, term: 1, config })

/** A receiver, and the chunks that reached its disk. */
function receiver() {
  const written: string[] = []
  const store = {
    receiveChunk: (offset: number, bytes: Uint8Array) =>
      void written.push(`${offset}+${bytes.length}`),
  } as unknown as GroupStore
  const snapshots = new Snapshots({
    trace: silentTrace,
    links: {} as Links,
    store: () => store,
    term: () => 3,
    lineage: () => 0,
    leads: () => false,
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
  return { written, snapshots, chunk }
}

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
