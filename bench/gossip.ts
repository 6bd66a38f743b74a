import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { Gossip } from '../src/agent/membership/gossip.ts'
import { realClock } from '../src/agent/process/real-clock.ts'
import type { Address } from '../src/base/address.ts'
import { seeded } from '../src/base/random.ts'
import { uuidBytes, uuidv7 } from '../src/base/uuid.ts'
import {
  createDatagrams,
  decodeDatagram,
  encodeDatagram,
  maxDatagramBytes,
  sealOverhead,
} from '../src/net/datagrams.ts'
import { decodeSwim, encodeSwim } from '../src/net/gossip-codec.ts'
import { bindDatagram } from '../src/net/real-datagrams.ts'
import { GossipCipher } from '../src/net/security/gossip-cipher.ts'
import { Swim, swimDefaults } from '../src/swim/swim.ts'
import type { MemberInfo, SwimMessage, Update } from '../src/swim/types.ts'

/**
 * What gossip costs an agent: each step of one datagram; an agent's whole gossip path over real UDP,
 * sealed, with another process in the part of all other members; and a second of a quiet cluster, by the number of members kept.
 *
 *   node --expose-gc bench/gossip.ts [--ms 300] [--passes 5] [--members 64]
 */
const option = (name: string, otherwise: number) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}
const millis = option('ms', 300)
const passes = option('passes', 5)
const members = option('members', 64)

const random = seeded(1)
const tag = uuidv7(0, random)
const ids = Array.from({ length: Math.max(members, 17) + 1 }, () => uuidv7(0, random))
const own = ids[0]!
const meta = new Uint8Array(24)
const ring = { primary: 1, keys: [{ id: 1, key: new Uint8Array(32).fill(7) }] }

function infoOf(id: string, i: number, address: Address = { host: '10.1.2.3', port: 4483 }) {
  return { id, name: `node-${i}`, address, incarnation: 1, meta } satisfies MemberInfo
}

function newCipher(): GossipCipher {
  const cipher = new GossipCipher(bytes => randomBytes(bytes))
  cipher.use(ring)
  return cipher
}

function ping(seq: number, updates: readonly Update[]): SwimMessage {
  return { type: 'ping', seq, target: own, updates }
}

// ---- each step

