import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { MalformedError } from '../../base/bytes.ts'
import type { Cipher, Opened } from '../datagrams.ts'
import { ReplayWindows } from './replay-window.ts'

/** Keys of gossip: all of them open, the primary one seals. */
export interface Keyring {
  readonly primary: number
  readonly keys: readonly { readonly id: number; readonly key: Uint8Array }[]
}

/**
 * AES-256-GCM (NIST SP 800-38D) over datagrams:
 *
 *     "HV" | u8 version | u8 flags = 1 | u8 key | 6 bytes boot | u48 number | sealed | 16 bytes tag
 *
 * The nonce is boot and number: 48 random bits for each life of a process and each change of its keys, and a
 * counter, so that no nonce comes twice under a key. What stands in clear before the nonce is authenticated.
 */
export class GossipCipher implements Cipher {
  readonly overhead = 1 + nonceBytes + tagBytes
  readonly #random: (bytes: number) => Uint8Array
  readonly #replays = new ReplayWindows()
  #keys = new Map<number, KeyObject>()
  #ring: Keyring | undefined
  #boot: Uint8Array
  #sent = 0

  constructor(random: (bytes: number) => Uint8Array) {
    this.#random = random
    this.#boot = random(bootBytes)
  }

  /** Undefined: nothing is sealed, and nothing that is sealed can be read. */
  get ring(): Keyring | undefined {
    return this.#ring
  }

  /** From the next packet on. */
  use(ring: Keyring | undefined): void {
    if (JSON.stringify(ring) === JSON.stringify(this.#ring)) return
    if (ring?.primary !== this.#ring?.primary) this.#begin()
    this.#ring = ring
    this.#keys = new Map(ring?.keys.map(({ id, key }) => [id, createSecretKey(key)]))
  }

  seal(clear: Uint8Array, plain: Uint8Array): Uint8Array | undefined {
    const ring = this.#ring
    const key = ring && this.#keys.get(ring.primary)
    if (!ring || !key) return undefined
    if (this.#sent > maxSent) this.#begin()
    const out = Buffer.allocUnsafe(clear.length + 1 + nonceBytes + plain.length + tagBytes)
    out.set(clear)
    const nonceAt = clear.length + 1
    out[clear.length] = ring.primary
    out.set(this.#boot, nonceAt)
    out.writeUIntBE(this.#sent++, nonceAt + bootBytes, 6)
    const cipher = createCipheriv('aes-256-gcm', key, out.subarray(nonceAt, nonceAt + nonceBytes))
    cipher.setAAD(out.subarray(0, nonceAt))
    out.set(cipher.update(plain), nonceAt + nonceBytes)
    cipher.final()
    out.set(cipher.getAuthTag(), out.length - tagBytes)
    return out
  }

  open(packet: Uint8Array, clearBytes: number): Opened | undefined {
    const nonceAt = clearBytes + 1
    if (packet.length < nonceAt + nonceBytes + tagBytes)
      throw new MalformedError('a datagram ends too early')
    const id = packet[clearBytes]!
    const key = this.#keys.get(id)
    if (!key) {
      // A zombie near a cluster, or this end before it has its keys: nothing strange.
      if (id === 0 || !this.#ring) return undefined
      throw new MalformedError(`sealed under gossip key ${id}, which is not ours`)
    }
    const nonce = Buffer.from(packet.buffer, packet.byteOffset + nonceAt, nonceBytes)
    const cipher = createDecipheriv('aes-256-gcm', key, nonce)
    cipher.setAAD(packet.subarray(0, nonceAt))
    cipher.setAuthTag(packet.subarray(-tagBytes))
    let plain: Uint8Array
    try {
      plain = cipher.update(packet.subarray(nonceAt + nonceBytes, -tagBytes))
      cipher.final()
    } catch {
      throw new MalformedError('not made with a key of ours')
    }
    const boot = `${id} ${nonce.toString('latin1', 0, bootBytes)}`
    return { plain, boot, number: nonce.readUIntBE(bootBytes, 6) }
  }

  fresh(sender: string, { boot, number }: Opened): boolean {
    return this.#replays.accept(sender, boot, number)
  }

  #begin(): void {
    this.#boot = this.#random(bootBytes)
    this.#sent = 0
  }
}

const bootBytes = 6
const nonceBytes = 12
const tagBytes = 16
/** NIST SP 800-38D §8.3 has a limit for random nonces; ours count, and stop well below 48 bits. */
const maxSent = 2 ** 40
