import { fork } from 'node:child_process'
import { Gossip } from '../src/agent/membership/gossip.ts'
import { realClock } from '../src/agent/process/real-clock.ts'
import type { Address } from '../src/base/address.ts'
import { seeded } from '../src/base/random.ts'
import { uuidBytes } from '../src/base/uuid.ts'
import {
  createDatagrams,
  decodeDatagram,
  encodeDatagram,
  maxDatagramBytes,
  sealOverhead,
} from '../src/net/datagrams.ts'
import { bindDatagram } from '../src/net/real-datagrams.ts'
import type { SwimMessage } from '../src/swim/types.ts'
import { ids, infoOf, members, millis, newCipher, own, passes, ping, tag } from './gossip-stage.ts'

/** The other process: all members but one. It answers pings, and pings that one with so many questions open. */
export function others(): void {
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

/** An agent's gossip over real UDP; `script` started with `--others` plays all other members. */
export async function wholePath(script: string): Promise<void> {
  const child = fork(script, ['--others', '--members', `${members}`])
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
