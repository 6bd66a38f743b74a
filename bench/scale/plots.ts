import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { Spread } from './spread.ts'
import { type Chart, type Line, svgOf } from './svg.ts'
import { type Results, type Row, withTables } from './tables.ts'

/** `node bench/scale/plots.ts`: what `results.json` holds, as pictures in `docs/scale` and as tables in `docs/scale.md`. */
const results = JSON.parse(
  readFileSync(new URL('results.json', import.meta.url), 'utf8'),
) as Results
const folder = new URL('../../docs/scale/', import.meta.url)
const page = new URL('../../docs/scale.md', import.meta.url)

function line(
  name: string,
  of: string,
  value: (row: Row) => number | null | undefined,
  x = (row: Row) => row.nodes,
): Line {
  return { name, points: (results[of] ?? []).map(row => [x(row), value(row)] as const) }
}

const spread = (row: Row, field: string) => row[field] as Spread
const blocked = (results.slow ?? []).filter(
  r => r.how === 'blocked' && r.guard !== 'Lifeguard and lag',
)
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
  'loss.svg': {
    ...bySize,
    title: 'From a death to the agreement on it, while packets are lost',
    y: 'ms, half of them',
    lines: [0.01, 0.1, 0.3].map(share => ({
      name: `${share * 100} % lost`,
      points: (results.loss ?? [])
        .filter(r => r.loss === share && r.deaths !== undefined)
        .map(r => [r.nodes, spread(r, 'agreed').p50] as const),
    })),
  },
  'loss-bytes.svg': {
    ...bySize,
    title: 'Bytes that one node sends while packets are lost',
    y: 'bytes/s',
    lines: [0.01, 0.1, 0.3].map(share => ({
      name: `${share * 100} % lost`,
      points: (results.loss ?? [])
        .filter(r => r.loss === share)
        .map(r => [r.nodes, r.bytesPerSecond as number] as const),
    })),
  },
  'halved.svg': {
    title: 'How the gaps close after half of all died',
    x: 's after',
    y: 'share of the right neighbours, %',
    lines: (results.halved ?? [])
      .filter(r =>
        (r.stages as readonly Row[]).some(stage => stage.after !== 0 && 'placed' in stage),
      )
      .map(r => ({
        name: `${r.nodes.toLocaleString('en').replaceAll(',', ' ')} members`,
        points: (r.stages as readonly Row[]).map(
          stage => [(stage.after as number) / 1000, (stage.placed as number) * 100] as const,
        ),
      })),
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
        name: 'alone, half',
        points: (results.joins ?? [])
          .filter(r => r.helped === false)
          .map(r => [r.nodes, spread(r, 'keepersKnow').p50] as const),
      },
      {
        name: 'alone, 99 %',
        points: (results.joins ?? [])
          .filter(r => r.helped === false)
          .map(r => [r.nodes, spread(r, 'keepersKnow').p99] as const),
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
writeFileSync(page, withTables(readFileSync(page, 'utf8'), results))
