import { describe, expect, test } from 'vitest'
import type { MemberId } from '../../src/swim/types.ts'
import { World } from './world.ts'

// More with SWIM_SEEDS=1000, others with SWIM_FIRST=5000.
const first = Number(process.env.SWIM_FIRST ?? 1000)
const seeds = Array.from({ length: Number(process.env.SWIM_SEEDS ?? 12) }, (_, i) => first + i)

/** A minute and a half of anything that can happen, by the dice of the world. */
class Chaos {
  readonly world: World
  readonly story: string[] = []

  constructor(seed: number) {
    this.world = new World({
      seed,
      nodes: 3 + (seed % 10),
      duplication: 0.05,
      refusals: seed % 2 === 0,
      tellsLag: seed % 3 !== 0,
    })
  }

  run(): void {
    this.world.joinAll()
    this.world.run(2000)
    for (let i = 0; i < 15; i++) {
      this.#tell(this.#something())
      this.world.run(this.world.random.next() * 12_000)
    }
  }

  calm(): void {
    this.world.open = () => true
    this.world.loss = 0
    this.world.streams = true
    this.world.backlog.clear()
    this.#tell('calm')
    this.#introduceStrangers()
  }

  /** Those of whom no running node knows both are brought together, as trying seeds would do. */
  #introduceStrangers(): void {
    const { world } = this
    const [first, ...rest] = world.up()
    if (first === undefined) return
    const met = new Set([first])
    const knows = (a: MemberId, b: MemberId) => world.swim(a).member(b) !== undefined
    for (;;) {
      const next = rest.find(id => !met.has(id) && [...met].some(m => knows(m, id) || knows(id, m)))
      const stranger = next ?? rest.find(id => !met.has(id))
      if (stranger === undefined) return
      if (next === undefined) {
        world.join(first, stranger)
        this.#tell(`${first} and ${stranger} meet`)
      }
      met.add(stranger)
    }
  }

  #something(): string {
    const { world } = this
    const id = this.#anyone()
    switch (world.random.below(10)) {
      case 0:
        if (world.up().length > 2) world.kill(id)
        return `kill ${id}`
      case 1:
      case 2:
        return this.#restart(id)
      case 3:
        return this.#partition()
      case 4: {
        const [from, to] = [id, this.#anyone()]
        world.open = (a, b) => a !== from || b !== to
        return `nothing from ${from} to ${to}`
      }
      case 5:
        world.open = () => true
        return 'heal'
      case 6:
        world.loss = world.random.next() * 0.4
        return `loss ${world.loss}`
      case 7: {
        const duration = world.random.next() * 9000
        if (world.nodes.get(id)!.up) world.pause(id, duration)
        return `pause ${id} ${duration}`
      }
      case 8:
        world.streams = !world.streams
        return `streams ${world.streams}`
      default:
        return this.#verdict(id)
    }
  }

  #restart(id: MemberId): string {
    const { world } = this
    const seed = world.up().find(other => other !== id)
    if (seed === undefined) return 'nobody to join'
    world.boot(id)
    world.join(id, seed)
    return `restart ${id} through ${seed}`
  }

  /** The control plane of some calls `id` failed, at the incarnation that they know. */
  #verdict(id: MemberId): string {
    const { world } = this
    const incarnation = world.swim(id).self.incarnation
    const judges = world.up().filter(by => by !== id && world.random.next() < 0.7)
    for (const by of judges)
      world.input(by, { type: 'verdict', id, incarnation, verdict: 'failed' })
    return `${judges.join(' ')} call ${id} failed`
  }

  #partition(): string {
    const { world } = this
    const left = new Set(world.ids().filter(() => world.random.next() < 0.5))
    world.open = (a, b) => left.has(a) === left.has(b)
    return `apart: ${[...left].join(' ')}`
  }

  #anyone(): MemberId {
    const ids = this.world.ids()
    return ids[this.world.random.below(ids.length)]!
  }

  #tell(what: string): void {
    this.story.push(`${Math.round(this.world.now)} ${what}`)
  }
}

describe.each(seeds)('seed %i', seed => {
  test('whatever happened, in the end everybody believes what is true', () => {
    const chaos = new Chaos(seed)
    const { world, story } = chaos
    chaos.run()
    chaos.calm()
    // Long enough for somebody whom all know but who knows nobody to be asked for an exchange.
    const settled = world.runUntil(() => isTrue(world), 300_000)
    expect(settled, [...story, ...opinions(world)].join('\n')).toBeDefined()
    // Doubts from before may still be under way.
    world.run(20_000)
    const since = world.changes.length
    world.run(30_000)
    const living = world.up()
    const wavering = world.changes
      .slice(since)
      .filter(({ about, before, after }) => living.includes(about) && before !== after)
    expect(wavering, story.join('\n')).toEqual([])
  })
})

function isTrue(world: World): boolean {
  return world.ids().every(id => {
    const dead = !world.nodes.get(id)!.up
    return world
      .opinions(id)
      .every(status =>
        dead
          ? status === undefined || status === 'unreachable' || status === 'failed'
          : status === 'alive',
      )
  })
}

function opinions(world: World): string[] {
  return world.ids().map(id => `${id}: ${world.opinions(id).join(' ')}`)
}
