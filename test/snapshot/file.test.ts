import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { OperatorError } from '../../src/base/errors.ts'
import { utf8 } from '../../src/base/utf8.ts'
import type { SnapshotHeader } from '../../src/snapshot/header.ts'
import { Collector, difference, openSnapshot } from '../../src/snapshot/inspect.ts'
import { SnapshotReader } from '../../src/snapshot/reader.ts'
import { SnapshotWriter } from '../../src/snapshot/writer.ts'
import { eventsVersion } from '../../src/state/events.ts'
import type { Row } from '../../src/state/types.ts'
import { initialisedBench } from '../state/support.ts'

const folder = mkdtempSync(join(tmpdir(), 'hive-snapshot-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function rowsOf(keys: Record<string, string | Uint8Array>): { rows: Row[]; fingerprint: string } {
  const bench = initialisedBench()
  for (const [key, value] of Object.entries(keys)) {
    bench.apply('KvPut', { key, value: typeof value === 'string' ? utf8(value) : value, flags: 0 })
  }
  return { rows: bench.save(), fingerprint: bench.state.fingerprint() }
}

function header(index: number): SnapshotHeader {
  return {
    cluster: { tag: 'tag-1', name: 'prod' },
    ...{ epoch: 1, metaVersion: 1, index, term: 1, stateVersion: eventsVersion },
    ...{ time: 5, taken: 6, node: 'n1', version: '0.1.0', settings: {} },
  }
}

/** `at`: rows at once. */
function fileOf(rows: readonly Row[], head: SnapshotHeader, at = 3): Buffer {
  let from = 0
  const writer = new SnapshotWriter(head, () => rows.slice(from, (from += at)))
  const pieces: Uint8Array[] = []
  for (let piece = writer.piece(); piece; piece = writer.piece()) pieces.push(piece)
  expect(writer.bytes).toBe(Buffer.concat(pieces).length)
  return Buffer.concat(pieces)
}

function read(bytes: Uint8Array, at = bytes.length): { rows: Row[]; reader: SnapshotReader } {
  const reader = new SnapshotReader()
  const rows: Row[] = []
  for (let i = 0; i < bytes.length; i += at) rows.push(...reader.add(bytes.subarray(i, i + at)))
  reader.end()
  return { rows, reader }
}

function refusal(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof OperatorError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'taken'
}

describe('a snapshot file', () => {
  const { rows, fingerprint } = rowsOf({
    'app/a': '1',
    'app/b': new Uint8Array(9000),
    'web/x': 'é',
    lone: '',
  })
  const whole = fileOf(rows, header(5))

  test.each([1, 7, 4096, whole.length])('is read in pieces of %d bytes', at => {
    const { rows: found, reader } = read(whole, at)
    expect(found.map(row => ({ ...row, blob: row.blob && [...row.blob] }))).toEqual(
      rows.map(row => ({ ...row, blob: row.blob && [...row.blob] })),
    )
    expect(reader.header).toEqual(header(5))
    expect(reader.bytes).toBe(whole.length)
    expect(reader.sum).toMatch(/^[0-9a-f]{64}$/)
  })

  test('cut off anywhere is never whole', () => {
    for (let length = 0; length < whole.length; length += 37) {
      expect(refusal(() => read(whole.subarray(0, length)))).toBe(
        'BAD_SNAPSHOT: the snapshot is cut off: its end is missing',
      )
    }
  })

  test('with any bit turned is refused, and nothing but OperatorError is thrown', () => {
    for (let at = 0; at < whole.length; at += 11) {
      const bad = Buffer.from(whole)
      bad[at]! ^= 1 << (at % 8)
      expect(refusal(() => read(bad))).toMatch(/^(BAD_SNAPSHOT|VERSION_MISMATCH): /)
    }
  })

  test('says what it is not', () => {
    expect(refusal(() => read(Buffer.from('SQLite format 3')))).toBe(
      'BAD_SNAPSHOT: this is no snapshot of hive',
    )
    const newer = Buffer.from(whole)
    newer.writeUInt16BE(2, 8)
    expect(refusal(() => read(newer))).toBe(
      'VERSION_MISMATCH: the snapshot is of format 2; this hive reads up to 1',
    )
    const more = Buffer.concat([whole, Buffer.from([0])])
    expect(refusal(() => read(more))).toContain('there is more after its end')
  })

  test('is opened in memory: what is in it, and the digest of the state that it came from', () => {
    const path = join(folder, 'good')
    writeFileSync(path, whole)
    const { inspection } = openSnapshot(path)
    expect(inspection).toMatchObject({
      ...{ digest: fingerprint, nodes: ['n1', 'n2', 'n3'], keys: 4, valueBytes: 9003, events: 1 },
      prefixes: [
        { prefix: 'app/', keys: 2, bytes: 9011 },
        { prefix: 'web/', keys: 1, bytes: 7 },
        { prefix: 'lone', keys: 1, bytes: 4 },
      ],
    })
    expect(refusal(() => openSnapshot(join(folder, 'none')))).toMatch(
      /^NOT_FOUND: cannot read .*none: there is no such file/,
    )
    writeFileSync(path, fileOf(rows, header(6)))
    expect(refusal(() => openSnapshot(path))).toContain('its state is of index 5')
    writeFileSync(path, fileOf(rows, { ...header(5), stateVersion: eventsVersion + 1 }))
    expect(refusal(() => openSnapshot(path))).toMatch(
      /^VERSION_MISMATCH: the snapshot holds events/,
    )
  })

  test('is compared with another, key by key', () => {
    const opened = (keys: Record<string, string>) => {
      const { rows: made } = rowsOf(keys)
      const collected = new Collector()
      collected.add(fileOf(made, header(1 + Object.keys(keys).length)))
      return collected.end().state
    }
    const [now, then] = [opened({ a: '1', b: '2', c: '3' }), opened({ a: '1', b: 'two', d: '4' })]
    expect(difference(now, then)).toEqual({
      added: ['d'],
      changed: ['b'],
      removed: ['c'],
      same: 1,
      settings: [],
    })
  })
})
