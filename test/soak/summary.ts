import type { History } from './history.ts'
import type { Happened } from './nemesis.ts'
import type { Options } from './options.ts'
import { type Percentiles, percentiles, type Recovery } from './recovery.ts'
import type { Verdict } from './verdict.ts'

/** A run in figures; times in ms unless said otherwise. */
export interface Summary {
  readonly options: Options
  readonly seconds: number
  readonly interrupted: boolean
  readonly counts: History['counts']
  /** Acknowledged writes. */
  readonly acknowledged: number
  /** Of every acknowledged write. */
  readonly latency: readonly number[]
  readonly faults: readonly Happened[]
  /** All faults together. */
  readonly overall: Recovery | undefined
  readonly byKind: readonly Recovery[]
  readonly bySort: readonly Recovery[]
  /** After the last fault, until all nodes were well; undefined: they were not. */
  readonly recovered: number | undefined
  readonly judged: number
  readonly verdict: Verdict
  readonly problems: readonly string[]
}

/** What is wrong; empty: all was well. */
export function findings({ verdict, problems }: Summary): string[] {
  return [
    ...verdict.violations.map(
      ({ key, why }) => `the history of ${key} is not linearizable: ${why}`,
    ),
    ...verdict.lost.map(element => `acknowledged and lost: ${element}`),
    ...verdict.undecided.map(key => `the history of ${key} could not be judged`),
    ...problems,
  ]
}

/** Findings that are shown; all are in the kept summary. */
const shown = 20

/** For people: what was done, how long recovery took, and the verdict. */
export function reportOf(summary: Summary): string {
  const { overall } = summary
  const { counts, acknowledged, faults, byKind, bySort, recovered, verdict, judged } = summary
  const { p50, p90, most } = percentiles(summary.latency)
  const wrong = findings(summary)
  return [
    '',
    `${counts.ok} operations answered, ${counts.fail} refused, ${counts.info} unknown, on ${verdict.keys} keys`,
    `${acknowledged} acknowledged writes: half within ${ms(p50)}, nine in ten within ${ms(p90)}, the slowest ${ms(most)}`,
    ...(overall ? overallOf(overall) : []),
    `${faults.length} faults; until the next acknowledged write (half of them, nine in ten, longest):`,
    '',
    ...table([...byKind, ...bySort].sort((a, b) => (a.what < b.what ? -1 : 1))),
    '',
    recovered === undefined
      ? 'not all was well in the end'
      : `all nodes well ${ms(recovered)} after the last fault`,
    `judged in ${ms(judged)}`,
    ...(wrong.length === 0
      ? [
          summary.interrupted
            ? 'no violation until it was stopped'
            : 'no violation: nothing lost, nothing stale',
        ]
      : [`${wrong.length} FINDINGS`, ...wrong.slice(0, shown).map(one => `  ${one}`)]),
    ...(wrong.length > shown ? [`  and ${wrong.length - shown} more`] : []),
    `seed ${summary.options.seed}`,
  ].join('\n')
}

function overallOf({ begun, undone, victims }: Recovery): string[] {
  const line = ({ p50, p99, most }: Percentiles) =>
    `p50 ${seconds(p50)}, p99 ${seconds(p99)}, longest ${seconds(most)}`
  return [
    `from any fault to the next acknowledged write: ${line(begun)}`,
    `from its end: ${line(undone)}; through a node that had it: ${line(victims)}`,
  ]
}

function table(recoveries: readonly Recovery[]): string[] {
  const head = ['fault', 'times', 'after it began', 'after its end', 'by who had it']
  const rows = recoveries.map(({ what, count, begun, undone, victims }) => {
    return [what, String(count), three(begun), three(undone), three(victims)]
  })
  const all = [head, ...rows]
  const widths = head.map((_, i) => Math.max(...all.map(row => row[i]!.length)))
  return all.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
}

function three({ p50, p90, most }: Percentiles): string {
  return `${seconds(p50)} ${seconds(p90)} ${seconds(most)}`
}

function seconds(value: number): string {
  return value === Number.POSITIVE_INFINITY ? 'never' : `${(value / 1000).toFixed(2)}s`
}

function ms(value: number): string {
  return value < 10
    ? `${value.toFixed(1)} ms`
    : value < 10_000
      ? `${Math.round(value)} ms`
      : seconds(value)
}
