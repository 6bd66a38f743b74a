import { usualLoad } from './kv-workload.ts'
import type { Settings } from './scenario.ts'

/** What a seed alone decides of a run: how many nodes, and what kind of day it is. */
export function settingsFor(
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
