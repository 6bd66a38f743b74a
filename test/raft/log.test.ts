/** The log and the bookkeeping of the disk against twins that do it the slow way. */
import { describe, expect, test } from 'vitest'
import { type Random, seeded } from '../../src/base/random.ts'
import { Disk } from '../../src/raft/disk.ts'
import { entryBytes, Log } from '../../src/raft/log.ts'
import type { Configuration, Entry, SnapshotMeta } from '../../src/raft/types.ts'

const nobody: Configuration = { voters: [], outgoing: [], learners: [], learnersNext: [] }
const empty: SnapshotMeta = { index: 0, term: 0, config: nobody }

function someEntry(index: number, term: number, random: Random): Entry {
  switch (random.below(4)) {
    case 0:
      return { index, term, type: 'config', config: { ...nobody, voters: [`${index}/${term}`] } }
    case 1:
      return { index, term, type: 'noop' }
    default:
      return { index, term, type: 'data', data: new Uint8Array(random.below(50)) }
  }
}

/** A log with random operations behind it, and a plain array of the same. */
function grow(random: Random, steps: number): { log: Log; all: Entry[]; start: SnapshotMeta } {
  const log = new Log(empty, [])
  let all: Entry[] = []
  let start = empty
  let term = 1
  const last = () => start.index + all.length
  for (let i = 0; i < steps; i++) {
    const dice = random.below(10)
    if (dice < 7) {
      if (random.below(4) === 0) term++
      const entry = someEntry(last() + 1, term, random)
      log.push(entry)
      all.push(entry)
    } else if (dice < 9 && all.length > 0) {
      const from = start.index + 1 + random.below(all.length)
      log.truncate(from)
      all = all.filter(entry => entry.index < from)
    } else if (all.length > 0) {
      const index = start.index + 1 + random.below(all.length)
      const gone = all.filter(entry => entry.index <= index)
      const config = gone.findLast(entry => entry.type === 'config')?.config ?? start.config
      log.compact(index)
      start = { index, term: gone.at(-1)!.term, config }
      all = all.filter(entry => entry.index > index)
    }
  }
  return { log, all, start }
}

describe('the log', () => {
  test('is what was put in, less what was cut off at either end', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = seeded(seed)
      const { log, all, start } = grow(random, 60)
      expect(log.snapshot).toEqual(start)
      expect(log.slice(0, 1000)).toEqual(all)
      expect(log.end).toEqual({
        index: start.index + all.length,
        term: all.at(-1)?.term ?? start.term,
      })
      for (let index = 0; index <= log.lastIndex + 1; index++) {
        const term = index === start.index ? start.term : all.find(e => e.index === index)?.term
        expect(log.term(index)).toBe(term)
        const config = all.findLast(e => e.type === 'config' && e.index <= index)
        if (index < start.index) continue
        expect(log.configAt(index)).toEqual(
          config?.type === 'config' ? config.config : start.config,
        )
      }
      expect(log.config).toEqual(log.configAt(log.lastIndex))
    }
  })

  test('finds the last position of a term or an earlier one as a linear search does', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { log, start } = grow(seeded(seed), 60)
      for (let index = start.index; index <= log.lastIndex + 2; index++) {
        for (let term = 0; term <= log.lastTerm + 1; term++) {
          let slow = Math.min(index, log.lastIndex)
          while (slow > start.index && log.term(slow)! > term) slow--
          if (log.term(slow)! > term) slow = Math.max(0, slow - 1)
          expect(log.lastWithTermAtMost(index, term)).toBe(slow)
        }
      }
    }
  })

  test('gives out chunks that fit, from wherever they are asked', () => {
    for (let seed = 0; seed < 100; seed++) {
      const random = seeded(seed)
      const { log, all } = grow(random, 60)
      const limit = 100
      for (let i = 0; i < 30; i++) {
        const from = log.firstIndex + random.below(all.length + 1)
        const chunk = log.chunk(from, limit)
        expect(chunk).toEqual(all.filter(e => e.index >= from).slice(0, chunk.length))
        if (from <= log.lastIndex) expect(chunk.length).toBeGreaterThan(0)
        const bytes = chunk.reduce((sum, entry) => sum + entryBytes(entry), 0)
        if (chunk.length > 1) expect(bytes).toBeLessThanOrEqual(limit)
        const next = log.at(from + chunk.length)
        if (next !== undefined) expect(bytes + entryBytes(next)).toBeGreaterThan(limit)
        if (random.below(3) === 0) {
          const entry = someEntry(log.lastIndex + 1, log.lastTerm, random)
          log.push(entry)
          all.push(entry)
        }
      }
    }
  })

  test('compares entries that arrive with those that are there', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = seeded(seed)
      const { log, all } = grow(random, 40)
      const cut = random.below(all.length + 1)
      const term = log.lastTerm + random.below(2)
      const arriving = all.slice(0, cut)
      for (let i = 0; i < 3; i++) {
        arriving.push(someEntry(log.firstIndex + arriving.length, term, random))
      }
      const wrong = arriving.findIndex(e => all.find(a => a.index === e.index)?.term !== e.term)
      expect(log.countKnown(arriving)).toBe(wrong === -1 ? arriving.length : wrong)
    }
  })
})

