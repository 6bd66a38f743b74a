import { MalformedError, Reader, Writer } from '../base/bytes.ts'
import { assert } from '../base/errors.ts'
import { uuidBytes, uuidFromBytes } from '../base/uuid.ts'
import type { Configuration, Entry, Message, PeerId, SnapshotMeta } from '../raft/types.ts'
import { roomForFrame } from './framing.ts'
import { keep } from './keeping.ts'

/**
 * Raft messages as bytes: `u8 type | [u64 lineage] | u64 term | fields`; the type's highest bit says that a
 * lineage follows, and without one it is 0. `from` and `to` are not sent: the link knows
 * both. An append's entries follow each other without gaps, so only the index before them is sent.
 * The append is written byte by byte: it carries every write of the cluster (README, "Raft frames").
 */
const types = [
  'pre-vote',
  'pre-vote-response',
  'vote',
  'vote-response',
  'append',
  'append-response',
  'heartbeat',
  'heartbeat-response',
  'snapshot',
  'timeout-now',
] as const satisfies readonly Message['type'][]

const appendType = types.indexOf('append') + 1
const ofLineage = 0x80
const lineageBytes = 8
const appendHeaderBytes = 1 + 8 * 4 + 4
const entryHeaderBytes = 1 + 8 + 4

const noop = 0
const data = 1
const config = 2

/** Far above what `maxAppendBytes` lets a leader send; bounds the objects that one frame makes here. */
const maxEntries = 65_536
/** Each of a configuration's lists; nobody votes in a thousand. */
const maxPeers = 1024

/** `headroom`: bytes left free in front, for the frame's header. */
export function encodeRaft(message: Message, headroom = 0): Uint8Array {
  if (message.type === 'append') return encodeAppend(message, headroom)
  const out = new Writer(headroom + 64)
  for (let i = 0; i < headroom; i++) out.u8(0)
  const type = types.indexOf(message.type) + 1
  if (message.lineage) out.u8(type | ofLineage).u64(message.lineage)
  else out.u8(type)
  out.u64(message.term)
  switch (message.type) {
    case 'pre-vote':
    case 'vote':
      out
        .u64(message.lastIndex)
        .u64(message.lastTerm)
        .u8(message.transfer ? 1 : 0)
      break
    case 'pre-vote-response':
    case 'vote-response':
      out.u8(message.granted ? 1 : 0)
      break
    case 'append-response':
      out.u64(message.index).u8(message.rejected ? 1 : 0)
      out.u64(message.hintIndex).u64(message.hintTerm)
      break
    case 'heartbeat':
      out.u64(message.commit).u64(message.round)
      break
    case 'heartbeat-response':
      out.u64(message.round)
      break
    case 'snapshot':
      out.u64(message.snapshot.index).u64(message.snapshot.term)
      out.raw(encodeConfiguration(message.snapshot.config))
      break
    case 'timeout-now':
      break
    default:
      message satisfies never
  }
  return out.done()
}

/** Entries' data are views of `bytes`, unless that would keep a much larger buffer alive. */
export function decodeRaft(bytes: Uint8Array, from: PeerId, to: PeerId): Message {
  const first = bytes[0] ?? 0
  if ((first & ~ofLineage) === appendType) return decodeAppend(bytes, from, to)
  const input = new Reader(bytes)
  const type = types[(input.u8() & ~ofLineage) - 1]
  if (type === undefined) throw new MalformedError('an unknown raft message')
  const lineage = first & ofLineage ? { lineage: input.u64() } : undefined
  const term = input.u64()
  const message = readFields(input, type, { from, to, term, ...lineage })
  input.end()
  return message
}

