import { describe, expect, test } from 'vitest'
import { World, type WorldOptions } from './world.ts'

// More with SWIM_SEEDS=1000; the seed that fails is in the message.
const seeds = Array.from({ length: Number(process.env.SWIM_SEEDS ?? 8) }, (_, i) => i + 1)

function joined(options: WorldOptions): World {
  const world = new World(options)
  world.joinAll()
  expect(
    world.runUntil(() => world.whole(), 15_000),
    label(world),
  ).toBeDefined()
  return world
}

function label(world: World): string {
  return `seed ${world.options.seed}`
}

function gaveUp(world: World) {
  return world.changes.filter(change => change.after === 'unreachable')
}

function expectWholeWithin(world: World, limit: number): void {
  expect(
    world.runUntil(() => world.whole(), limit),
    label(world),
  ).toBeDefined()
}

function allThink(world: World, id: string, status: string): boolean {
  return world.opinions(id).every(opinion => opinion === status)
}

test('the same seed gives the same run', () => {
  const run = () => {
    const world = joined({ seed: 42, nodes: 9, loss: 0.2, duplication: 0.1 })
    world.run(20_000)
    return { changes: world.changes, messages: world.messages }
  }
  expect(run()).toEqual(run())
})

describe.each(seeds)('seed %i', seed => {
  test('who joins through one member is soon known to all', () => {
    for (const nodes of [2, 3, 8, 25]) {
      const world = new World({ seed, nodes })
      world.joinAll()
      expectWholeWithin(world, 100)
    }
  })

  test('a killed member is unreachable to all survivors within bounds', () => {
    for (const [nodes, limit] of [
      [2, 4000],
      [3, 4000],
      [5, 5000],
      [20, 6000],
    ] as const) {
      const world = joined({ seed, nodes })
      world.run(5000)
      world.kill('n01')
      expect(world.runUntil(() => allThink(world, 'n01', 'unreachable'), limit)).toBeDefined()
      expect(new Set(gaveUp(world).map(change => change.about))).toEqual(new Set(['n01']))
    }
  })

  test('sooner where its host says that nobody listens', () => {
    const world = joined({ seed, nodes: 20, refusals: true })
    world.run(5000)
    world.kill('n01')
    expect(world.runUntil(() => allThink(world, 'n01', 'unreachable'), 3500)).toBeDefined()
  })

  test('at once, nearly, where every survivor had a link that broke', () => {
    const world = joined({ seed, nodes: 20 })
    world.kill('n01')
    for (const id of world.up()) world.input(id, { type: 'refused', id: 'n01' })
    expect(world.runUntil(() => allThink(world, 'n01', 'unreachable'), 1200)).toBeDefined()
    expect(new Set(gaveUp(world).map(change => change.about))).toEqual(new Set(['n01']))
  })

  test('a refusal that was a mistake is refuted, even where packets are lost', () => {
    const world = joined({ seed, nodes: 8, loss: 0.1 })
    for (let i = 0; i < 20; i++) {
      const [by, about] = [world.ids()[i % 8]!, world.ids()[(i * 3 + 1) % 8]!]
      if (by !== about) world.input(by, { type: 'refused', id: about })
      world.run(2000)
    }
    expect(gaveUp(world), label(world)).toEqual([])
  })

  test('several killed at once', () => {
    const world = joined({ seed, nodes: 20 })
    const dead = ['n03', 'n07', 'n11', 'n12', 'n19']
    for (const id of dead) world.kill(id)
    const gone = () => dead.every(id => allThink(world, id, 'unreachable'))
    expect(world.runUntil(gone, 12_000)).toBeDefined()
    expect(world.up().every(id => allThink(world, id, 'alive'))).toBe(true)
  })

  test('nobody alive is given up while a fifth of all packets is lost', () => {
    const world = joined({ seed, nodes: 16, loss: 0.2, duplication: 0.05 })
    world.run(60_000)
    expect(gaveUp(world), label(world)).toEqual([])
  })

  test('nor over datagrams alone, while a tenth is lost', () => {
    const world = joined({ seed, nodes: 16, loss: 0.1 })
    world.streams = false
    world.run(60_000)
    expect(gaveUp(world), label(world)).toEqual([])
  })

  test('members that pause do not get healthy ones into trouble', () => {
    for (const tellsLag of [true, false]) {
      const world = joined({ seed, nodes: 16, tellsLag })
      const slow = world.ids().slice(-4)
      for (const id of slow) pauseAgainAndAgain(world, id)
      world.run(40_000)
      expect(gaveUp(world).filter(change => !slow.includes(change.about))).toEqual([])
      world.run(30_000)
      expectWholeWithin(world, 20_000)
    }
  })

  test('nor do members that are slow to read', () => {
    const world = joined({ seed, nodes: 16 })
    const slow = world.ids().slice(-4)
    for (const id of slow) world.backlog.set(id, 1500)
    world.run(40_000)
    expect(gaveUp(world).filter(change => !slow.includes(change.about))).toEqual([])
    world.backlog.clear()
    expectWholeWithin(world, 20_000)
  })

  test('a pause that is reported counts against nobody', () => {
    const world = joined({ seed, nodes: 3 })
    world.run(3000)
    for (const id of world.ids()) world.pause(id, 5000)
    world.run(30_000)
    expect(gaveUp(world), label(world)).toEqual([])
  })

  test('helpers get round a broken path between two members', () => {
    const world = joined({ seed, nodes: 6 })
    const broken = new Set(['n01 n02', 'n02 n01'])
    world.open = (from, to) => !broken.has(`${from} ${to}`)
    world.run(60_000)
    expect(world.changes.filter(change => change.before !== undefined)).toEqual([])
  })

  test('whoever hears but is not heard is given up; it comes back when heard again', () => {
    const world = joined({ seed, nodes: 8 })
    world.open = from => from !== 'n02'
    expect(world.runUntil(() => allThink(world, 'n02', 'unreachable'), 8000)).toBeDefined()
    world.open = () => true
    expectWholeWithin(world, 10_000)
  })

  test('whoever is heard but does not hear doubts itself, and nobody is buried for it', () => {
    const world = joined({ seed, nodes: 8 })
    world.open = (_from, to) => to !== 'n02'
    world.run(20_000)
    expect(gaveUp(world).filter(({ by, about }) => by !== 'n02' && about !== 'n02')).toEqual([])
    expect(world.swim('n02').health()).toBe(world.config.maxHealthScore)
    world.open = () => true
    expectWholeWithin(world, 20_000)
    world.run(30_000)
    expect(world.swim('n02').health()).toBe(0)
  })

  test('halves that were apart for long find together again', () => {
    const world = joined({ seed, nodes: 12, loss: 0.05 })
    const left = new Set(world.ids().slice(0, 5))
    world.open = (from, to) => left.has(from) === left.has(to)
    world.run(60_000)
    for (const id of world.ids()) {
      const opinions = world.ids().filter(by => by !== id && left.has(by) !== left.has(id))
      for (const by of opinions) expect(world.swim(by).member(id)?.status).toBe('unreachable')
    }
    world.open = () => true
    expectWholeWithin(world, 10_000)
  })

  test('even where the control plane of one half called the others failed', () => {
    const world = joined({ seed, nodes: 9 })
    const lost = world.ids().slice(-3)
    world.open = (from, to) => lost.includes(from) === lost.includes(to)
    world.run(10_000)
    for (const by of world.ids().slice(0, -3)) {
      for (const id of lost) {
        world.input(by, { type: 'verdict', id, incarnation: 1, verdict: 'failed' })
      }
    }
    world.run(20_000)
    world.open = () => true
    expectWholeWithin(world, 20_000)
    for (const id of lost) expect(world.swim(id).self.incarnation).toBeGreaterThan(1)
  })

  test('a member that comes back with a higher incarnation is welcome at once', () => {
    const world = joined({ seed, nodes: 10 })
    world.kill('n04')
    world.run(8000)
    for (const by of world.up()) {
      world.input(by, { type: 'verdict', id: 'n04', incarnation: 1, verdict: 'failed' })
    }
    world.run(1000)
    expect(allThink(world, 'n04', 'failed')).toBe(true)
    world.boot('n04')
    world.join('n04', 'n07')
    expectWholeWithin(world, 200)
  })

  test('a member that restarts before anybody noticed is not mistaken for the dead one', () => {
    const world = joined({ seed, nodes: 10 })
    world.kill('n04')
    world.run(300)
    world.boot('n04')
    world.join('n04', 'n07')
    expectWholeWithin(world, 500)
    world.run(10_000)
    expect(gaveUp(world)).toEqual([])
  })

  test('a member that forgot its incarnation learns it from the others', () => {
    const world = joined({ seed, nodes: 6 })
    world.input('n02', { type: 'update-self', meta: new Uint8Array(3) })
    world.input('n02', { type: 'update-self', meta: new Uint8Array(4) })
    world.run(1000)
    world.kill('n02')
    world.boot('n02', 1)
    world.join('n02', 'n05')
    expectWholeWithin(world, 5000)
    world.run(1000)
    expect(world.swim('n02').self.incarnation).toBe(4)
    for (const by of world.ids().filter(id => id !== 'n02')) {
      expect(world.swim(by).member('n02')).toMatchObject({ incarnation: 4 })
    }
  })

  test('who left stays away, whatever it says, until it is introduced again', () => {
    const world = joined({ seed, nodes: 6 })
    for (const by of ['n01', 'n02', 'n03']) {
      world.input(by, { type: 'verdict', id: 'n06', incarnation: 1, verdict: 'left' })
    }
    world.run(500)
    expect(allThink(world, 'n06', 'left')).toBe(true)
    world.input('n06', { type: 'update-self', meta: new Uint8Array(1) })
    world.run(60_000)
    expect(allThink(world, 'n06', 'left')).toBe(true)
    for (const by of world.ids().filter(id => id !== 'n06')) world.join(by, 'n06')
    expectWholeWithin(world, 5000)
  })
})

function pauseAgainAndAgain(world: World, id: string): void {
  const end = world.now + 40_000
  const next = () => {
    if (world.now > end) return
    const duration = 500 + world.random.next() * 6000
    world.pause(id, duration)
    world.after(duration + 1 + world.random.next() * 1500, next)
  }
  world.after(world.random.next() * 3000, next)
}