/** A disk that really writes: what it holds is compared with what Disk believes of it. */
describe('what the disk has', () => {
  test('is never overestimated, however the log was cut while batches were under way', () => {
    for (let seed = 0; seed < 400; seed++) {
      const random = seeded(seed)
      const log = new Log(empty, [])
      const hard = { term: 0, vote: null, commit: 0 }
      const disk = new Disk(hard, 0)
      let onDisk: Entry[] = []
      let start = 0
      const underWay: ReturnType<Disk['take']>[] = []
      let term = 1
      for (let i = 0; i < 120; i++) {
        const dice = random.below(12)
        if (dice < 5) {
          // Few terms, so that the same entries come back.
          log.push(someEntry(log.lastIndex + 1, Math.max(log.lastTerm, term), random))
        } else if (dice < 6 && log.lastIndex > log.snapshot.index) {
          const from = log.firstIndex + random.below(log.lastIndex - log.snapshot.index)
          log.truncate(from)
          disk.truncated(from)
          term = random.below(2) === 0 ? term + 1 : Math.max(1, log.lastTerm)
          log.push(someEntry(from, Math.max(log.lastTerm, term), random))
        } else if (dice < 7 && random.below(4) === 0) {
          // Its end may be before that of a tail that was never committed.
          const index = Math.max(log.snapshot.index + 1, log.lastIndex - 3 + random.below(6))
          const snapshot = { index, term: log.lastTerm + 1, config: nobody }
          term = snapshot.term
          log.restore(snapshot)
          disk.restored(snapshot)
        } else if (dice < 9) {
          const batch = disk.take(log, { term, vote: null, commit: 0, lineage: 0 })
          if (batch !== undefined) underWay.push(batch)
        } else {
          const batch = underWay.shift()
          if (batch === undefined) continue
          if (batch.snapshot !== undefined) {
            start = batch.snapshot.index
            onDisk = []
          }
          const from = batch.entries[0]?.index
          if (from !== undefined) onDisk = [...onDisk.slice(0, from - start - 1), ...batch.entries]
          disk.persisted(batch.id)
        }
        // Identity: the very entry of this log, not one that looks like it.
        for (let index = log.firstIndex; index <= disk.durable; index++) {
          expect(onDisk[index - start - 1]).toBe(log.at(index))
        }
        if (underWay.length > 0) continue
        expect(disk.busy).toBe(false)
        const rest = disk.take(log, { term, vote: null, commit: 0, lineage: 0 })
        if (rest === undefined) expect(disk.durable).toBe(log.lastIndex)
        else underWay.push(rest)
      }
    }
  })
})
