import { type Random, shuffled } from '../../src/base/random.ts'
import type { Network } from './network.ts'
import { clockCache, type SoakNode } from './node.ts'
import type { FaultKind } from './options.ts'

/** Of what faults are made. */
export interface Stage {
  readonly nodes: readonly SoakNode[]
  readonly network: Network
  readonly dice: Random
  /** Who leads as far as anybody knows; faults that hit it are the interesting ones. */
  readonly leader: SoakNode | undefined
}

/** A fault under way. */
export interface Begun {
  /** In words: what happened to whom. */
  readonly what: string
  /** What kind of it: recovery is counted by these. */
  readonly sort: string
  readonly victims: readonly SoakNode[]
  end(): Promise<void> | void
}

export interface Fault {
  readonly kind: FaultKind
  readonly weight: number
  /** Longest time until it is undone, s. */
  readonly lasts: number
  /** Shortest, s, where a fault needs some time to be one at all. */
  readonly least?: number
  begin(stage: Stage): Promise<Begun | undefined> | Begun | undefined
}

export const faults: readonly Fault[] = [
  { kind: 'kill', weight: 4, lasts: 6, begin: kill },
  { kind: 'restart', weight: 1, lasts: 3, begin: restart },
  { kind: 'pause', weight: 3, lasts: 10, begin: pause },
  { kind: 'partition', weight: 4, lasts: 12, begin: partition },
  { kind: 'loss', weight: 2, lasts: 10, begin: loss },
  { kind: 'slow', weight: 2, lasts: 10, begin: slow },
  { kind: 'clock', weight: 2, lasts: 12, least: clockCache + 0.5, begin: clock },
  { kind: 'disk', weight: 2, lasts: 8, begin: disk },
]

/** One, some or all; one is the leader every other time. */
function choose(stage: Stage, from = stage.nodes): { victims: SoakNode[]; sort: string } {
  const { nodes, dice, leader } = stage
  if (from.length === 0) return { victims: [], sort: 'none' }
  const roll = dice.next()
  if (roll < 0.6) {
    const led = leader && from.includes(leader) && dice.next() < 0.5
    const victim = led ? leader : from[dice.below(from.length)]!
    return { victims: [victim], sort: victim === leader ? 'leader' : 'one' }
  }
  if (roll < 0.88) {
    const victims = shuffled(from, dice).slice(0, 2 + dice.below(Math.max(1, nodes.length - 2)))
    const most = victims.length > (nodes.length - 1) / 2
    return { victims, sort: most ? 'majority' : 'minority' }
  }
  const whole = from.length === nodes.length
  return { victims: [...from], sort: whole ? 'all' : 'some' }
}

function names(victims: readonly SoakNode[]): string {
  return victims.map(({ name }) => name).join(' ')
}

async function kill(stage: Stage): Promise<Begun> {
  const { victims, sort } = choose(stage)
  await Promise.all(victims.map(node => node.kill()))
  return {
    what: `kill -9 of ${names(victims)}`,
    sort: `kill ${sort}`,
    victims,
    end() {
      for (const node of victims) node.start()
    },
  }
}

async function restart(stage: Stage): Promise<Begun> {
  const { victims, sort } = choose(stage)
  await Promise.all(victims.map(node => node.stop()))
  return {
    what: `stop of ${names(victims)}`,
    sort: `restart ${sort}`,
    victims,
    end() {
      for (const node of victims) node.start()
    },
  }
}

function pause(stage: Stage): Begun {
  const { victims, sort } = choose(stage)
  for (const node of victims) node.pause()
  return {
    what: `SIGSTOP of ${names(victims)}`,
    sort: `pause ${sort}`,
    victims,
    end() {
      for (const node of victims) node.resume()
    },
  }
}

function partition({ nodes, network, dice, leader }: Stage): Begun {
  const mixed = shuffled(nodes, dice)
  const shape = shapes[dice.below(shapes.length)]!
  const { sort, what, victims } = shape(mixed, leader, (from, to) =>
    network.cut(from.index, to.index),
  )
  return { what, sort: `partition ${sort}`, victims, end: () => network.heal() }
}

type Cut = (from: SoakNode, to: SoakNode) => void
type Shape = (
  mixed: readonly SoakNode[],
  leader: SoakNode | undefined,
  cut: Cut,
) => { sort: string; what: string; victims: readonly SoakNode[] }

