import { type Random, seeded } from '../../src/base/random.ts'
import type { Compaction } from '../../src/store/types.ts'
import { type KvLoad, usualLoad } from './kv-workload.ts'
import type { Ending, Settings, Work } from './scenario.ts'

/** A day as any other: what a seed alone decides of a run is how many nodes, and how much they bear. */
export function plainDay(
  seed: number,
  minutes: number,
  nodes = seed % 16 === 15 ? 7 : 3 + (seed % 3),
): Settings {
  return {
    seed,
    minutes,
    nodes,
    load: seed % 5 === 4 ? { ...usualLoad, clients: 6, think: 200, bulk: 0.15 } : usualLoad,
    earlyTrouble: seed % 4 === 3,
    secured: seed % 3 !== 0,
    replacing: seed % 4 === 2,
  }
}

/** One of so many runs is of a large cluster: it takes as long as a dozen others. */
const largeEvery = 300

/** One of so many is of nodes that do not know all of each other. */
const slicedEvery = 40

/** What a run is composed of: the seed picks the size, the load, the works and what operators are up to. */
export function settingsFor(seed: number, minutes: number, nodes?: number): Settings {
  const dice = seeded(`composition ${seed}`)
  if (nodes === undefined && seed % largeEvery === 7) return largeDay(seed, minutes, dice)
  if (nodes === undefined && seed % slicedEvery === 11) return slicedDay(seed, minutes, dice)
  return composedDay(seed, minutes, nodes)
}

/** Of a few nodes that all know each other. */
export function composedDay(seed: number, minutes: number, nodes?: number): Settings {
  const dice = seeded(`composition ${seed}`)
  const [control, others] = sizes(dice)
  const works = worksOf(dice, seed)
  const begins = dice.next()
  return {
    seed,
    minutes,
    nodes: nodes ?? control + others,
    control: Math.min(control, nodes ?? control),
    load: loadOf(dice),
    earlyTrouble: begins < 0.25,
    race: begins > 0.85 && control + others > 1,
    secured: dice.next() < 0.65,
    replacing: seed % 4 === 2,
    works,
    ...(dice.next() < 0.5 && { compaction: shortLogs }),
    ambushes: dice.next() < 0.6,
    ...endingOf(dice, control),
  }
}

/** Who votes alone has nobody to lose. */
function endingOf(dice: Random, control: number): { readonly ending?: Ending } {
  const roll = dice.next()
  if (roll < 0.12 && control > 1) return { ending: 'rescue' }
  return roll < 0.22 ? { ending: 'restore' } : {}
}

/** So short that whoever is away for a moment comes back to a snapshot. */
export const shortLogs: Compaction = { entries: 60, bytes: 64 * 1024, margin: 15, patience: 2 }

/** Nothing is forgotten where nobody is removed. */
function worksOf(dice: Random, seed: number): readonly Work[] {
  const door = seeded(`door ${seed}`)
  const works = allWorks.filter(w => (atTheDoor.has(w) ? door : dice).next() < shares[w])
  return works.includes('epochs') && !works.includes('removals') ? [...works, 'removals'] : works
}

/** Control nodes and others. */
function sizes(dice: Random): [number, number] {
  const roll = dice.next()
  const others = dice.below(4)
  if (roll < 0.06) return [1, others]
  if (roll < 0.12) return [2, others]
  if (roll < 0.6) return [3, others]
  if (roll < 0.7) return [4, others]
  if (roll < 0.92) return [5, others]
  return [7, others]
}

function loadOf(dice: Random): KvLoad {
  const roll = dice.next()
  // Large values make logs long: only then are snapshots needed.
  if (roll < 0.2) return { ...usualLoad, clients: 6, think: 200, bulk: 0.15 }
  if (roll < 0.3) return { ...usualLoad, clients: 10, think: 100, keys: 2 }
  return usualLoad
}

function largeDay(seed: number, minutes: number, dice: Random): Settings {
  return {
    seed,
    minutes: Math.min(minutes, 0.5),
    nodes: 40 + dice.below(161),
    control: 5,
    load: { ...usualLoad, clients: 3 },
    secured: dice.next() < 0.5,
    works: ['removals'],
  }
}

function slicedDay(seed: number, minutes: number, dice: Random): Settings {
  return {
    seed,
    minutes,
    nodes: 12 + dice.below(8),
    control: 3,
    slice: 8,
    load: { ...usualLoad, clients: 3 },
    secured: dice.next() < 0.5,
    works: ['cas', 'removals'],
  }
}

/** How often each is part of a run. */
const shares: Readonly<Record<Work, number>> = {
  cas: 0.4,
  removals: 0.5,
  epochs: 0.3,
  settings: 0.4,
  votes: 0.35,
  rotations: 0.3,
  upgrade: 0.25,
  tokens: 0.3,
  approval: 0.2,
}

/** They came later, and have dice of their own: what else a seed is composed of is as it was. */
const atTheDoor: ReadonlySet<Work> = new Set<Work>(['tokens', 'approval'])

const allWorks = Object.keys(shares) as Work[]
