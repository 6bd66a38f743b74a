import type { Address } from '../base/address.ts'
import { MalformedError, Writer } from '../base/bytes.ts'
import type { Instant } from '../base/time.ts'
import { uuidBytes } from '../base/uuid.ts'
import type { SwimMessage } from '../swim/types.ts'
import { decodeSwim, encodeSwim } from './gossip-codec.ts'
import { Strangers } from './strangers.ts'
import type { DatagramSocket, Sockets } from './types.ts'
import { uuidAt } from './uuid-fields.ts'

/**
 * The UDP side: `"HV" | u8 version | u8 flags | sender's id | cluster's tag (zeros: a zombie) | swim message`,
 * all behind the flags sealed where there is a cipher (flags 1). The tag is in every datagram, so that gossip of
 * another cluster on the same network is seen for what it is. What is not hive's is counted by the owner and dropped.
 */
export interface DatagramParts {
  readonly sockets: Sockets
  readonly id: string
  /** The tag of this node's cluster now; null: a zombie. */
  tag(): string | null
  readonly handlers: {
    /** The socket is open; with port 0, this says which one it became. */
    bound(at: Address): void
    /** It is not, and will not be: an OperatorError. */
    failed(error: Error): void
    /** `tag`: the sender's cluster. Whether that is ours is for the owner to say. */
    received(from: string, tag: string | null, fromAddress: Address, message: SwimMessage): void
    /** A datagram that only tries the way (`probe`); `bytes`: its whole size. */
    probe?(from: string, nonce: number, bytes: number): void
    /** Something arrived that is not hive's, or not whole. */
    foreign(from: Address, why: string): void
    /** Something true that was heard before. */
    copy?(from: Address): void
  }
  /** Authenticated encryption. Undefined: none, and sealed packets are foreign. Asked at each packet. */
  readonly cipher?: () => Cipher | undefined
  /** Given: strangers may not make this end try more forged packets than it can bear. */
  readonly now?: () => Instant
}

export interface Cipher {
  /** Bytes that `seal` adds. */
  readonly overhead: number
  /** `clear` and what is made of `plain`. Undefined: there is no key to send under. */
  seal(clear: Uint8Array, plain: Uint8Array): Uint8Array | undefined
  /** Undefined: cannot be read, and need not be. Throws MalformedError for what nobody of ours made. */
  open(packet: Uint8Array, clearBytes: number): Opened | undefined
  /** False: a copy of what was heard before. */
  fresh(sender: string, opened: Opened): boolean
}

export interface Opened {
  readonly plain: Uint8Array
  /** Key and life of the sender, and the packet's number in it. */
  readonly boot: string
  readonly number: number
}

export interface Datagrams {
  bind(at: Address): void
  /** False: too large, or not bound; nothing left. True promises nothing. */
  send(to: Address, message: SwimMessage): boolean
  /** A datagram of `bytes` in all that says nothing but `nonce`. Bounds as `send`. */
  probe(to: Address, nonce: number, bytes: number): boolean
  close(): void
}

/** Fits an Ethernet frame behind IPv6, UDP and a tunnel or two: it is never fragmented. */
export const maxDatagramBytes = 1400
/** Ours before the swim message: what swim has to leave free of its `packetBytes`. */
export const datagramOverhead = 36
/** And behind it and around it, where packets are sealed. */
export const sealOverhead = 29

const magic = [0x48, 0x56] as const
const version = 1
const clearBytes = 4
const idBytes = 16
const zeros = new Uint8Array(idBytes)
const sealedFlag = 1
const openHead = Uint8Array.of(...magic, version, 0)
const sealedHead = Uint8Array.of(...magic, version, sealedFlag)
/** Where the next datagram is put together: it is sealed or copied before there is another. */
const desk = new Uint8Array(2 * maxDatagramBytes)
/** Nearly all datagrams have the same one: the last, in both forms. */
let lastTag: { readonly text: string; readonly bytes: Uint8Array } = { text: '', bytes: zeros }
const notHive = 'malformed: not hive'
const tooManyForged = 'one of very many that nobody of ours made'
/** Above every kind of swim's messages (gossip-codec.ts). */
const probeKind = 0x70
const probeBytes = 5