function stepsOf(title: string, updates: readonly Update[]): void {
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

// ---- the whole path

/** The other process: all members but one. It answers pings, and pings that one with so many questions open. */
function others(): void {
  const cipher = newCipher()
  const senders = ids.slice(1, members + 1).map(id => ({ id: uuidBytes(id), cipher: newCipher() }))
  let target: Address | undefined
  let open = 0
  let window = 0
  let answered = 0
  let at = 0
  const say = (message: SwimMessage) => {
    const sender = senders[at++ % senders.length]!
    socket.send(target!, encodeDatagram(sender.id, tag, message, sender.cipher)!)
  }
  const ask = () => {
    for (; open < window; open++) say(ping(at, []))
  }
  const socket = bindDatagram(
    { host: '127.0.0.1', port: 0 },
    {
      bound: ({ port }) => void process.send?.(port),
      failed: error => {
        throw error
      },
      received: (_, bytes) => {
        const packet = decodeDatagram(bytes, cipher)
        if (!packet || packet === 'copy' || !('message' in packet)) return
        const { message } = packet
        if (message.type === 'ack') {
          answered++
          open--
          ask()
        } else if (message.type === 'ping') {
          at = ids.indexOf(message.target) - 1
          say({ type: 'ack', seq: message.seq, updates: [] })
        }
      },
    },
  )
  process.on('message', (order: { readonly port: number; readonly window: number }) => {
    target = { host: '127.0.0.1', port: order.port }
    window = order.window
    process.send?.({ answered })
    // What the kernel dropped is not answered any more.
    open = 0
    ask()
  })
}

async function wholePath(): Promise<void> {
  const child = fork(import.meta.filename, ['--others', '--members', `${members}`])
  const heard = () =>
    new Promise<never>(resolve => child.once('message', value => resolve(value as never)))
  const port: number = await heard()
  const clock = realClock()
  let datagrams = 0
  let arrived: (at: Address) => void = () => {}
  const bound = new Promise<Address>(resolve => {
    arrived = resolve
  })
  const cipher = newCipher()
  const wire = createDatagrams({
    sockets: { bindDatagram } as never,
    id: own,
    tag: () => tag,
    cipher: () => cipher,
    now: () => clock.now(),
    handlers: {
      bound: at => arrived(at),
      failed: error => {
        throw error
      },
      foreign: (_, why) => {
        throw new Error(why)
      },
      received: (from, _, address, message) => {
        datagrams++
        gossip.receive(from, address, 'datagram', message)
      },
    },
  })
  wire.bind({ host: '127.0.0.1', port: 0 })
  const at = await bound
  const gossip = new Gossip({
    clock,
    random: seeded(1),
    self: infoOf(own, 0, at),
    config: { packetBytes: maxDatagramBytes - sealOverhead, slice: 64 },
    sendDatagram: (to, message) => {
      datagrams++
      wire.send(to, message)
    },
    sendStream() {},
    changed() {},
    incarnated() {},
  })
  const there = { host: '127.0.0.1', port }
  const infos = ids.slice(1, members + 1).map((id, i) => infoOf(id, i + 1, there))
  gossip.step({ type: 'introduce', members: infos })

  console.log(`\nAn agent's gossip over UDP, sealed, with ${members} members: datagrams in and out`)
  console.log('  pings open   datagrams/s    us of CPU each    datagrams/s per core')
  for (const window of [1, 16, 128]) {
    const rows: { rate: number; cpu: number }[] = []
    for (let pass = 0; pass < passes; pass++) {
      child.send({ port: at.port, window })
      await heard()
      const [before, cpu, start] = [datagrams, process.cpuUsage(), performance.now()]
      await new Promise(resolve => setTimeout(resolve, millis))
      const { user, system } = process.cpuUsage(cpu)
      const done = datagrams - before
      rows.push({ rate: (done / (performance.now() - start)) * 1000, cpu: (user + system) / done })
    }
    rows.sort((a, b) => a.cpu - b.cpu)
    const { rate, cpu } = rows[rows.length >> 1]!
    const cells = [window, Math.round(rate), cpu.toFixed(1), Math.round(1e6 / cpu)]
    console.log(`  ${cells.map((cell, i) => String(cell).padStart([10, 14, 18, 24][i]!)).join('')}`)
  }
  child.kill()
  gossip.stop()
  wire.close()
}

// ---- members per agent

/** A quiet cluster seen from one agent that keeps `kept` members: codecs and seals, without the kernel. */
function quiet(kept: number): void {
  const seconds = 600
  const dice = seeded(2)
  // Ids as a decoder makes them: whole, not put together from parts.
  const idsOf = Array.from({ length: kept }, () => Buffer.from(uuidv7(0, dice)).toString('latin1'))
  const infos = idsOf.map((id, i) => infoOf(id, i))
  const before = heap()
  const core = new Swim({ ...swimDefaults, slice: Math.max(kept, 64) }, infoOf(own, 0), dice, 0)
  core.step({ type: 'introduce', members: infos }, 0)
  for (let ready = core.ready(); ready; ready = core.ready());
  const memory = heap() - before
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
    `${(memory / 2 ** 20).toFixed(1)}`,
  ]
  console.log(`  ${cells.map((cell, i) => cell.padStart([10, 14, 14, 14][i]!)).join('')}`)
}

function heap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

if (process.argv.includes('--others')) {
  others()
} else {
  stepsOf('A ping', [])
  const news = ids.slice(2, 18).map((id, i) => ({ kind: 'alive', member: infoOf(id, i) }) as const)
  stepsOf('A ping with news of sixteen members', news)
  await wholePath()
  console.log('\nA quiet cluster, from one agent, by members kept')
  console.log('     members     of a core       bytes/s    memory MiB')
  for (const kept of [64, 256, 1_024, 10_000]) quiet(kept)
}
