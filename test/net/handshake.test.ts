import { describe, expect, test } from 'vitest'
import { encodeFrame, frameKind } from '../../src/net/framing.ts'
import type { Hello } from '../../src/net/handshake.ts'
import { encodeGreeting } from '../../src/net/hello-codec.ts'
import { maxHandshakeBytes, maxStrangers } from '../../src/net/limits.ts'
import type { Connection, ConnectionHandlers } from '../../src/net/types.ts'
import { idOf, LinksWorld, port, type TestNode } from './links-world.ts'

/** Somebody at 10.0.0.9 who speaks TCP to a node, and perhaps not hive. */
function stranger(world: LinksWorld, to: TestNode): { closed: boolean; wire: Connection } {
  const state: { closed: boolean; wire: Connection } = { closed: false, wire: undefined! }
  const handlers: ConnectionHandlers = {
    opened() {},
    received() {},
    drained() {},
    closed: () => {
      state.closed = true
    },
  }
  state.wire = world.network.sockets('10.0.0.9').dial(to.address, handlers)
  world.clock.advance(5)
  return state
}

/** A host that answers every connection with these bytes. */
function imposter(
  world: LinksWorld,
  bytes: Uint8Array | undefined,
): { host: string; port: number } {
  world.network.sockets('10.0.0.9').listen(
    { host: '10.0.0.9', port },
    {
      listening() {},
      accepted: connection => ({
        opened: () => bytes && connection.write(bytes),
        received() {},
        drained() {},
        closed() {},
      }),
      failed() {},
    },
  )
  world.clock.advance(1)
  return { host: '10.0.0.9', port }
}

function greetingOf(hello: Hello): Uint8Array {
  return encodeFrame(frameKind.handshake, encodeGreeting({ hello, session: '0123456789abcdef' }))
}

describe('the handshake', () => {
  test('a welcome makes one link, and both ends hear where the other can be dialled', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2, { address: { host: 'b.example', port: 77 } })
    a.links.dialSeed(b.address)
    world.clock.advance(10)
    expect(a.heard).toEqual(['connected n2 at b.example:77'])
    expect(b.heard).toEqual(['connected n1 at 10.0.0.1:4483'])
    expect(a.links.connectedPeers()).toEqual([b.id])
    expect(b.links.isConnected(a.id)).toBe(true)
  })

  test('busy: the dialler hears it with the reason, the node asked hears nothing', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    b.verdict = () => ({ outcome: 'busy', reason: 'in the middle of an init' })
    a.links.dialSeed(b.address)
    world.clock.advance(10)
    expect(a.heard).toEqual(['dial seed 10.0.0.2:4483 failed: busy: in the middle of an init'])
    expect(b.heard).toEqual([])
    expect(world.network.ends.size).toBe(0)
  })

  test('the node asked rejects: the dialler hears code and reason', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    b.verdict = () => ({ outcome: 'rejected', code: 'TAG_MISMATCH', reason: 'this is «prod»' })
    a.links.dialSeed(b.address)
    world.clock.advance(10)
    expect(a.heard).toEqual([
      'dial seed 10.0.0.2:4483 failed: rejected TAG_MISMATCH: this is «prod»',
    ])
    expect(b.heard).toEqual([])
    expect(world.network.ends.size).toBe(0)
  })

  test('the dialler rejects whom it dialled: no link at either end', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    a.verdict = hello => ({ outcome: 'rejected', code: 'DIVERGED', reason: `not ${hello.name}` })
    a.links.dialSeed(b.address)
    world.clock.advance(10)
    expect(a.heard).toEqual(['dial seed 10.0.0.2:4483 failed: rejected DIVERGED: not n2'])
    expect(b.heard).toEqual([])
    expect(world.network.ends.size).toBe(0)
  })

  test('protocol versions that have nothing in common are refused by name', () => {
    const world = new LinksWorld()
    const a = world.node(1, { protocolMin: 3, protocolMax: 4 })
    const b = world.node(2)
    a.links.dialSeed(b.address)
    world.clock.advance(10)
    expect(a.heard).toEqual([
      'dial seed 10.0.0.2:4483 failed: rejected VERSION_MISMATCH: protocol 3 to 4 meets protocol 1 to 1',
    ])
  })

  test('a build that speaks one version more is welcome', () => {
    const world = new LinksWorld()
    const a = world.node(1, { protocolMin: 1, protocolMax: 2 })
    const b = world.node(2)
    a.links.dialSeed(b.address)
    world.clock.advance(10)
    expect(a.links.isConnected(b.id)).toBe(true)
  })

  test('a connection to ourselves closes quietly, and the dial says what it was', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    a.links.dialSeed(a.address)
    world.clock.advance(10)
    expect(a.heard).toEqual([
      'dial seed 10.0.0.1:4483 failed: rejected BAD_REQUEST: that is this node itself',
    ])
    expect(world.network.ends.size).toBe(0)
  })

  test('another node at the address of a known peer is not mistaken for it', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    a.links.setAddress(idOf(7), b.address)
    a.links.connect(idOf(7))
    world.clock.advance(10)
    expect(a.heard).toEqual([
      `dial n7 10.0.0.2:4483 failed: rejected UNKNOWN_NODE: another node answers there: n2 (${b.id})`,
    ])
    expect(b.heard).toEqual([])
  })

  test('nobody listens: refused; nobody is there: timeout', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    a.links.dialSeed({ host: '10.0.0.5', port })
    world.clock.advance(10)
    world.network.silent.add('10.0.0.6')
    a.links.dialSeed({ host: '10.0.0.6', port })
    world.clock.advance(5_000)
    expect(a.heard).toEqual([
      'dial seed 10.0.0.5:4483 failed: refused',
      'dial seed 10.0.0.6:4483 failed: timeout',
    ])
  })

  test('a seed is dialled once at a time', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    a.links.dialSeed({ host: '10.0.0.5', port })
    a.links.dialSeed({ host: '10.0.0.5', port })
    world.clock.advance(10)
    expect(a.heard.length).toBe(1)
  })

  test('a seed that turns out to be linked already is a duplicate, and the link stays', () => {
    const world = new LinksWorld()
    const [a, b] = world.pair()
    a.links.dialSeed(b.address)
    world.clock.advance(10)
    expect(a.heard).toEqual(['dial seed 10.0.0.2:4483 failed: duplicate'])
    expect(b.heard).toEqual([])
    expect(a.links.isConnected(b.id)).toBe(true)
    expect(world.network.ends.size).toBe(2)
  })
})

