import { describe, expect, test } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import {
  type Cipher,
  createDatagrams,
  type Datagrams,
  datagramOverhead,
  maxDatagramBytes,
} from '../../src/net/datagrams.ts'
import { encodeSwim } from '../../src/net/gossip-codec.ts'
import type { SwimMessage } from '../../src/swim/types.ts'
import { FakeNetwork } from './fake-network.ts'
import { idOf } from './links-world.ts'
import { ManualClock } from './manual-clock.ts'

const tag = '77777777-0000-7000-8000-000000000000'
const ack: SwimMessage = { type: 'ack', seq: 5, updates: [] }

interface Ear {
  readonly heard: string[]
  readonly datagrams: Datagrams
  readonly address: Address
  tag: string | null
}

function ear(network: FakeNetwork, digit: number, cipher?: Cipher): Ear {
  const heard: string[] = []
  const address = { host: `10.0.0.${digit}`, port: 4483 }
  const out: Ear = {
    heard,
    address,
    tag: null,
    datagrams: createDatagrams({
      sockets: network.sockets(address.host),
      id: idOf(digit),
      tag: () => out.tag,
      ...(cipher && { cipher }),
      handlers: {
        bound: at => heard.push(`bound ${at.port}`),
        failed: error => heard.push(`failed ${error.message}`),
        received: (from, tag, at, message) =>
          heard.push(
            `${message.type} from n${from[0]} of ${tag?.[0] ?? 'no cluster'} at ${at.host}`,
          ),
        foreign: (from, why) => heard.push(`foreign ${from.host}: ${why}`),
      },
    }),
  }
  out.datagrams.bind(address)
  network.clock.advance(1)
  heard.length = 0
  return out
}

function shout(network: FakeNetwork, to: Address, bytes: Uint8Array): void {
  const socket = network
    .sockets('10.0.0.9')
    .bindDatagram({ host: '10.0.0.9', port: 0 }, { bound() {}, received() {}, failed() {} })
  socket.send(to, bytes)
  network.clock.advance(5)
}

/** Not a cipher, but it shows who applied it. */
function rot(key: number): Cipher {
  return {
    flag: 1,
    overhead: 1,
    seal: plain => new Uint8Array([key, ...plain.map(byte => (byte + key) & 255)]),
    open: sealed =>
      sealed[0] === key ? sealed.subarray(1).map(byte => (byte - key) & 255) : undefined,
  }
}

describe('datagrams', () => {
  test('carry swim messages with the sender and its cluster', () => {
    const network = new FakeNetwork(new ManualClock())
    const a = ear(network, 1)
    const b = ear(network, 2)
    expect(a.datagrams.send(b.address, ack)).toBe(true)
    a.tag = tag
    a.datagrams.send(b.address, { type: 'gossip', updates: [] })
    network.clock.advance(5)
    expect(b.heard).toEqual([
      'ack from n1 of no cluster at 10.0.0.1',
      'gossip from n1 of 7 at 10.0.0.1',
    ])
  })

  test('that are not ours are counted with their sender, and harm nobody', () => {
    const network = new FakeNetwork(new ManualClock())
    const a = ear(network, 1)
    shout(network, a.address, new Uint8Array(0))
    shout(network, a.address, new TextEncoder().encode('M-SEARCH * HTTP/1.1'))
    shout(network, a.address, new Uint8Array([0x48, 0x56, 2, 0]))
    shout(network, a.address, new Uint8Array([0x48, 0x56, 1, 0, 1, 2, 3]))
    shout(network, a.address, new Uint8Array([0x48, 0x56, 1, 0, ...new Uint8Array(40).fill(255)]))
    expect(a.heard.length).toBe(5)
    expect(a.heard.every(line => line.startsWith('foreign 10.0.0.9: malformed'))).toBe(true)
    expect(a.heard[2]).toContain('version 2')
  })

  test("with this node's own id are foreign: a clone, or a loop", () => {
    const network = new FakeNetwork(new ManualClock())
    const a = ear(network, 1)
    a.datagrams.send(a.address, ack)
    network.clock.advance(5)
    expect(a.heard).toEqual(["foreign 10.0.0.1: this node's own id"])
  })

  test('that would be fragmented do not leave', () => {
    const network = new FakeNetwork(new ManualClock())
    const a = ear(network, 1)
    const b = ear(network, 2)
    const update = { kind: 'failed', id: idOf(3), incarnation: 1 } as const
    const fill = (count: number): SwimMessage => ({
      type: 'gossip',
      updates: Array.from({ length: count }, () => update),
    })
    let count = 1
    while (encodeSwim(fill(count + 1)).length + datagramOverhead <= maxDatagramBytes) count++
    expect(a.datagrams.send(b.address, fill(count))).toBe(true)
    expect(a.datagrams.send(b.address, fill(count + 1))).toBe(false)
    network.clock.advance(5)
    expect(b.heard.length).toBe(1)
  })

  test('sealed with another key, or not at all, are foreign', () => {
    const network = new FakeNetwork(new ManualClock())
    const plain = ear(network, 1)
    const three = ear(network, 2, rot(3))
    const four = ear(network, 3, rot(4))
    const friend = ear(network, 4, rot(3))
    for (const sender of [plain, four, friend]) sender.datagrams.send(three.address, ack)
    three.datagrams.send(plain.address, ack)
    network.clock.advance(5)
    expect(three.heard).toEqual([
      'foreign 10.0.0.1: malformed: encrypted in another way, or not at all',
      'foreign 10.0.0.3: malformed: not made with a key of ours',
      'ack from n4 of no cluster at 10.0.0.4',
    ])
    expect(plain.heard).toEqual([
      'foreign 10.0.0.2: malformed: encrypted in another way, or not at all',
    ])
  })

  test('stop when closed, and a port in use is said', () => {
    const network = new FakeNetwork(new ManualClock())
    const a = ear(network, 1)
    const b = ear(network, 2)
    a.datagrams.send(b.address, ack)
    b.datagrams.close()
    expect(b.datagrams.send(a.address, ack)).toBe(false)
    network.clock.advance(5)
    expect([a.heard, b.heard]).toEqual([[], []])
    const again = ear(network, 1)
    again.datagrams.bind(a.address)
    network.clock.advance(1)
    expect(again.heard).toEqual(['failed 10.0.0.1:4483 is in use'])
  })
})
