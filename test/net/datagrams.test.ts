import { describe, expect, test } from 'vitest'
import type { Address } from '../../src/base/address.ts'
import { uuidBytes } from '../../src/base/uuid.ts'
import {
  type Cipher,
  createDatagrams,
  type Datagrams,
  datagramOverhead,
  encodeDatagram,
  maxDatagramBytes,
  sealOverhead,
} from '../../src/net/datagrams.ts'
import { encodeSwim } from '../../src/net/gossip-codec.ts'
import { GossipCipher } from '../../src/net/security/gossip-cipher.ts'
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

function ear(network: FakeNetwork, digit: number, cipher?: Cipher, now?: () => number): Ear {
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
      ...(cipher && { cipher: () => cipher }),
      ...(now && { now }),
      handlers: {
        bound: at => heard.push(`bound ${at.port}`),
        failed: error => heard.push(`failed ${error.message}`),
        received: (from, tag, at, message) =>
          heard.push(
            `${message.type} from n${from[0]} of ${tag?.[0] ?? 'no cluster'} at ${at.host}`,
          ),
        probe: (from, nonce, bytes) => heard.push(`probe ${nonce} of ${bytes} from n${from[0]}`),
        foreign: (from, why) => heard.push(`foreign ${from.host}: ${why}`),
      },
    }),
  }
  out.datagrams.bind(address)
  network.clock.advance(1)
  heard.length = 0
  return out
}

function shout(network: FakeNetwork, to: Address, bytes: Uint8Array, wait = 5): void {
  const socket = network
    .sockets('10.0.0.9')
    .bindDatagram({ host: '10.0.0.9', port: 0 }, { bound() {}, received() {}, failed() {} })
  socket.send(to, bytes)
  network.clock.advance(wait)
}

let lives = 0
const keyOf = (id: number) => ({ id, key: new Uint8Array(32).fill(id) })

