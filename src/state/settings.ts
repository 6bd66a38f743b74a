import { parseDuration } from '../base/duration.ts'
import type { Millis } from '../base/time.ts'

/**
 * The cluster's settings: agreed on, the same for every node. A setting that is not set has its default;
 * one that was set by a build which knew other values counts as not set.
 */
export interface Setting {
  readonly name: string
  readonly default: string
  readonly meaning: string
  /** Why a value cannot be; undefined: it can. */
  wrong(value: string): string | undefined
}

/** Shorter than this nobody can be away without bootstrapping anew; tests go down to it. */
const leastGrace: Millis = 100
/** A restart takes seconds: nobody wants votes to move for it; tests go down to it. */
const leastAfter: Millis = 1_000
const mostGrace: Millis = 10 * 365 * 24 * 3_600_000

/** Fewer would fall apart when some of them go; more is a full list again. */
const slices = { least: 8, most: 1024 } as const

export const settings: readonly Setting[] = [
  {
    name: 'slice',
    default: '64',
    meaning: 'a node watches so many others at most, whatever the size of the cluster',
    wrong: value => {
      const size = Number(value)
      if (/^\d+$/.test(value) && size >= slices.least && size <= slices.most) return undefined
      return `"${value}" must be a number from ${slices.least} to ${slices.most}`
    },
  },
  {
    name: 'tombstone-grace',
    default: '72h',
    meaning:
      'a node may be away this long and still learn of every deletion; after that it bootstraps anew',
    wrong: value => {
      const span = parseDuration(value)
      if (span !== undefined && span >= leastGrace && span <= mostGrace) return undefined
      return `"${value}" must be a length of time such as 72h, from 100ms to ten years`
    },
  },
  {
    name: 'voter-replacement',
    default: 'yes',
    meaning: 'yes: a control node that stays dead gives its vote to an observer that is well',
    wrong: value =>
      value === 'yes' || value === 'no' ? undefined : `"${value}" must be yes or no`,
  },
  {
    name: 'voter-replacement-after',
    default: '10m',
    meaning: 'so long a control node must have failed; and so long passes between two replacements',
    wrong: value => {
      const span = parseDuration(value)
      if (span !== undefined && span >= leastAfter && span <= mostGrace) return undefined
      return `"${value}" must be a length of time such as 10m, from 1s to ten years`
    },
  },
  {
    name: 'join-approval',
    default: 'no',
    meaning: 'yes: a node that is new waits until an operator says hive admit',
    wrong: value =>
      value === 'yes' || value === 'no' ? undefined : `"${value}" must be yes or no`,
  },
]

type Values = Readonly<Record<string, string>>

export function settingOf(values: Values, name: string): string {
  const setting = settings.find(s => s.name === name)
  const value = values[name]
  if (setting === undefined) return value ?? ''
  return value === undefined || setting.wrong(value) !== undefined ? setting.default : value
}

export function tombstoneGrace(values: Values): Millis {
  return parseDuration(settingOf(values, 'tombstone-grace'))!
}

/** How long a voter must have failed before its vote moves; undefined: it stays. */
export function voterReplacementAfter(values: Values): Millis | undefined {
  if (settingOf(values, 'voter-replacement') === 'no') return undefined
  return parseDuration(settingOf(values, 'voter-replacement-after'))!
}

export function joinsNeedApproval(values: Values): boolean {
  return settingOf(values, 'join-approval') === 'yes'
}

/** How many members a node keeps. */
export function sliceSize(values: Values): number {
  return Number(settingOf(values, 'slice'))
}