export function createDatagrams(parts: DatagramParts): Datagrams {
  const { handlers } = parts
  const cipher = () => parts.cipher?.()
  const ownId = uuidBytes(parts.id)
  const strangers = parts.now && new Strangers(parts.now)
  let socket: DatagramSocket | undefined
  let closed = false

  function received(from: Address, bytes: Uint8Array): void {
    // Garbage is told by its first bytes: an error with its trace would cost more than all the rest.
    if (bytes.length > maxDatagramBytes || bytes[0] !== magic[0] || bytes[1] !== magic[1]) {
      handlers.foreign(from, notHive)
      return
    }
    const key = cipher()
    if (key && strangers?.mayTry(from) === false) {
      handlers.foreign(from, tooManyForged)
      return
    }
    let packet: Packet | Probe | 'copy' | undefined
    try {
      packet = decodeDatagram(bytes, key)
      // Who only repeats what others said is nobody's friend.
      if (packet && packet !== 'copy' && key) strangers?.know(from)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      strangers?.failed(from)
      handlers.foreign(from, error.message)
      return
    }
    if (!packet) return
    if (packet === 'copy') {
      // It cost as much as one that is forged.
      strangers?.failed(from)
      handlers.copy?.(from)
    } else if (packet.from === parts.id) handlers.foreign(from, "this node's own id")
    else if ('nonce' in packet) handlers.probe?.(packet.from, packet.nonce, bytes.length)
    else handlers.received(packet.from, packet.tag, from, packet.message)
  }

  function sendBytes(to: Address, bytes: Uint8Array | undefined): boolean {
    if (!socket || closed || !bytes || bytes.length > maxDatagramBytes) return false
    strangers?.know(to)
    socket.send(to, bytes)
    return true
  }

  return {
    bind(at) {
      socket = parts.sockets.bindDatagram(at, {
        bound: handlers.bound,
        received: (from, bytes) => {
          if (!closed) received(from, bytes)
        },
        failed: handlers.failed,
      })
    },
    send: (to, message) => sendBytes(to, encodeDatagram(ownId, parts.tag(), message, cipher())),
    probe: (to, nonce, bytes) =>
      sendBytes(to, encodeProbe(ownId, parts.tag(), nonce, bytes, cipher())),
    close() {
      closed = true
      socket?.close()
    },
  }
}

export interface Packet {
  readonly from: string
  readonly tag: string | null
  readonly message: SwimMessage
}

/** In place of a swim message: this kind, a nonce, and zeros up to the size that is tried. */
export interface Probe {
  readonly from: string
  readonly nonce: number
}

/** Undefined: the cipher has no key. `bytes` below what the rest needs: as small as it goes. */
export function encodeProbe(
  ownId: Uint8Array,
  tag: string | null,
  nonce: number,
  bytes: number,
  cipher?: Cipher,
): Uint8Array | undefined {
  const around = clearBytes + 2 * idBytes + (cipher?.overhead ?? 0)
  const body = new Uint8Array(Math.max(probeBytes, bytes - around))
  body[0] = probeKind
  new DataView(body.buffer).setUint32(1, nonce)
  return wrapped(envelope(ownId, tag).raw(body).done(), cipher)
}

/** Undefined: the cipher has no key. */
export function encodeDatagram(
  ownId: Uint8Array,
  tag: string | null,
  message: SwimMessage,
  cipher?: Cipher,
): Uint8Array | undefined {
  return wrapped(encodeSwim(message, envelope(ownId, tag)), cipher)
}

function envelope(ownId: Uint8Array, tag: string | null): Writer {
  return new Writer(desk).raw(ownId).raw(tag === null ? zeros : bytesOfTag(tag))
}

function wrapped(plain: Uint8Array, cipher?: Cipher): Uint8Array | undefined {
  if (cipher) return cipher.seal(sealedHead, plain)
  const out = new Uint8Array(clearBytes + plain.length)
  out.set(openHead)
  out.set(plain, clearBytes)
  return out
}

function bytesOfTag(tag: string): Uint8Array {
  if (lastTag.text !== tag) lastTag = { text: tag, bytes: uuidBytes(tag) }
  return lastTag.bytes
}

/** Null: zeros, those of a zombie. */
function tagAt(bytes: Uint8Array, at: number): string | null {
  if (isAt(bytes, at, lastTag.bytes)) return lastTag.text || null
  if (isAt(bytes, at, zeros)) return null
  const text = uuidAt(bytes, at)
  lastTag = { text, bytes: bytes.slice(at, at + idBytes) }
  return text
}

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < idBytes; i++) if (bytes[at + i] !== wanted[i]) return false
  return true
}

/** Undefined: not for us to read. `copy`: heard before. Throws MalformedError for anything that is not a whole datagram of ours. */
export function decodeDatagram(
  bytes: Uint8Array,
  cipher?: Cipher,
): Packet | Probe | 'copy' | undefined {
  if (bytes.length > maxDatagramBytes) throw new MalformedError('a datagram over its limit')
  if (bytes[0] !== magic[0] || bytes[1] !== magic[1]) throw new MalformedError('not hive')
  if (bytes[2] !== version) throw new MalformedError(`a datagram of version ${bytes[2]}`)
  if (bytes[3] !== (cipher ? sealedFlag : 0)) {
    throw new MalformedError('encrypted in another way, or not at all')
  }
  const opened = cipher?.open(bytes, clearBytes)
  if (cipher && !opened) return undefined
  const plain = opened?.plain ?? bytes.subarray(clearBytes)
  if (plain.length < 2 * idBytes) throw new MalformedError('a datagram ends too early')
  const from = uuidAt(plain, 0)
  // Networks double packets now and then: no news, but it counts once.
  if (opened && !cipher!.fresh(from, opened)) return 'copy'
  const body = plain.subarray(2 * idBytes)
  if (body[0] === probeKind) {
    if (body.length < probeBytes) throw new MalformedError('a datagram ends too early')
    return { from, nonce: new DataView(body.buffer, body.byteOffset).getUint32(1) }
  }
  return { from, tag: tagAt(plain, idBytes), message: decodeSwim(body) }
}
