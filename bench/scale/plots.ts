import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type Chart, type Line, svgOf } from './svg.ts'

/** `node bench/scale/plots.ts`: what `results.json` holds, as pictures in `docs/scale`. */
type Spread = { readonly mean: number; readonly p50: number; readonly p99: number; p999: number }
type Row = { readonly nodes: number; readonly [key: string]: unknown }

const results = JSON.parse(
  readFileSync(new URL('results.json', import.meta.url), 'utf8'),
) as Record<string, readonly Row[]>
const folder = new URL('../../docs/scale/', import.meta.url)

function line(
  name: string,
  of: string,
  value: (row: Row) => number | null | undefined,
  x = (row: Row) => row.nodes,
): Line {
  return { name, points: (results[of] ?? []).map(row => [x(row), value(row)] as const) }
}

const spread = (row: Row, field: string) => row[field] as Spread
const blocked = (results.slow ?? []).filter(r => r.how === 'blocked')
const bySize = { x: 'members', logX: true } as const

const charts: Record<string, Chart> = {
  'packets.svg': {
    ...bySize,
    title: 'Packets that one node sends, at rest',
    y: 'packets/s',
    lines: [
      line('mean', 'steady', r => spread(r, 'packetsPerSecond').mean),
      line('99 % of nodes', 'steady', r => spread(r, 'packetsPerSecond').p99),
    ],
  },
  'bytes.svg': {
    ...bySize,
    title: 'Bytes that one node sends, at rest',
    y: 'bytes/s',
    lines: [
      line('mean', 'steady', r => spread(r, 'bytesPerSecond').mean),
      line('99 % of nodes', 'steady', r => spread(r, 'bytesPerSecond').p99),
    ],
  },
  'memory.svg': {
    ...bySize,
    title: 'What one node keeps',
    y: 'members, KiB',
    lines: [
      line('members kept', 'steady', r => spread(r, 'view').mean),
      line('memory, KiB', 'steady', r => (r.memoryBytes as number) / 1024),
    ],
  },
  'failure.svg': {
    ...bySize,
    title: 'From a death to what is known of it',
    y: 'ms',
    lines: [
      line('first suspicion', 'failures', r => spread(r, 'firstSuspicion').p50),
      line('first gives up', 'failures', r => spread(r, 'firstGivesUp').p50),
      line('agreed', 'failures', r => spread(r, 'agreed').p50),
      line('99.9 % of keepers', 'failures', r => spread(r, 'keepersKnow').p999),
    ],
  },
  'join.svg': {
    ...bySize,
    title: 'From a join to who keeps the newcomer',
    y: 'ms',
    lines: [
      {
        name: 'with help, 99.9 %',
        points: (results.joins ?? [])
          .filter(r => r.helped === true)
          .map(r => [r.nodes, r.knownAt999 as number | null] as const),
      },
      {
        name: 'rings alone, half',
        points: (results.joins ?? [])
          .filter(r => r.helped === false)
          .map(r => [r.nodes, spread(r, 'keepersKnow').p50] as const),
      },
    ],
  },
  'slow.svg': {
    title: 'Members that are well, given up by slow ones',
    x: 'slow members of 128',
    y: 'in a minute',
    lines: [...new Set(blocked.map(r => r.guard as string))].map(guard => ({
      name: guard,
      points: averaged(blocked.filter(r => r.guard === guard)),
    })),
  },
}

function averaged(rows: readonly Row[]): (readonly [number, number])[] {
  const by = new Map<number, number[]>()
  for (const row of rows) {
    const slow = row.slow as number
    by.set(slow, [...(by.get(slow) ?? []), row.falseByAll as number])
  }
  return [...by].map(
    ([slow, values]) => [slow, values.reduce((a, b) => a + b, 0) / values.length] as const,
  )
}

mkdirSync(folder, { recursive: true })
for (const [name, chart] of Object.entries(charts)) {
  // Nothing measured, or nothing but zeros: a table says that better.
  if (chart.lines.every(l => l.points.every(([, value]) => !value))) continue
  writeFileSync(new URL(name, folder), svgOf(chart))
}
