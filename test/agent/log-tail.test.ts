import { expect, test } from 'vitest'
import { LogTail } from '../../src/agent/control/log-tail.ts'
import type { Raft } from '../../src/raft/raft.ts'
import type { Configuration, Entry } from '../../src/raft/types.ts'

/** Which configuration belongs to which moment of the log: a snapshot must carry its own, neither an older nor a newer one. */

const of = (...voters: string[]): Configuration => ({
  voters,
  outgoing: [],
  learners: [],
  learnersNext: [],
})
const [one, two, three] = [of('a'), of('a', 'b'), of('a', 'b', 'c')]
const compaction = { entries: 10, bytes: 1 << 20, margin: 4, patience: 2 }

/** Voters change at 5 and at 15. */
const log = Array.from({ length: 20 }, (_, i): Entry => {
  const at = { index: i + 1, term: 1 }
  if (at.index === 5) return { ...at, type: 'config', config: two }
  if (at.index === 15) return { ...at, type: 'config', config: three }
  return { ...at, type: 'data', data: new Uint8Array(8) }
})
const raft = {
  entries: (from: number, to: number) => log.slice(from - 1, to),
  status: () => ({ progress: [] }),
} as unknown as Raft

function tailOf(applied: number): LogTail {
  const snapshot = { index: 0, term: 0, config: one }
  const hardState = { term: 1, vote: null }
  return new LogTail({ snapshot, hardState, entries: log, applied } as never, { compaction })
}

test('what is in force is what was applied last, also after a start', () => {
  expect(tailOf(4).config).toEqual(one)
  expect(tailOf(14).config).toEqual(two)
  const tail = tailOf(4)
  for (const entry of log.slice(4)) tail.passed(entry)
  expect(tail.config).toEqual(three)
})

test('a log is cut behind the configuration of that moment', () => {
  const tail = tailOf(14)
  const meta = tail.due(raft, 14)
  expect(meta).toEqual({ index: 10, term: 1, config: two })
  tail.cut(meta!, log.slice(10, 14))
  expect([tail.firstIndex, tail.config]).toEqual([11, two])
  for (const entry of log.slice(14)) tail.passed(entry)
  expect(tail.config).toEqual(three)
})

test('a snapshot that came takes the place of all that was known', () => {
  const tail = tailOf(20)
  tail.restored({ index: 40, term: 3, config: two })
  expect([tail.firstIndex, tail.config]).toEqual([41, two])
  expect(tail.due(raft, 41)).toBeUndefined()
})
