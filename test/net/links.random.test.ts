import { describe, expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { LinksWorld, type TestNode } from './links-world.ts'

/** What must hold whatever happens to the network, for a few seeds and one that is new each time. */
const fresh = Math.floor(Math.random() * 2 ** 31)
const seeds = [...Array.from({ length: 40 }, (_, i) => i + 1), fresh]

interface Asked {
  answers: number
  readonly ok: boolean[]
}

function storm(seed: number): { world: LinksWorld; nodes: TestNode[]; asked: Asked[] } {
  const dice = seeded(seed)
  const world = new LinksWorld()
  world.network.latency = () => 1 + dice.below(dice.below(4) === 0 ? 60 : 4)
  const nodes = [1, 2, 3, 4].map(digit => world.node(digit))
  const asked: Asked[] = []
  for (const node of nodes) {
    for (const other of nodes) {
      if (node !== other) node.links.setAddress(other.id, other.address)
    }
  }
  for (let step = 0; step < 300; step++) {
    const node = nodes[dice.below(nodes.length)]!
    const other = nodes[dice.below(nodes.length)]!
    const what = dice.below(10)
    if (what < 2) node.links.dialSeed(other.address)
    else if (what < 4) node.links.connect(other.id)
    else if (what < 7 && node !== other) {
      const request: Asked = { answers: 0, ok: [] }
      asked.push(request)
      node.links.request(other.id, 'echo', step, 3_000, outcome => {
        request.answers++
        request.ok.push(outcome.ok)
      })
    } else if (what < 8) {
      const host = node.host
      if (!world.network.silent.delete(host) && dice.below(4) === 0) world.network.silent.add(host)
    } else if (what < 9 && dice.below(4) === 0) {
      // Some wire between the two breaks, and both kernels know.
      const wire = [...world.network.ends].find(end => end.host === node.host)
      wire?.vanish()
      wire?.handlers?.closed('reset')
    }
    world.clock.advance(dice.below(dice.below(5) === 0 ? 3_000 : 30))
  }
  return { world, nodes, asked }
}

/** Ups and downs as told must alternate, and agree with what is asked. */
function checkTale(node: TestNode, peers: readonly TestNode[]): void {
  for (const peer of peers) {
    if (peer === node) continue
    const tale = node.heard.filter(line =>
      new RegExp(`^(connected n${peer.id[0]} |disconnected n${peer.id[0]}:)`).test(line),
    )
    const kinds = tale.map(line => line.startsWith('connected'))
    for (const [i, up] of kinds.entries()) expect(up).toBe(i % 2 === 0)
    expect(node.links.isConnected(peer.id)).toBe(kinds.length % 2 === 1)
  }
}

describe('links on a network that breaks at random', () => {
  test.each(seeds)(
    'seed %i: answers come once, tales are straight, and calm brings one link a pair',
    seed => {
      const { world, nodes, asked } = storm(seed)
      for (const node of nodes) checkTale(node, nodes)
      world.network.silent.clear()
      world.clock.advance(120_000)
      for (const request of asked) expect(request.answers).toBe(1)
      for (const node of nodes) {
        for (const other of nodes) if (node !== other) node.links.connect(other.id)
      }
      world.clock.advance(20_000)
      for (const node of nodes) checkTale(node, nodes)
      const pairs = (nodes.length * (nodes.length - 1)) / 2
      expect(world.network.ends.size).toBe(2 * pairs)
      expect(nodes.flatMap(node => node.heard.filter(line => line.includes('malformed')))).toEqual(
        [],
      )
      const late: boolean[] = []
      for (const node of nodes) {
        for (const other of nodes) {
          if (node !== other) node.links.request(other.id, 'echo', 1, 1000, o => late.push(o.ok))
        }
      }
      world.clock.advance(1_000)
      expect(late).toEqual(Array.from({ length: 2 * pairs }, () => true))
    },
  )

  test('in calm weather, however two dials race, nothing that was asked is lost', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const dice = seeded(seed)
      const world = new LinksWorld()
      world.network.latency = () => 1 + dice.below(40)
      const a = world.node(1)
      const b = world.node(2)
      a.links.setAddress(b.id, b.address)
      b.links.setAddress(a.id, a.address)
      const outcomes = [...Array(20)].flatMap(() => {
        world.clock.advance(dice.below(15))
        if (dice.below(3) === 0) a.links.dialSeed(b.address)
        return [a.ask(b.id, 'echo', 5_000), b.ask(a.id, 'echo', 5_000)]
      })
      world.clock.advance(10_000)
      expect(outcomes.map(([outcome]) => outcome?.ok)).toEqual(outcomes.map(() => true))
      const ups = [a, b].map(({ heard }) => heard.filter(line => !line.startsWith('dial')))
      expect(ups).toEqual([['connected n2 at 10.0.0.2:4483'], ['connected n1 at 10.0.0.1:4483']])
      expect(world.network.ends.size).toBe(2)
    }
  })
})