function cipherWith(primary: number, ...others: number[]): GossipCipher {
  const life = lives++
  const cipher = new GossipCipher(bytes => new Uint8Array(bytes).fill(life))
  cipher.use({ primary, keys: [primary, ...others].map(keyOf) })
  return cipher
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

  test('that only try the way are as large as is asked, sealed or not, and never larger than gossip', () => {
    for (const cipher of [undefined, cipherWith(1)]) {
      const network = new FakeNetwork(new ManualClock())
      const a = ear(network, 1, cipher)
      const b = ear(network, 2, cipher && cipherWith(1))
      expect([1400, 548, 1401].map(size => a.datagrams.probe(b.address, 7, size))).toEqual([
        true,
        true,
        false,
      ])
      network.clock.advance(5)
      expect(b.heard).toEqual(['probe 7 of 1400 from n1', 'probe 7 of 548 from n1'])
    }
  })

  test('forged by strangers are tried for so long; who is known is heard meanwhile', () => {
    const clock = new ManualClock()
    const network = new FakeNetwork(clock)
    const a = ear(network, 1, cipherWith(1), () => clock.now())
    const b = ear(network, 2, cipherWith(1))
    a.datagrams.send(b.address, ack)
    const forged = new Uint8Array(80).fill(7)
    forged.set([0x48, 0x56, 1, 1, 1])
    for (let i = 0; i < 2_000; i++) shout(network, a.address, forged, 0)
    network.clock.advance(5)
    const tried = a.heard.filter(line => /not made with a key of ours/.test(line)).length
    expect(tried).toBe(500)
    expect(a.heard.filter(line => /of very many/.test(line)).length).toBe(1_500)
    b.datagrams.send(a.address, ack)
    const c = ear(network, 3, cipherWith(1))
    c.datagrams.send(a.address, ack)
    network.clock.advance(5)
    expect(a.heard.slice(2_000)).toEqual([
      'ack from n2 of no cluster at 10.0.0.2',
      'foreign 10.0.0.3: one of very many that nobody of ours made',
    ])
    network.clock.advance(1_000)
    c.datagrams.send(a.address, ack)
    network.clock.advance(5)
    expect(a.heard.at(-1)).toBe('ack from n3 of no cluster at 10.0.0.3')
  })

  test('sealed with another key, or not at all, are foreign', () => {
    const network = new FakeNetwork(new ManualClock())
    const plain = ear(network, 1)
    const three = ear(network, 2, cipherWith(3))
    const four = ear(network, 3, cipherWith(4))
    const forged = new GossipCipher(bytes => new Uint8Array(bytes))
    forged.use({ primary: 3, keys: [{ id: 3, key: new Uint8Array(32) }] })
    const forger = ear(network, 5, forged)
    const friend = ear(network, 4, cipherWith(3))
    for (const sender of [plain, four, forger, friend]) sender.datagrams.send(three.address, ack)
    three.datagrams.send(plain.address, ack)
    network.clock.advance(5)
    expect(three.heard).toEqual([
      'foreign 10.0.0.1: malformed: encrypted in another way, or not at all',
      'foreign 10.0.0.3: malformed: sealed under gossip key 4, which is not ours',
      'foreign 10.0.0.5: malformed: not made with a key of ours',
      'ack from n4 of no cluster at 10.0.0.4',
    ])
    expect(plain.heard).toEqual([
      'foreign 10.0.0.2: malformed: encrypted in another way, or not at all',
    ])
  })

  test('of zombies are not heard by those who have keys of their own, and are nothing strange', () => {
    const network = new FakeNetwork(new ManualClock())
    const zombie = ear(network, 1, cipherWith(0))
    const member = ear(network, 2, cipherWith(1))
    zombie.datagrams.send(member.address, ack)
    network.clock.advance(5)
    expect(member.heard).toEqual([])
  })

  test('none is lost while keys change, in whatever order ends take each step', () => {
    const steps = [
      [1, [1]],
      [1, [1, 2]],
      [2, [1, 2]],
      [2, [2]],
    ] as const
    const ring = ([primary, ids]: (typeof steps)[number]) => ({ primary, keys: ids.map(keyOf) })
    const network = new FakeNetwork(new ManualClock())
    const ciphers = [cipherWith(1), cipherWith(1)]
    const [a, b] = [ear(network, 1, ciphers[0]), ear(network, 2, ciphers[1])]
    let sent = 0
    for (let i = 1; i < steps.length; i++) {
      for (const turn of [0, 1]) {
        ciphers[(i + turn) % 2]!.use(ring(steps[i]!))
        a.datagrams.send(b.address, ack)
        b.datagrams.send(a.address, ack)
        sent++
        network.clock.advance(5)
      }
    }
    expect(a.heard).toEqual(Array(sent).fill('ack from n2 of no cluster at 10.0.0.2'))
    expect(b.heard).toEqual(Array(sent).fill('ack from n1 of no cluster at 10.0.0.1'))
  })

  test('without any key nothing is said, and nothing understood', () => {
    const network = new FakeNetwork(new ManualClock())
    const keyless = ear(network, 1, new GossipCipher(bytes => new Uint8Array(bytes)))
    const member = ear(network, 2, cipherWith(1))
    expect(keyless.datagrams.send(member.address, ack)).toBe(false)
    member.datagrams.send(keyless.address, ack)
    network.clock.advance(5)
    expect(keyless.heard).toEqual([])
  })

  test('are heard once, however often they come, changed or cut not at all', () => {
    const network = new FakeNetwork(new ManualClock())
    const b = ear(network, 2, cipherWith(1))
    const caught: Uint8Array[] = []
    const sender = cipherWith(1)
    const clear = new Uint8Array([0x48, 0x56, 1, 1])
    const plain = encodeDatagram(uuidBytes(idOf(1)), null, ack)!.subarray(4)
    for (let i = 0; i < 3; i++) caught.push(sender.seal(clear, plain)!)
    for (const packet of [caught[2]!, caught[0]!, caught[2]!, caught[1]!, caught[0]!]) {
      shout(network, b.address, packet)
    }
    expect(b.heard).toEqual(Array(3).fill('ack from n1 of no cluster at 10.0.0.9'))
    b.heard.length = 0
    const fourth = sender.seal(clear, plain)!
    for (let at = 0; at < fourth.length; at++) {
      const bent = fourth.slice()
      bent[at]! ^= 0x10
      shout(network, b.address, bent)
      shout(network, b.address, fourth.subarray(0, at))
    }
    expect(b.heard.filter(line => !line.startsWith('foreign'))).toEqual([])
    expect(b.heard).toHaveLength(2 * fourth.length)
  })

  test('sealed ones are as long as they are said to be', () => {
    expect(cipherWith(1).overhead).toBe(sealOverhead)
    const plain = new Uint8Array(100)
    expect(cipherWith(1).seal(new Uint8Array(4), plain)).toHaveLength(104 + sealOverhead)
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