const shapes: readonly Shape[] = [
  function halves(mixed, _, cut) {
    const less = mixed.slice(0, Math.floor(mixed.length / 2))
    const more = mixed.slice(less.length)
    between(less, more, cut)
    return { sort: 'halves', what: `${names(less)} | ${names(more)}`, victims: less }
  },
  function leaderAlone(mixed, leader, cut) {
    const one = leader ?? mixed[0]!
    between([one], others(mixed, one), cut)
    return { sort: 'leader alone', what: `${one.name} alone`, victims: [one] }
  },
  function oneWay(mixed, leader, cut) {
    const one = leader ?? mixed[0]!
    for (const other of others(mixed, one)) cut(one, other)
    return { sort: 'one way', what: `nothing from ${one.name} arrives`, victims: [one] }
  },
  function deaf(mixed, leader, cut) {
    const one = leader ?? mixed[0]!
    for (const other of others(mixed, one)) cut(other, one)
    return { sort: 'one way', what: `nothing arrives at ${one.name}`, victims: [one] }
  },
  function bridge(mixed, _, cut) {
    const half = Math.floor(mixed.length / 2)
    between(mixed.slice(0, half), mixed.slice(half + 1), cut)
    return { sort: 'bridge', what: `only ${mixed[half]!.name} sees all`, victims: mixed }
  },
  function ring(mixed, _, cut) {
    // Everybody sees a majority, and no two the same one.
    const reach = Math.floor(mixed.length / 4) || 1
    mixed.forEach((one, i) => {
      mixed.forEach((other, j) => {
        const apart = Math.min(
          (i - j + mixed.length) % mixed.length,
          (j - i + mixed.length) % mixed.length,
        )
        if (apart > reach) cut(one, other)
      })
    })
    return { sort: 'ring', what: `ring of ${names(mixed)}`, victims: mixed }
  },
  function shards(mixed, _, cut) {
    for (const one of mixed) between([one], others(mixed, one), cut)
    return { sort: 'everybody alone', what: 'everybody alone', victims: mixed }
  },
]

function others(all: readonly SoakNode[], one: SoakNode): SoakNode[] {
  return all.filter(node => node !== one)
}

function between(some: readonly SoakNode[], rest: readonly SoakNode[], cut: Cut): void {
  for (const one of some) {
    for (const other of rest) {
      cut(one, other)
      cut(other, one)
    }
  }
}

function loss(stage: Stage): Begun | undefined {
  const { network, dice } = stage
  if (network.lacking.loss) return undefined
  const { victims, sort } = choose(stage)
  const part = [0.05, 0.15, 0.3, 0.5][dice.below(4)]!
  const indices = victims.map(({ index }) => index)
  network.lose(indices, part)
  return {
    what: `${part * 100} % of packets to ${names(victims)} lost`,
    sort: `loss ${sort}`,
    victims,
    end: () => network.findAgain(indices),
  }
}

function slow(stage: Stage): Begun | undefined {
  const { network, dice } = stage
  if (network.lacking.slow) return undefined
  const { victims, sort } = choose(stage)
  const ms = [20, 100, 300][dice.below(3)]!
  const kbits = [400, 150, 60][dice.below(3)]!
  const indices = victims.map(({ index }) => index)
  const how = network.slow(indices, ms, kbits)
  return {
    what: `packets to ${names(victims)} ${how}`,
    sort: `slow ${sort}`,
    victims,
    end: () => network.hurry(indices),
  }
}

function clock(stage: Stage): Begun {
  const { dice } = stage
  const { victims, sort } = choose(stage)
  const jumps = victims.map(() => {
    const sizes = [0.5, 5, 30, 30, 3600, 7200]
    return sizes[dice.below(sizes.length)]! * (dice.next() < 0.5 ? -1 : 1)
  })
  victims.forEach((node, i) => {
    node.setClock(jumps[i]!)
  })
  return {
    what: `clocks: ${victims.map(({ name }, i) => `${name} ${jumps[i]! > 0 ? '+' : ''}${jumps[i]} s`).join(', ')}`,
    sort: `clock ${sort}`,
    victims,
    end() {
      for (const node of victims) node.setClock(0)
    },
  }
}

function disk(stage: Stage): Begun | undefined {
  const small = stage.nodes.filter(node => node.small)
  if (small.length === 0) return undefined
  const { victims } = choose(stage, small)
  for (const node of victims) node.fill()
  return {
    what: `disks of ${names(victims)} full`,
    sort: victims.length > (stage.nodes.length - 1) / 2 ? 'disk majority' : 'disk minority',
    victims,
    async end() {
      for (const node of victims) node.unfill()
      // A node whose disk failed gives up its vote until somebody looked at it and started it again.
      await Promise.all(victims.map(node => node.stop()))
      for (const node of victims) node.start()
    },
  }
}
