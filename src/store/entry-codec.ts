import { crc32 } from 'node:zlib'
import { Reader, Writer } from '../base/bytes.ts'
import { fromUtf8, utf8 } from '../base/utf8.ts'
import type {
  Configuration,
  Entry,
  HardState,
  Index,
  Persist,
  SnapshotMeta,
  Term,
} from '../raft/types.ts'

/**
 * A write batch on its way to the log thread: one buffer, handed over, not copied, and no object
 * per entry on the other side.
 *
 *   u8 flags (1 hard state, 2 snapshot, 4 the hard state's lineage)
 *   [u64 term, u64 commit, u8 has vote, text vote, [u64 lineage]]
 *   [u64 index, u64 term, bytes configuration]
 *   u32 count, u64 first index, then for each entry: u64 term, u8 type, bytes data
 */
export function encodeWrite(batch: Persist): Uint8Array {
  const { hardState, snapshot, entries } = batch
  const datas = entries.map(entryData)
  const writer = new Writer(datas.reduce((sum, data) => sum + entryHead + data.length, 512))
  const { lineage } = hardState ?? {}
  writer.u8((hardState ? 1 : 0) | (snapshot ? 2 : 0) | (lineage ? 4 : 0))
  if (hardState) {
    writer.u64(hardState.term).u64(hardState.commit)
    writer.u8(hardState.vote === null ? 0 : 1).text(hardState.vote ?? '')
    if (lineage) writer.u64(lineage)
  }
  if (snapshot) writer.u64(snapshot.index).u64(snapshot.term).bytes(encodeConfig(snapshot.config))
  writer.u32(entries.length).u64(entries[0]?.index ?? 0)
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!
    writer.u64(entry.term).u8(typeNumbers[entry.type]).bytes(datas[i]!)
  }
  return writer.done()
}

/** A batch as the log thread sees it; its entries stay bytes until `eachEntry`. */
export interface EncodedWrite {
  readonly hardState: HardState | undefined
  readonly snapshot: SnapshotMeta | undefined
  readonly first: Index
  readonly count: number
  readonly entries: Uint8Array
}

export function decodeWrite(bytes: Uint8Array): EncodedWrite {
  const reader = new Reader(bytes)
  const flags = reader.u8()
  const hardState = flags & 1 ? readHardState(reader, (flags & 4) !== 0) : undefined
  const snapshot = flags & 2 ? readSnapshot(reader) : undefined
  const count = reader.u32()
  const first = reader.u64()
  return { hardState, snapshot, first, count, entries: reader.raw(reader.left) }
}

export type VisitEntry = (
  index: Index,
  term: Term,
  type: number,
  crc: number,
  data: Uint8Array,
) => void

export function eachEntry(batch: EncodedWrite, visit: VisitEntry): void {
  const reader = new Reader(batch.entries)
  let at = 0
  for (let i = 0; i < batch.count; i++) {
    const term = reader.u64()
    const type = reader.u8()
    const data = reader.bytes()
    const end = at + entryHead + data.length
    const index = batch.first + i
    visit(index, term, type, crc32(batch.entries.subarray(at, end), index >>> 0), data)
    at = end
  }
  reader.end()
}

/** What `eachEntry` computes, from the columns of a row. */
export function entryCrc(index: Index, term: Term, type: number, data: Uint8Array): number {
  const head = new Writer(entryHead).u64(term).u8(type).u32(data.length).done()
  return crc32(data, crc32(head, index >>> 0))
}

/** Undefined: no such type, or a configuration that makes no sense. */
export function makeEntry(
  index: Index,
  term: Term,
  type: number,
  data: Uint8Array,
): Entry | undefined {
  if (type === typeNumbers.noop) {
    const office = data.length === 0 ? {} : parseOffice(fromUtf8(data))
    return office && { index, term, type: 'noop', ...office }
  }
  if (type === typeNumbers.data) return { index, term, type: 'data', data }
  if (type !== typeNumbers.config) return undefined
  const config = parseConfig(fromUtf8(data))
  return config && { index, term, type: 'config', config, ...datedIn(data) }
}

/** Reads the text of a configuration; undefined when it is none. */
export function parseConfig(json: string): Configuration | undefined {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const lists = value as Record<keyof Configuration, unknown>
  const { voters, outgoing, learners, learnersNext } = lists
  if (!isIds(voters) || !isIds(outgoing) || !isIds(learners) || !isIds(learnersNext)) {
    return undefined
  }
  return { voters, outgoing, learners, learnersNext }
}

/** Reads who took office and why; undefined when it is not that. */
function parseOffice(json: string): { leader?: string; cause?: string; time?: number } | undefined {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { leader, cause, time } = value as Record<string, unknown>
  if (typeof leader !== 'string' || (cause !== undefined && typeof cause !== 'string'))
    return undefined
  return { leader, ...(cause !== undefined && { cause }), ...(isTime(time) && { time }) }
}

/** When, and who asked for it: of a configuration that is one. */
function datedIn(data: Uint8Array): { time?: number; by?: string } {
  const { time, by } = JSON.parse(fromUtf8(data)) as { readonly time?: unknown; by?: unknown }
  return { ...(isTime(time) && { time }), ...(typeof by === 'string' && { by }) }
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

export function configText(config: Configuration, time?: number, by?: string): string {
  const { voters, outgoing, learners, learnersNext } = config
  return JSON.stringify({ voters, outgoing, learners, learnersNext, time, by })
}

export function encodeConfig(config: Configuration): Uint8Array {
  return utf8(configText(config))
}

/** Part of the files' format: never renumber. `2` is also in the schema's index. */
export const typeNumbers = { noop: 0, data: 1, config: 2 } as const

/** Bytes of an entry besides its data: term, type, length. */
export const entryHead = 13

function entryData(entry: Entry): Uint8Array {
  if (entry.type === 'data') return entry.data
  if (entry.type === 'config') return utf8(configText(entry.config, entry.time, entry.by))
  const { leader, cause, time } = entry
  return leader === undefined ? nothing : utf8(JSON.stringify({ leader, cause, time }))
}

const nothing = new Uint8Array(0)

function readHardState(reader: Reader, withLineage: boolean): HardState {
  const term = reader.u64()
  const commit = reader.u64()
  const voted = reader.u8() === 1
  const vote = reader.text()
  const hardState = { term, vote: voted ? vote : null, commit }
  return withLineage ? { ...hardState, lineage: reader.u64() } : hardState
}

function readSnapshot(reader: Reader): SnapshotMeta {
  const index = reader.u64()
  const term = reader.u64()
  const config = JSON.parse(fromUtf8(reader.bytes())) as Configuration
  return { index, term, config }
}

function isIds(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(id => typeof id === 'string')
}
