import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Journal } from '../../src/agent/entrance/journal.ts'
import { refusalsFile } from '../../src/agent/entrance/refusals-file.ts'
import type { Trace } from '../../src/base/trace.ts'
import { ManualClock } from '../net/manual-clock.ts'

/** Who was refused is known after a restart, in a file that has an end. */

let dir: string
const warned: string[] = []
const trace: Trace = {
  debug() {},
  info() {},
  warn: (_, text) => void warned.push(text),
  error() {},
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hive-refusals-'))
  warned.length = 0
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const stray = { name: 'stray', id: '', address: { host: '10.0.0.9', port: 4483 } }
const path = () => join(dir, 'refusals.json')

test('what was refused before a restart is known after it, and is no news', () => {
  const clock = new ManualClock()
  const journal = new Journal(clock, trace, refusalsFile(dir, trace))
  journal.refused('by us', stray, 'TAG_MISMATCH', 'another cluster')
  journal.refused('by us', stray, 'TAG_MISMATCH', 'another cluster')
  clock.advance(5_000)
  const next = new Journal(clock, trace, refusalsFile(dir, trace))
  expect(next.entries()).toEqual(journal.entries())
  expect(next.entries()).toMatchObject([{ name: 'stray', code: 'TAG_MISMATCH', count: 2 }])
  expect(next.notices('n1', false)).toEqual([])
  next.refused('by us', stray, 'TAG_MISMATCH', 'another cluster')
  expect(next.notices('n1', false).join()).toMatch(/stray at 10\.0\.0\.9:4483 3 times/)
  expect(warned.filter(w => /forgotten/.test(w))).toEqual([])
  expect(statSync(path()).mode & 0o077).toBe(0)
})

test('what is foreign is news for a while after the last of it, and counted for good', () => {
  const clock = new ManualClock()
  const journal = new Journal(clock, trace)
  journal.foreign(stray.address, 'not hive')
  clock.advance(119_000)
  expect(journal.notices('n1', false)).toEqual([
    'n1: 1 foreign packet, last from 10.0.0.9:4483: not hive',
  ])
  clock.advance(2_000)
  expect(journal.notices('n1', false)).toEqual([])
  journal.foreign(stray.address, 'not hive')
  expect(journal.notices('n1', false).join()).toMatch(/2 foreign packets/)
})

test('a stop writes what is not written yet; a flood is written seldom, and no more than the journal has', () => {
  const clock = new ManualClock()
  let writes = 0
  const file = refusalsFile(dir, trace)
  const journal = new Journal(clock, trace, {
    read: () => file.read(),
    write(entries) {
      writes += 1
      file.write(entries)
    },
  })
  for (let i = 0; i < 10_000; i++) {
    journal.refused('by us', { ...stray, name: `s${i}` }, 'UNTRUSTED', 'x'.repeat(5_000))
    clock.advance(1)
  }
  expect(writes).toBeLessThanOrEqual(2)
  journal.save()
  expect(file.read()).toHaveLength(256)
  expect(file.read().at(-1)).toMatchObject({ name: 's9999' })
  const before = writes
  journal.save()
  expect(writes).toBe(before)
})

test.each([
  ['half written', '[{"whom":"us","na'],
  ['no list', '{}'],
  ['of strangers', '[{"whom":"them"}]'],
  ['empty', ''],
  ['very long', JSON.stringify('x'.repeat(2_000_000))],
])('one that is %s is begun anew, and that is said', (_, text) => {
  writeFileSync(path(), text)
  expect(refusalsFile(dir, trace).read()).toEqual([])
  expect(warned.join()).toMatch(/forgotten/)
  new Journal(new ManualClock(), trace, refusalsFile(dir, trace))
  expect(readFileSync(path(), 'utf8')).toBe(text)
})

test('a directory that takes nothing costs the record, not the agent', () => {
  rmSync(dir, { recursive: true })
  refusalsFile(dir, trace).write([])
  expect(refusalsFile(dir, trace).read()).toEqual([])
})