describe('strangers', () => {
  test('who does not speak hive is cut off and counted', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const them = stranger(world, a)
    them.wire.write(new TextEncoder().encode('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    world.clock.advance(5)
    expect(them.closed).toBe(true)
    expect(a.heard.length).toBe(1)
    expect(a.heard[0]).toMatch(/^foreign 10\.0\.0\.9: malformed: a frame of \d+ bytes/)
  })

  test('a handshake over its limit is refused before it has arrived', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const them = stranger(world, a)
    const frame = encodeFrame(frameKind.handshake, new Uint8Array(maxHandshakeBytes + 1))
    them.wire.write(frame.subarray(0, 4))
    world.clock.advance(5)
    expect(them.closed).toBe(true)
    expect(a.heard[0]).toContain(`${maxHandshakeBytes + 5} are allowed`)
  })

  test('a handshake that is not one is refused', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const them = stranger(world, a)
    them.wire.write(encodeFrame(frameKind.handshake, new Uint8Array(40)))
    world.clock.advance(5)
    expect(them.closed).toBe(true)
    expect(a.heard).toEqual(['foreign 10.0.0.9: malformed: not hive'])
  })

  test.each([
    ['raft', frameKind.raft],
    ['request', frameKind.request],
    ['verdict', frameKind.verdict],
    ['goodbye', frameKind.goodbye],
  ])('a %s frame before the handshake is refused', (_, kind) => {
    const world = new LinksWorld()
    const a = world.node(1)
    const them = stranger(world, a)
    them.wire.write(encodeFrame(kind, new Uint8Array(9)))
    world.clock.advance(5)
    expect(them.closed).toBe(true)
    expect(a.heard).toEqual([`foreign 10.0.0.9: malformed: a frame of kind ${kind} out of turn`])
  })

  test('frames behind a hello that nobody confirmed are refused', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const b = world.node(2)
    const them = stranger(world, a)
    them.wire.write(greetingOf(b.hello))
    them.wire.write(encodeFrame(frameKind.ping, new Uint8Array(0)))
    world.clock.advance(5)
    expect(them.closed).toBe(true)
    expect(a.links.connectedPeers()).toEqual([])
  })

  test('who says nothing is cut off after the time for a handshake', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const them = stranger(world, a)
    world.clock.advance(4_900)
    expect(them.closed).toBe(false)
    world.clock.advance(200)
    expect(them.closed).toBe(true)
    expect(a.heard).toEqual(['foreign 10.0.0.9: no handshake in time'])
  })

  test('who comes and goes without a word is not worth a word', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    stranger(world, a).wire.destroy()
    world.clock.advance(6_000)
    expect(a.heard).toEqual([])
  })

  test('too many who say nothing: the oldest makes room', () => {
    const world = new LinksWorld()
    const a = world.node(1)
    const them = Array.from({ length: maxStrangers + 3 }, () => stranger(world, a))
    world.clock.advance(5)
    expect(them.filter(({ closed }) => closed).length).toBe(3)
    expect(them.slice(0, 3).every(({ closed }) => closed)).toBe(true)
    const b = world.node(2)
    b.links.dialSeed(a.address)
    world.clock.advance(10)
    expect(b.links.isConnected(a.id)).toBe(true)
  })

  test('a dialled host that is silent or not hive is a failed dial, not a crash', () => {
    const silent = new LinksWorld()
    const a = silent.node(1)
    a.links.dialSeed(imposter(silent, undefined))
    silent.clock.advance(5_100)
    expect(a.heard).toEqual(['dial seed 10.0.0.9:4483 failed: handshake-timeout'])

    const odd = new LinksWorld()
    const b = odd.node(1)
    b.links.dialSeed(imposter(odd, new TextEncoder().encode('SSH-2.0-OpenSSH_9.2\r\n')))
    odd.clock.advance(10)
    expect(b.heard).toEqual(['dial seed 10.0.0.9:4483 failed: malformed'])
  })
})