function readFields(
  input: Reader,
  type: Message['type'],
  envelope: { from: PeerId; to: PeerId; term: number; lineage?: number },
): Message {
  switch (type) {
    case 'pre-vote':
    case 'vote':
      return {
        ...envelope,
        type,
        lastIndex: input.u64(),
        lastTerm: input.u64(),
        transfer: readFlag(input),
      }
    case 'pre-vote-response':
    case 'vote-response':
      return { ...envelope, type, granted: readFlag(input) }
    case 'append-response':
      return {
        ...envelope,
        type,
        index: input.u64(),
        rejected: readFlag(input),
        hintIndex: input.u64(),
        hintTerm: input.u64(),
      }
    case 'heartbeat':
      return { ...envelope, type, commit: input.u64(), round: input.u64() }
    case 'heartbeat-response':
      return { ...envelope, type, round: input.u64() }
    case 'snapshot':
      return { ...envelope, type, snapshot: readSnapshot(input) }
    case 'timeout-now':
      return { ...envelope, type }
    default:
      throw new MalformedError('an append where none can be')
  }
}

function encodeAppend(message: Message & { type: 'append' }, headroom: number): Uint8Array {
  const { entries } = message
  assert(entries.length <= maxEntries, `an append of ${entries.length} entries`)
  const bodies: Uint8Array[] = []
  const { lineage = 0 } = message
  const extra = lineage === 0 ? 0 : lineageBytes
  let size = headroom + extra + appendHeaderBytes
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!
    assert(entry.index === message.prevIndex + 1 + i, 'an append with a gap')
    const body = entryBody(entry)
    bodies.push(body)
    size += entryHeaderBytes + body.length
  }
  const out = roomForFrame(size)
  out[headroom] = lineage === 0 ? appendType : appendType | ofLineage
  if (lineage !== 0) putU64(out, headroom + 1, lineage)
  let at = putU64(out, headroom + 1 + extra, message.term)
  at = putU64(out, at, message.prevIndex)
  at = putU64(out, at, message.prevTerm)
  at = putU64(out, at, message.commit)
  at = putU32(out, at, entries.length)
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!
    const body = bodies[i]!
    out[at] = entry.type === 'data' ? data : entry.type === 'noop' ? noop : config
    at = putU64(out, at + 1, entry.term)
    at = putU32(out, at, body.length)
    out.set(body, at)
    at += body.length
  }
  return out
}

const nothing = new Uint8Array(0)

function entryBody(entry: Entry): Uint8Array {
  if (entry.type === 'data') return entry.data
  const { time } = entry
  if (entry.type === 'config') {
    const config = encodeConfiguration(entry.config)
    if (time === undefined) return config
    const out = new Writer().raw(config).u64(time)
    return (entry.by === undefined ? out : out.text(entry.by)).done()
  }
  const { leader, cause } = entry
  if (leader === undefined) return nothing
  const out = new Writer().text(leader).text(cause ?? '')
  return (time === undefined ? out : out.u64(time)).done()
}

function decodeAppend(received: Uint8Array, from: PeerId, to: PeerId): Message {
  const extra = received[0]! & ofLineage ? lineageBytes : 0
  const headerBytes = appendHeaderBytes + extra
  if (received.length < headerBytes) throw new MalformedError('an append ends too early')
  const bytes = received.length > headerBytes ? keep(received) : received
  const lineage = extra === 0 ? undefined : { lineage: getU64(bytes, 1) }
  const term = getU64(bytes, 1 + extra)
  const prevIndex = getU64(bytes, 9 + extra)
  const prevTerm = getU64(bytes, 17 + extra)
  const commit = getU64(bytes, 25 + extra)
  const count = getU32(bytes, 33 + extra)
  if (count > maxEntries || count * entryHeaderBytes > bytes.length - headerBytes) {
    throw new MalformedError(`an append that claims ${count} entries`)
  }
  if (!Number.isSafeInteger(prevIndex + count)) throw new MalformedError('an index beyond 2^53')
  const entries: Entry[] = []
  let at = headerBytes
  let lastTerm = prevTerm
  for (let i = 0; i < count; i++) {
    if (bytes.length - at < entryHeaderBytes) throw new MalformedError('an entry ends too early')
    const type = bytes[at]!
    const entryTerm = getU64(bytes, at + 1)
    const length = getU32(bytes, at + 9)
    at += entryHeaderBytes
    if (length > bytes.length - at) throw new MalformedError('an entry ends too early')
    // No leader has such a log (Raft §5.3); let it not reach the room that asserts this.
    if (entryTerm < lastTerm) throw new MalformedError('an append whose terms fall')
    lastTerm = entryTerm
    entries.push(readEntry(prevIndex + 1 + i, entryTerm, type, bytes, at, length))
    at += length
  }
  if (lastTerm > term) throw new MalformedError("an entry of a term beyond its message's")
  if (at !== bytes.length) throw new MalformedError(`${bytes.length - at} bytes too many`)
  return { from, to, term, ...lineage, type: 'append', prevIndex, prevTerm, commit, entries }
}

