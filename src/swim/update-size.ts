import type { Address } from '../base/address.ts'
import { limits } from './config.ts'
import type { MemberInfo, SwimMessage, Update } from './types.ts'

/** Bytes set aside in each datagram for what the transport puts in front. */
export const headerBytes = 64

const idBytes = 16
const kindBytes = 1
const portBytes = 2
const seqBytes = 4
const countBytes = 2

/** Encoded size of one update, exact: what packs packets here must agree with the codec of net. */
export function updateBytes(update: Update): number {
  switch (update.kind) {
    case 'alive':
      return kindBytes + infoBytes(update.member)
    case 'suspect':
      return kindBytes + idBytes + varintBytes(update.incarnation) + idBytes
    case 'failed':
    case 'left':
      return kindBytes + idBytes + varintBytes(update.incarnation)
    default:
      return update satisfies never
  }
}

/** Encoded size of a message without its updates. */
export function bareMessageBytes(message: SwimMessage): number {
  switch (message.type) {
    case 'ping':
      return kindBytes + seqBytes + idBytes + countBytes
    case 'ack':
    case 'nack':
      return kindBytes + seqBytes + countBytes
    case 'ping-req':
      return kindBytes + seqBytes + idBytes + addressBytes(message.address) + countBytes
    case 'gossip':
      return kindBytes + countBytes
    case 'push-pull':
      return kindBytes + 1 + countBytes
    default:
      return message satisfies never
  }
}

/** Whether everyone could read this in a message: what is not is never believed nor passed on. */
export function isTransmissible(info: MemberInfo): boolean {
  return (
    utf8Bytes(info.name) <= limits.nameBytes &&
    utf8Bytes(info.address.host) <= limits.hostBytes &&
    info.meta.length <= limits.metaBytes &&
    Number.isSafeInteger(info.incarnation) &&
    info.incarnation >= 0 &&
    info.incarnation < limits.incarnation
  )
}

/** Seven bits a byte (LEB128): most incarnations fit in one. */
export function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++
  return bytes
}

function infoBytes(info: MemberInfo): number {
  return (
    idBytes +
    varintBytes(info.incarnation) +
    textBytes(info.name) +
    addressBytes(info.address) +
    varintBytes(info.meta.length) +
    info.meta.length
  )
}

function addressBytes(address: Address): number {
  return textBytes(address.host) + portBytes
}

function textBytes(text: string): number {
  const bytes = utf8Bytes(text)
  return varintBytes(bytes) + bytes
}

function utf8Bytes(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    bytes += unit < 0x800 ? 1 : 2
    const pair = unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00
    // A pair of units makes four bytes together.
    if (pair) i++
  }
  return bytes
}
