import { beforeEach, expect, test } from 'vitest'
import type { PeerIdentity, Sockets } from '../../src/net/types.ts'
import { idOf, LinksWorld } from './links-world.ts'

/** Links between ends that have proved who they are below the first byte: what a hello may not change any more. */

let world: LinksWorld
/** What a host proves, whoever dialled. */
let proofs: Map<string, PeerIdentity>

beforeEach(() => {
  world = new LinksWorld()
  proofs = new Map()
  const plain = world.network.sockets.bind(world.network)
  const proving = (host: string) => ({ identity: () => proofs.get(host)! })
  world.network.sockets = host => {
    const sockets: Sockets = plain(host)
    return {
      ...sockets,
      listen: (at, handlers) =>
        sockets.listen(at, {
          ...handlers,
          accepted: c => handlers.accepted(Object.assign(c, proving(c.remote.host))),
        }),
      dial: (to, handlers) => Object.assign(sockets.dial(to, handlers), proving(to.host)),
    }
  }
})

const certified = (digit: number, key: string): PeerIdentity => ({
  kind: 'node',
  id: idOf(digit),
  tag: 'tag',
  key,
  serial: '1',
})
const holder = (digit: number, key: string): PeerIdentity => ({
  kind: 'secret',
  id: idOf(digit),
  key,
})

/** n1 is linked to n2. */
function linked(first: PeerIdentity) {
  proofs.set('10.0.0.1', first)
  proofs.set('10.0.0.2', certified(2, 'k2'))
  return world.pair()
}

test('nobody takes the link of a node with another key, whatever its hello says', () => {
  const [, b] = linked(certified(1, 'k1'))
  proofs.set('10.0.0.3', holder(1, 'k3'))
  const thief = world.node(3, { id: idOf(1), incarnation: 99 })
  thief.links.dialSeed(b.address)
  world.clock.advance(100)
  expect(thief.heard.join()).toMatch(/failed: rejected IDENTITY_MISMATCH/)
  expect(b.links.identity(idOf(1))).toMatchObject({ kind: 'node', key: 'k1' })
  expect(b.heard).toEqual([])
})

test('nor by knocking at the same moment: whoever is in first stays', () => {
  proofs.set('10.0.0.1', certified(1, 'k1'))
  proofs.set('10.0.0.2', certified(2, 'k2'))
  proofs.set('10.0.0.3', holder(1, 'k3'))
  const [a, b] = [world.node(1), world.node(2)]
  const thief = world.node(3, { id: idOf(1), incarnation: 99 })
  a.links.dialSeed(b.address)
  thief.links.dialSeed(b.address)
  world.clock.advance(100)
  expect(b.links.identity(idOf(1))).toMatchObject({ kind: 'node', key: 'k1' })
  expect(b.heard).toEqual(['connected n1 at 10.0.0.1:4483'])
  expect(thief.links.connectedPeers()).toEqual([])
})

test('a node that restarts, and comes with its certificate this time, takes its own link over', () => {
  const [, b] = linked(holder(1, 'k1'))
  proofs.set('10.0.0.3', certified(1, 'k1'))
  world.network.silent.add('10.0.0.1')
  const again = world.node(3, { id: idOf(1), incarnation: 2 })
  for (let i = 0; i < 2; i++) {
    again.links.dialSeed(b.address)
    world.clock.advance(2_000)
  }
  expect(b.links.identity(idOf(1))).toMatchObject({ kind: 'node', key: 'k1' })
})

test('who proves nothing may hold no more here than a wish to be let in takes', () => {
  const [a, b] = linked({ kind: 'anonymous' })
  for (let i = 0; i < 20; i++) a.ask(b.id, 'join-ask', 5_000)
  world.clock.advance(100)
  expect(b.asked.length).toBeGreaterThan(0)
  expect(b.asked.length).toBeLessThanOrEqual(8)
  a.links.request(b.id, 'join-ask', {}, 5_000, () => {}, new Uint8Array(20_000))
  world.clock.advance(100)
  expect(b.asked.every(({ blob }) => blob.length === 0)).toBe(true)
  expect(b.heard.join()).toMatch(/disconnected n1/)
})

test('while a member may send what members send', () => {
  const [a, b] = linked(certified(1, 'k1'))
  for (let i = 0; i < 20; i++) a.ask(b.id, 'something', 5_000)
  a.links.request(b.id, 'something', {}, 5_000, () => {}, new Uint8Array(20_000))
  world.clock.advance(100)
  expect(b.asked).toHaveLength(21)
  expect(b.heard).toEqual([])
})
