import type { Address } from '../base/address.ts'
import { MalformedError, Reader, Writer } from '../base/bytes.ts'
import { fromUtf8, utf8 } from '../base/utf8.ts'
import type { MemberInfo, SwimMessage, Update } from '../swim/types.ts'
import { readUuid, writeUuid } from './uuid-fields.ts'

/**
 * SWIM's messages in bytes; this comes in every datagram, so it is small and written by hand.
 * Numbers are big-endian; incarnations and lengths are LEB128 varints, ids the 16 bytes of a UUID.
 *
 *   ping       1  seq:4 target:16                 updates
 *   ack        2  seq:4                           updates
 *   ping-req   3  seq:4 target:16 host:text port:2 updates
 *   nack       4  seq:4                           updates
 *   gossip     5                                  updates
 *   push-pull  6  reply:1                         updates
 *
 *   updates    count:2, then each
 *   alive      1  id:16 incarnation name:text host:text port:2 meta:bytes
 *   suspect    2  id:16 incarnation accuser:16
 *   failed     3  id:16 incarnation
 *   left       4  id:16 incarnation
 *
 * The sizes are repeated in swim/update-size.ts, which packs packets; a test holds the two together.
 */
const messageKinds = { ping: 1, ack: 2, 'ping-req': 3, nack: 4, gossip: 5, 'push-pull': 6 } as const
const updateKinds = { alive: 1, suspect: 2, failed: 3, left: 4 } as const

/** What a decoder takes; beyond, it is no message of ours. */
export const gossipLimits = {
  updates: 4096,
  nameBytes: 128,
  hostBytes: 253,
  metaBytes: 256,
  /** Below this, incarnations are whole numbers with room to rise. */
  incarnation: 2 ** 48,
} as const

/** Behind what `writer` holds already, and answers all of that: a view, valid until its bytes are written again. */
export function encodeSwim(message: SwimMessage, writer: Writer = new Writer(512)): Uint8Array {
  writer.u8(messageKinds[message.type])
  switch (message.type) {
    case 'ping':
      writer.u32(message.seq)
      writeUuid(writer, message.target)
      break
    case 'ack':
    case 'nack':
      writer.u32(message.seq)
      break
    case 'ping-req':
      writer.u32(message.seq)
      writeUuid(writer, message.target)
      writeAddress(writer, message.address)
      break
    case 'gossip':
      break
    case 'push-pull':
      writer.u8(message.reply ? 1 : 0)
      break
    default:
      message satisfies never
  }
  writer.u16(message.updates.length)
  for (const update of message.updates) writeUpdate(writer, update)
  return writer.done()
}

/** Throws MalformedError on anything that `encodeSwim` would not have written. */
export function decodeSwim(bytes: Uint8Array): SwimMessage {
  const reader = new Reader(bytes)
  const message = readMessage(reader)
  reader.end()
  return message
}

function readMessage(reader: Reader): SwimMessage {
  const kind = reader.u8()
  switch (kind) {
    case messageKinds.ping:
      return {
        type: 'ping',
        seq: reader.u32(),
        target: readUuid(reader),
        updates: readUpdates(reader),
      }
    case messageKinds.ack:
      return { type: 'ack', seq: reader.u32(), updates: readUpdates(reader) }
    case messageKinds['ping-req']:
      return {
        type: 'ping-req',
        seq: reader.u32(),
        target: readUuid(reader),
        address: readAddress(reader),
        updates: readUpdates(reader),
      }
    case messageKinds.nack:
      return { type: 'nack', seq: reader.u32(), updates: readUpdates(reader) }
    case messageKinds.gossip:
      return { type: 'gossip', updates: readUpdates(reader) }
    case messageKinds['push-pull']:
      return { type: 'push-pull', reply: readFlag(reader), updates: readUpdates(reader) }
    default:
      throw new MalformedError(`gossip message of kind ${kind}`)
  }
}

function writeUpdate(writer: Writer, update: Update): void {
  writer.u8(updateKinds[update.kind])
  switch (update.kind) {
    case 'alive':
      writeInfo(writer, update.member)
      break
    case 'suspect':
      writeUuid(writer, update.id)
      writeVarint(writer, update.incarnation)
      writeUuid(writer, update.accuser)
      break
    case 'failed':
    case 'left':
      writeUuid(writer, update.id)
      writeVarint(writer, update.incarnation)
      break
    default:
      update satisfies never
  }
}

