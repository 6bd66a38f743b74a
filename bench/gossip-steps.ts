import { seeded } from '../src/base/random.ts'
import { uuidBytes } from '../src/base/uuid.ts'
import { decodeDatagram, encodeDatagram } from '../src/net/datagrams.ts'
import { decodeSwim, encodeSwim } from '../src/net/gossip-codec.ts'
import type { GossipCipher } from '../src/net/security/gossip-cipher.ts'
import { Swim, swimDefaults } from '../src/swim/swim.ts'
import type { Update } from '../src/swim/types.ts'
import { ids, infoOf, millis, newCipher, own, passes, ping, tag } from './gossip-stage.ts'

/** Each step of one datagram, alone. */
export function stepsOf(title: string, updates: readonly Update[]): void {
  const cipher = newCipher()
  const message = ping(1, updates)
  const plain = encodeSwim(message)
  const clear = new Uint8Array(4)
  const sender = uuidBytes(ids[1]!)
  const packet = encodeDatagram(sender, tag, message, cipher)!
  // What comes twice is dropped before it is read.
  const ears = { ...cipherOf(newCipher()), fresh: () => true }
  const core = newCore()
  let seq = 0
  const steps: Record<string, () => void> = {
    'encode the message': () => void encodeSwim(message),
    'seal it': () => void cipher.seal(clear, plain),
    'a whole datagram out': () => void encodeDatagram(sender, tag, message, cipher),
    'open it': () => void ears.open(packet, 4),
    'decode the message': () => void decodeSwim(plain),
    'a whole datagram in': () => void decodeDatagram(packet, ears),
    'a ping through SWIM, with its answer': () => {
      core.step(
        {
          type: 'message',
          from: ids[1]!,
          fromAddress: { host: '10.1.2.3', port: 4483 },
          via: 'datagram',
          message: ping(++seq, updates),
        },
        1,
      )
      core.ready()
    },
  }
  const rates = new Map(Object.keys(steps).map(name => [name, [] as number[]]))
  for (let pass = 0; pass < passes; pass++)
    for (const [name, work] of Object.entries(steps)) rates.get(name)!.push(perSecond(work))
  console.log(`\n${title}, ${packet.length} bytes: us, median and best of ${passes}`)
  for (const [name, found] of rates) {
    const sorted = found.toSorted((a, b) => a - b)
    const us = (rate: number) => (1e6 / rate).toFixed(2).padStart(8)
    console.log(`  ${name.padEnd(38)}${us(sorted[sorted.length >> 1]!)}${us(sorted.at(-1)!)}`)
  }
}

function cipherOf(cipher: GossipCipher) {
  return {
    overhead: cipher.overhead,
    seal: (clear: Uint8Array, plain: Uint8Array) => cipher.seal(clear, plain),
    open: (packet: Uint8Array, clearBytes: number) => cipher.open(packet, clearBytes),
  }
}

function newCore(): Swim {
  const core = new Swim({ ...swimDefaults, slice: 64 }, infoOf(own, 0), seeded(1), 0)
  const infos = ids.slice(1).map((id, i) => infoOf(id, i + 1))
  core.step({ type: 'introduce', members: infos }, 0)
  core.ready()
  return core
}

/** How often it is done in a second of this process's own time, which others on the machine do not shorten. */
function perSecond(work: () => void): number {
  const start = process.cpuUsage()
  for (let done = 0; ; ) {
    for (let i = 0; i < 100; i++, done++) work()
    const { user, system } = process.cpuUsage(start)
    if (user + system >= millis * 1000) return (done / (user + system)) * 1e6
  }
}
