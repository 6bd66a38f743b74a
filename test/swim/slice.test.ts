import { describe, expect, test } from 'vitest'
import { Rings } from '../../src/base/rings.ts'
import { World, type WorldOptions } from './world.ts'

const slice = 24
const nodes = 150

/** Everybody comes in through somebody who is there already; nobody else helps. */
function grown(options: Partial<WorldOptions> = {}): World {
  const world = new World({ seed: 1, nodes, config: { slice }, ...options })
  const ids = world.ids()
  ids.forEach((id, i) => {
    if (i === 0) return
    world.after(i * 20, () => world.join(ids[world.random.below(i)]!, id))
  })
  world.run(60_000)
  return world
}

/** Of those whom the rings say, how many are kept: 0 to 1, over all running nodes. */
function placed(world: World): number {
  const rings = new Rings(world.up())
  let kept = 0
  let wanted = 0
  for (const id of world.up()) {
    for (const other of rings.neighbours(id, slice)) {
      wanted++
      const status = world.swim(id).member(other)?.status
      if (status === 'alive' || status === 'suspect') kept++
    }
  }
  return kept / wanted
}

function reachedFrom(world: World, start: string): number {
  const seen = new Set([start])
  for (const id of seen) {
    for (const { id: other, status } of world.swim(id).members()) {
      if (status === 'alive' && world.nodes.get(other)!.up) seen.add(other)
    }
  }
  return seen.size
}

function keepers(world: World, about: string): string[] {
  return world.up().filter(id => world.swim(id).member(about) !== undefined)
}

describe('a cluster larger than a slice', () => {
  test('finds its order on the rings by itself', () => {
    const world = grown()
    expect(placed(world)).toBeGreaterThan(0.99)
    for (const id of world.ids()) {
      const known = world.swim(id).members()
      expect(known.filter(m => m.status === 'alive').length).toBe(slice)
      expect(known.length).toBeLessThanOrEqual(2 * slice)
    }
    expect(reachedFrom(world, 'n01')).toBe(nodes)
  })

  test('a newcomer finds its place in seconds, however far off the one that it met first', () => {
    const world = new World({ seed: 1, nodes: 800, config: { slice } })
    const rings = new Rings(world.ids())
    for (const id of world.ids()) {
      const members = rings.neighbours(id, slice).map(other => world.swim(other).self)
      world.input(id, { type: 'introduce', members })
    }
    world.run(1_000)
    world.boot('newcomer')
    world.join('n700', 'newcomer')
    world.run(5_000)
    const own = rings.neighbours('newcomer', slice)
    const status = (by: string, about: string) => world.swim(by).member(about)?.status
    expect(own.filter(other => status('newcomer', other) !== 'alive')).toEqual([])
    rings.add('newcomer')
    const keepers = own.filter(other => rings.neighbours(other, slice).includes('newcomer'))
    expect(keepers.length).toBeGreaterThan(slice / 2)
    expect(keepers.filter(other => status(other, 'newcomer') !== 'alive')).toEqual([])
  })

  test('whom a member found learns of it, too', () => {
    const world = new World({ seed: 1, nodes: slice + 2, config: { slice } })
    const [finder, found, ...others] = world.ids()
    const infos = others.map(id => world.swim(id).self)
    world.open = (from, to) => from !== found && to !== found
    world.streams = false
    for (const id of [finder!, found!]) world.input(id, { type: 'introduce', members: infos })
    // What it had to say of itself at the start is said.
    world.run(10_000)
    world.open = (from, to) => [finder, found].includes(from) && [finder, found].includes(to)
    world.input(finder!, { type: 'introduce', members: [world.swim(found!).self] })
    const met = () => world.swim(found!).member(finder!)?.status === 'alive'
    expect(world.runUntil(met, 30_000)).toBeDefined()
  })

  test('nobody alive is given up while packets are lost', () => {
    const world = grown({ loss: 0.1 })
    world.run(60_000)
    expect(world.changes.filter(change => change.after === 'unreachable')).toEqual([])
    expect(placed(world)).toBeGreaterThan(0.97)
  })

  test('whoever keeps a member that dies gives it up, and nobody else hears of it', () => {
    const world = grown()
    const watchers = keepers(world, 'n50')
    world.kill('n50')
    const gone = () => world.opinions('n50').every(s => s === undefined || s === 'unreachable')
    expect(world.runUntil(gone, 15_000)).toBeDefined()
    expect(keepers(world, 'n50')).toEqual(watchers)
    world.run(20_000)
    expect(placed(world)).toBeGreaterThan(0.95)
  })

  test('half of it gone at once, the rest holds together and closes the gaps', () => {
    const world = grown()
    for (const [i, id] of world.ids().entries()) if (i % 2 === 0) world.kill(id)
    expect(reachedFrom(world, world.up()[0]!)).toBe(nodes / 2)
    world.run(120_000)
    expect(reachedFrom(world, world.up()[0]!)).toBe(nodes / 2)
    expect(placed(world)).toBeGreaterThan(0.95)
  })

  test('who died is met again when it comes back', () => {
    const world = grown()
    world.kill('n50')
    world.run(30_000)
    world.boot('n50')
    world.join('n02', 'n50')
    world.run(30_000)
    expect(placed(world)).toBeGreaterThan(0.95)
  })

  test('what the full list says goes: a slice that is told is kept, and who is no member is forgotten', () => {
    const world = new World({ seed: 1, nodes, config: { slice } })
    const rings = new Rings(world.ids())
    for (const id of world.ids()) {
      const members = rings.neighbours(id, slice).map(other => world.swim(other).self)
      world.input(id, { type: 'introduce', members })
    }
    world.run(10_000)
    expect(placed(world)).toBeGreaterThan(0.99)
    const [gone] = rings.neighbours('n01', slice)
    world.kill(gone!)
    world.input('n01', { type: 'forget', ids: [gone!] })
    expect(world.swim('n01').member(gone!)).toBeUndefined()
  })
})

test('a cluster no larger than a slice is the same run as without slices', () => {
  const run = (config: WorldOptions['config']) => {
    const world = new World({ seed: 7, nodes: 20, loss: 0.1, config })
    world.joinAll()
    world.run(10_000)
    world.kill('n03')
    world.run(20_000)
    return { changes: world.changes, messages: world.messages }
  }
  expect(run({ slice: 20 })).toEqual(run({}))
})

test('a cluster that grows and shrinks passes from one to the other', () => {
  const world = new World({ seed: 3, nodes: 40 })
  world.joinAll()
  world.run(5_000)
  expect(world.whole()).toBe(true)
  for (const id of world.ids()) world.input(id, { type: 'slice', size: slice })
  world.run(5_000)
  expect(world.swim('n01').members()).toHaveLength(slice)
  for (const id of world.ids()) world.input(id, { type: 'slice', size: 64 })
  expect(world.runUntil(() => world.whole(), 300_000)).toBeDefined()
})
