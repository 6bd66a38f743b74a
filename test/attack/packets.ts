import { createCipheriv, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Identity } from '../../src/agent/trust/identity.ts'

/** hive's datagrams as docs/security.md has them, for whoever has a key of gossip. */
export interface GossipKey {
  readonly id: number
  readonly key: Buffer
}

/** `"HV" | version | sealed | key | 6 bytes boot | u48 number | AES-256-GCM`, by default of a life of its own. */
export function sealed(
  { id, key }: GossipKey,
  plain: Buffer,
  { boot, number }: { readonly boot: Buffer; readonly number: number } = {
    ...{ boot: randomBytes(6), number: 0 },
  },
): Buffer {
  const clear = Buffer.from([0x48, 0x56, 1, 1, id])
  const nonce = Buffer.concat([boot, Buffer.alloc(6)])
  nonce.writeUIntBE(number, 6, 6)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(clear)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([clear, nonce, body, cipher.getAuthTag()])
}

/** The one that a node seals with, out of its directory. */
export function gossipKeyIn(dir: string): GossipKey {
  const { gossip } = JSON.parse(readFileSync(join(dir, 'identity.json'), 'utf8')) as Identity
  const { id, key } = gossip!.keys.find(k => k.id === gossip!.primary)!
  return { id, key: Buffer.from(key, 'base64url') }
}

/** `sender | tag | what SWIM says`. */
export function plainOf(sender: string, tag: string, swim: Buffer): Buffer {
  const uuid = (text: string) => Buffer.from(text.replaceAll('-', ''), 'hex')
  return Buffer.concat([uuid(sender), uuid(tag), swim])
}

export function ping(target: string): Buffer {
  return Buffer.concat([
    Buffer.from([1, 0, 0, 0, 7]),
    Buffer.from(target.replaceAll('-', ''), 'hex'),
    Buffer.alloc(2),
  ])
}

/** Asks for everything that the other end knows. */
export const pushPull = Buffer.from([6, 0, 0, 0])

/** Sends them from one port, then `last`, and says how many answers came until `last` was answered. */
export async function said(
  port: number,
  packets: readonly Buffer[],
): Promise<{ readonly answers: number }> {
  const socket = createSocket('udp4')
  let answers = 0
  socket.on('message', () => answers++)
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  for (const packet of packets)
    await new Promise<void>(resolve => socket.send(packet, port, '127.0.0.1', () => resolve()))
  await new Promise(resolve => setTimeout(resolve, answerTime))
  socket.close()
  return { answers }
}

/** An answer over loopback comes within a turn of the loop; that none comes needs a while, ms. */
const answerTime = 1_000
