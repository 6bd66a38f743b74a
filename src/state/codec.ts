import { MalformedError, Reader, Writer } from '../base/bytes.ts'
import { Slab } from '../base/slab.ts'
import { fromUtf8, utf8 } from '../base/utf8.ts'
import { knowsJsonType, readEvent } from './codec-json.ts'
import { type EventData, eventsVersion, type HiveEvent } from './events.ts'
import { Fields } from './fields.ts'
import { utf8Length } from './kv-key.ts'
import { readEntries } from './restoring.ts'
import type { UnknownEvent } from './types.ts'

/**
 * Events as bytes, the `data` of raft's entries. The first byte tells the form: `{` is JSON, 1 is a
 * KvPut in binary, because puts come by the ten thousand and carry bytes. All else is of a newer hive.
 *
 * KvPut: u8 1 · u8 v · u8 which (1: cas, 2: request) · u64 time · text actor · text key · u64 flags
 *        · [u64 cas] · [text client · u64 serial · u64 acked] · the value, to the end
 * RestoreAdded: u8 2 · u8 v · u8 which (2: request) · u64 time · text actor · text id · u64 part
 *        · [text client · u64 serial · u64 acked] · the entries, to the end
 */

const json = '{'.charCodeAt(0)
const kvPut = 1
const restoreAdded = 2
const withCas = 1
const withRequest = 2

/** Proposed entries stay in the log together, and leave it together. */
const slab = new Slab(32 * 1024, 4 * 1024)

type RestoreAddedEvent = Extract<HiveEvent, { type: 'RestoreAdded' }>
type KvPutEvent = Extract<HiveEvent, { type: 'KvPut' }>

/**
 * Throws MalformedError if the event would not be read back (a text over its limit, a fraction where a
 * count must be): whoever proposes it learns of it here, before the log has it.
 */
export function encodeEvent(event: HiveEvent): Uint8Array {
  if (event.type === 'KvPut') return encodePut(event)
  if (event.type === 'RestoreAdded') return encodeAdded(event)
  return utf8(JSON.stringify(readEvent(event, event.type)))
}

/**
 * What `encodeEvent` wrote; a KvPut's value is a view into `bytes`. Throws MalformedError, or
 * JavaScript's SyntaxError for broken JSON: bytes from the network are to be decoded once before
 * they are proposed, so that a committed entry always decodes. `reads`: the version up to which events are read.
 */
export function decodeEvent(bytes: Uint8Array, reads = eventsVersion): HiveEvent | UnknownEvent {
  const form = bytes[0]
  if (form === undefined) throw new MalformedError('an event of no bytes')
  if (form === kvPut) return decodePut(bytes, reads)
  if (form === restoreAdded) return decodeAdded(bytes, reads)
  if (form !== json) return unknown(`form ${form}`, 0, reads)
  const value: unknown = JSON.parse(fromUtf8(bytes))
  const envelope = new Fields(value, 'event')
  const type = envelope.text('type', 64, 1)
  const v = envelope.count('v')
  const binary = type === 'KvPut' || type === 'RestoreAdded'
  if (v > reads || (!binary && !knowsJsonType(type))) return unknown(type, v, reads)
  if (binary) throw new MalformedError(`a ${type} is written in binary`)
  return readEvent(value, type)
}

/** What is not known is of a version beyond that which is read, whatever it says of itself. */
function unknown(type: string, v: number, reads: number): UnknownEvent {
  return { unknown: { type, needs: Math.max(v, reads + 1) } }
}

function encodePut(event: KvPutEvent): Uint8Array {
  const { data, request } = event
  for (const count of [event.time, data.flags, data.cas ?? 0, request?.serial, request?.acked]) {
    if (count !== undefined && !(Number.isSafeInteger(count) && count >= 0)) {
      throw new MalformedError(`a KvPut must count in integers of 0 or more, not ${count}`)
    }
  }
  const texts = [event.actor, data.key, request?.client ?? ''].map(utf8Length)
  if (texts.some(bytes => bytes < 0 || bytes > 0xffff)) {
    throw new MalformedError('a KvPut with a text that is too long or not well-formed Unicode')
  }
  const counts = 2 + (data.cas === undefined ? 0 : 1) + (request === undefined ? 0 : 2)
  const lengths = texts.reduce((sum, bytes) => sum + bytes, request === undefined ? 4 : 6)
  const out = new Writer(slab.take(3 + counts * 8 + lengths + data.value.length))
  out.u8(kvPut).u8(event.v)
  out.u8((data.cas === undefined ? 0 : withCas) | (request === undefined ? 0 : withRequest))
  out.u64(event.time)
  repeatedText(out, event.actor)
  out.text(data.key).u64(data.flags)
  if (data.cas !== undefined) out.u64(data.cas)
  if (request !== undefined) {
    repeatedText(out, request.client)
    out.u64(request.serial).u64(request.acked)
  }
  return out.raw(data.value).done()
}

function decodePut(bytes: Uint8Array, reads: number): KvPutEvent | UnknownEvent {
  const read = new Reader(bytes)
  read.u8()
  const v = read.u8()
  if (v > reads) return unknown('KvPut', v, reads)
  const which = read.u8()
  if (which > (withCas | withRequest)) throw new MalformedError(`a KvPut with ${which}`)
  const time = read.u64()
  const actor = read.text()
  const key = read.text()
  const flags = read.u64()
  const cas = which & withCas ? { cas: read.u64() } : undefined
  const request =
    which & withRequest ? { client: read.text(), serial: read.u64(), acked: read.u64() } : undefined
  const data: EventData['KvPut'] = { key, value: read.raw(read.left), flags, ...cas }
  const event = { v, type: 'KvPut' as const, time, actor, data }
  return request === undefined ? event : { ...event, request }
}

function encodeAdded({ v, time, actor, data, request }: RestoreAddedEvent): Uint8Array {
  const out = new Writer(256 + data.entries.length)
  out
    .u8(restoreAdded)
    .u8(v)
    .u8(request === undefined ? 0 : withRequest)
  out.u64(time).text(actor).text(data.id).u64(data.part)
  if (request !== undefined) out.text(request.client).u64(request.serial).u64(request.acked)
  const bytes = out.raw(data.entries).done().slice()
  // Whoever proposes what cannot be read learns of it here.
  decodeAdded(bytes, eventsVersion)
  return bytes
}

function decodeAdded(bytes: Uint8Array, reads: number): RestoreAddedEvent | UnknownEvent {
  const read = new Reader(bytes)
  read.u8()
  const v = read.u8()
  if (v > reads) return unknown('RestoreAdded', v, reads)
  const which = read.u8()
  if ((which & ~withRequest) !== 0) throw new MalformedError(`a RestoreAdded with ${which}`)
  const [time, actor, id, part] = [read.u64(), read.text(), read.text(), read.u64()]
  const request =
    which & withRequest ? { client: read.text(), serial: read.u64(), acked: read.u64() } : undefined
  const data = { id, part, entries: read.raw(read.left) }
  readEntries(data.entries)
  const event = { v, type: 'RestoreAdded' as const, time, actor, data }
  return request === undefined ? event : { ...event, request }
}

/** As `Writer.text`, for texts that are the same in thousands of puts: encoded once in a while. */
function repeatedText(out: Writer, text: string): void {
  let bytes = known.get(text)
  if (bytes === undefined) {
    if (known.size >= knownTexts) known.clear()
    bytes = utf8(text)
    known.set(text, bytes)
  }
  out.u16(bytes.length).raw(bytes)
}

/** Actors and clients of one agent: a few, unless many operators come and go. */
const knownTexts = 256
const known = new Map<string, Uint8Array>()
