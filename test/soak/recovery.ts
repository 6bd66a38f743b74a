import type { Acknowledged } from './history.ts'
import type { Happened } from './nemesis.ts'

/** How long until a write was acknowledged that began later than something, ms. */
export interface Recovery {
  readonly what: string
  readonly count: number
  /** After the fault began, through any node. */
  readonly begun: Percentiles
  /** After it was undone, through any node. */
  readonly undone: Percentiles
  /** After it was undone, through one of those it hit. */
  readonly victims: Percentiles
}

export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly most: number
}

/** By kind or sort of fault; what never was acknowledged counts as infinite. */
export function recoveries(
  happened: readonly Happened[],
  acknowledged: readonly Acknowledged[],
  by: (one: Happened) => string,
): Recovery[] {
  const groups = new Map<string, Happened[]>()
  for (const one of happened) groups.set(by(one), [...(groups.get(by(one)) ?? []), one])
  return [...groups].sort().map(([what, all]) => ({
    what,
    count: all.length,
    begun: percentiles(all.map(({ began }) => until(acknowledged, began))),
    undone: percentiles(all.map(({ ended }) => until(acknowledged, ended))),
    victims: percentiles(all.map(({ ended, victims }) => until(acknowledged, ended, victims))),
  }))
}

function until(
  acknowledged: readonly Acknowledged[],
  since: number | undefined,
  through?: readonly string[],
): number {
  if (since === undefined) return Number.POSITIVE_INFINITY
  const first = acknowledged.find(
    ({ invoked, node }) => invoked >= since && (through === undefined || through.includes(node)),
  )
  return first === undefined ? Number.POSITIVE_INFINITY : first.returned - since
}

export function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), most: sorted.at(-1) ?? 0 }
}
