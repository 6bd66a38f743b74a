import { seeded } from '../src/base/random.ts'
import { uuidBytes, uuidv7 } from '../src/base/uuid.ts'
import { decodeDatagram, encodeDatagram } from '../src/net/datagrams.ts'
import { decodeSwim, encodeSwim } from '../src/net/gossip-codec.ts'
import type { GossipCipher } from '../src/net/security/gossip-cipher.ts'
import { Swim, swimDefaults } from '../src/swim/swim.ts'
import type { SwimMessage, Update } from '../src/swim/types.ts'
import { infoOf, newCipher, own, ping, tag } from './gossip-stage.ts'

/** A quiet cluster seen from one agent that keeps `kept` members: codecs and seals, without the kernel. */
export function quiet(kept: number): void {
  const seconds = 600
  const dice = seeded(2)
  // Ids as a decoder makes them: whole, not put together from parts.
  const idsOf = Array.from({ length: kept }, () => Buffer.from(uuidv7(0, dice)).toString('latin1'))
  const infos = idsOf.map((id, i) => infoOf(id, i))
  // Of a small one many, so that the collector's noise does not count.
  const before = heap()
  const cores = Array.from({ length: Math.ceil(20_000 / kept) }, () => {
    const core = new Swim({ ...swimDefaults, slice: Math.max(kept, 64) }, infoOf(own, 0), dice, 0)
    core.step({ type: 'introduce', members: infos }, 0)
    for (let ready = core.ready(); ready; ready = core.ready());
    return core
  })
  const memory = (heap() - before) / cores.length
  const core = cores[0]!
  const [out, back] = [newCipher(), newCipher()]
  const sender = uuidBytes(own)
  const listing: Update[] = infos.map(member => ({ kind: 'alive', member }))
  let bytes = 0
  const carry = (message: SwimMessage, from: Uint8Array, through: GossipCipher) => {
    const packet = encodeDatagram(from, tag, message, through)!
    bytes += packet.length
    const read = decodeDatagram(packet, through)
    if (!read || read === 'copy' || !('message' in read)) throw new Error('it was sealed just now')
    return read.message
  }
  const hear = (from: number, message: SwimMessage, via: 'datagram' | 'stream', now: number) => {
    const { id: name, address } = infos[from]!
    core.step({ type: 'message', from: name, fromAddress: address, via, message }, now)
  }
  const indexOf = new Map(infos.map(({ id }, i) => [id, i]))
  const settle = (now: number) => {
    for (let ready = core.ready(); ready; ready = core.ready()) {
      for (const { to, via, message } of ready.send) {
        const peer = indexOf.get(to)!
        if (via === 'stream') {
          bytes += encodeSwim(message).length
          if (message.type === 'push-pull' && !message.reply)
            for (let at = 0; at < listing.length; at += 500)
              hear(peer, pushed(listing.slice(at, at + 500), true), via, now)
        } else if (carry(message, sender, out).type === 'ping' && message.type === 'ping')
          hear(peer, { type: 'ack', seq: message.seq, updates: [] }, via, now)
      }
    }
  }
  function pushed(updates: readonly Update[], reply: boolean): SwimMessage {
    const encoded = encodeSwim({ type: 'push-pull', reply, updates })
    bytes += encoded.length
    return decodeSwim(encoded)
  }
  let taken = process.cpuUsage()
  for (let now = 1; now <= seconds * 2_000; now += 10) {
    // The first half is the youth of a node, which asks more often.
    if (now === seconds * 1_000 + 1) [taken, bytes] = [process.cpuUsage(), 0]
    core.tick(now)
    settle(now)
    if ((now - 1) % swimDefaults.probePeriod === 0) {
      const from = dice.below(kept)
      hear(from, carry(ping(now, []), uuidBytes(infos[from]!.id), back), 'datagram', now)
      settle(now)
    }
  }
  const { user, system } = process.cpuUsage(taken)
  const share = (user + system) / seconds / 1e4
  const cells = [
    kept.toLocaleString('en'),
    `${share.toFixed(3)} %`,
    `${Math.round(bytes / seconds).toLocaleString('en')}`,
    Math.round(memory / 2 ** 10).toLocaleString('en'),
  ]
  console.log(`  ${cells.map((cell, i) => cell.padStart([10, 14, 14, 14][i]!)).join('')}`)
}

function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