function readUpdates(reader: Reader): Update[] {
  const count = reader.u16()
  if (count > gossipLimits.updates) throw new MalformedError(`${count} updates in one message`)
  const updates: Update[] = []
  for (let i = 0; i < count; i++) updates.push(readUpdate(reader))
  return updates
}

function readUpdate(reader: Reader): Update {
  const kind = reader.u8()
  switch (kind) {
    case updateKinds.alive:
      return { kind: 'alive', member: readInfo(reader) }
    case updateKinds.suspect:
      return {
        kind: 'suspect',
        id: readUuid(reader),
        incarnation: readIncarnation(reader),
        accuser: readUuid(reader),
      }
    case updateKinds.failed:
      return { kind: 'failed', id: readUuid(reader), incarnation: readIncarnation(reader) }
    case updateKinds.left:
      return { kind: 'left', id: readUuid(reader), incarnation: readIncarnation(reader) }
    default:
      throw new MalformedError(`gossip update of kind ${kind}`)
  }
}

function writeInfo(writer: Writer, info: MemberInfo): void {
  writeUuid(writer, info.id)
  writeVarint(writer, info.incarnation)
  writeText(writer, info.name)
  writeAddress(writer, info.address)
  writeBytes(writer, info.meta)
}

function readInfo(reader: Reader): MemberInfo {
  return {
    id: readUuid(reader),
    incarnation: readIncarnation(reader),
    name: readText(reader, gossipLimits.nameBytes),
    address: readAddress(reader),
    // A copy: the packet's buffer is used again, and a view would keep all of it alive.
    meta: readBytes(reader, gossipLimits.metaBytes).slice(),
  }
}

function writeAddress(writer: Writer, address: Address): void {
  writeText(writer, address.host)
  writer.u16(address.port)
}

function readAddress(reader: Reader): Address {
  return { host: readText(reader, gossipLimits.hostBytes), port: reader.u16() }
}

function writeText(writer: Writer, text: string): void {
  if (!isShortAscii(text)) {
    writeBytes(writer, utf8(text))
    return
  }
  writer.u8(text.length)
  for (let i = 0; i < text.length; i++) writer.u8(text.charCodeAt(i))
}

/** Nearly every name and host is; its length fits one byte of a varint. */
function isShortAscii(text: string): boolean {
  if (text.length >= 128) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 128) return false
  return true
}

function writeBytes(writer: Writer, bytes: Uint8Array): void {
  writeVarint(writer, bytes.length)
  writer.raw(bytes)
}

function readText(reader: Reader, maxBytes: number): string {
  const bytes = readBytes(reader, maxBytes)
  let text = ''
  for (const byte of bytes) {
    if (byte >= 0x80) return readWideText(bytes)
    text += String.fromCharCode(byte)
  }
  return text
}

/** Only text that would be written with the same bytes: nothing ill-formed slips in as U+FFFD. */
function readWideText(bytes: Uint8Array): string {
  // The decoder swallows one byte order mark; it gets one, so that one in the text stays.
  const text = fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, ...bytes))
  const again = utf8(text)
  const same = again.length === bytes.length && again.every((byte, i) => byte === bytes[i])
  if (!same) throw new MalformedError('text that is not UTF-8')
  return text
}

function readBytes(reader: Reader, max: number): Uint8Array {
  const length = readVarint(reader)
  if (length > max) throw new MalformedError(`${length} bytes where ${max} are allowed`)
  return reader.raw(length)
}

function readFlag(reader: Reader): boolean {
  const flag = reader.u8()
  if (flag > 1) throw new MalformedError(`a flag of ${flag}`)
  return flag === 1
}

function readIncarnation(reader: Reader): number {
  const incarnation = readVarint(reader)
  if (incarnation >= gossipLimits.incarnation) throw new MalformedError('an incarnation too high')
  return incarnation
}

function writeVarint(writer: Writer, value: number): void {
  let rest = value
  while (rest >= 128) {
    writer.u8((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  writer.u8(rest)
}

/** At most seven bytes, 49 bits, and in one way only: no padding with zeros. */
function readVarint(reader: Reader): number {
  let value = 0
  for (let scale = 1; scale < 2 ** 49; scale *= 128) {
    const byte = reader.u8()
    value += (byte & 127) * scale
    if (byte < 128) {
      if (byte === 0 && scale > 1) throw new MalformedError('a padded number')
      return value
    }
  }
  throw new MalformedError('a number too long')
}