function readEntry(
  index: number,
  term: number,
  type: number,
  bytes: Uint8Array,
  at: number,
  length: number,
): Entry {
  if (type === data) {
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset + at, length)
    return { index, term, type: 'data', data: view }
  }
  if (type === noop) {
    if (length === 0) return { index, term, type: 'noop' }
    const input = new Reader(bytes.subarray(at, at + length))
    const leader = input.text()
    const cause = input.text()
    const dated = readTime(input)
    input.end()
    return { index, term, type: 'noop', leader, ...(cause !== '' && { cause }), ...dated }
  }
  if (type !== config) throw new MalformedError('an unknown type of entry')
  const input = new Reader(bytes.subarray(at, at + length))
  const configuration = readConfiguration(input)
  const dated = readTime(input)
  const by = input.left === 0 ? undefined : input.text()
  input.end()
  return {
    ...{ index, term, type: 'config', config: configuration },
    ...dated,
    ...(by !== undefined && { by }),
  }
}

/** Of an entry that raft made; an older build wrote none. */
function readTime(input: Reader): { time?: number } {
  return input.left === 0 ? {} : { time: input.u64() }
}

function readFlag(input: Reader): boolean {
  const value = input.u8()
  if (value > 1) throw new MalformedError('a flag that is neither 0 nor 1')
  return value === 1
}

function encodeConfiguration(configuration: Configuration): Uint8Array {
  const out = new Writer(128)
  const { voters, outgoing, learners, learnersNext } = configuration
  for (const ids of [voters, outgoing, learners, learnersNext]) {
    assert(ids.length <= maxPeers, `a configuration of ${ids.length} peers`)
    out.u16(ids.length)
    for (const id of ids) out.raw(uuidBytes(id))
  }
  return out.done()
}

function readConfiguration(input: Reader): Configuration {
  return {
    voters: readIds(input),
    outgoing: readIds(input),
    learners: readIds(input),
    learnersNext: readIds(input),
  }
}

function readIds(input: Reader): PeerId[] {
  const count = input.u16()
  if (count > maxPeers) throw new MalformedError(`a configuration of ${count} peers`)
  const ids: PeerId[] = []
  for (let i = 0; i < count; i++) ids.push(uuidFromBytes(input.raw(16)))
  return ids
}

function readSnapshot(input: Reader): SnapshotMeta {
  return { index: input.u64(), term: input.u64(), config: readConfiguration(input) }
}

function putU32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
  return at + 4
}

function putU64(bytes: Uint8Array, at: number, value: number): number {
  return putU32(bytes, putU32(bytes, at, Math.floor(value / 2 ** 32)), value >>> 0)
}

function getU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  )
}

function getU64(bytes: Uint8Array, at: number): number {
  const high = getU32(bytes, at)
  if (high >= 2 ** 21) throw new MalformedError('a number beyond 2^53')
  return high * 2 ** 32 + getU32(bytes, at + 4)
}
