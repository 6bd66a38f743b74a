import type { Spread } from './spread.ts'

/** The tables of `docs/scale.md`, from what `results.json` holds. */
export interface Row {
  readonly nodes: number
  readonly [key: string]: unknown
}

export type Results = Readonly<Record<string, readonly Row[]>>

interface Table {
  readonly head: readonly string[]
  /** Left or right, by column. */
  readonly align: string
  readonly rows: readonly (readonly string[])[]
}

export const tables: Readonly<Record<string, (results: Results) => Table>> = {
  steady: ({ steady = [] }) => ({
    head: [
      'members',
      'packets/s (99 % of nodes)',
      'bytes/s (99 %)',
      'members kept',
      'memory, KiB',
      'given up wrongly',
    ],
    align: 'rrrrrr',
    rows: steady.map(r => [
      whole(r.nodes),
      `${of(r, 'packetsPerSecond').mean} (${of(r, 'packetsPerSecond').p99})`,
      `${whole(of(r, 'bytesPerSecond').mean)} (${whole(of(r, 'bytesPerSecond').p99)})`,
      `${Math.round(of(r, 'view').mean)}`,
      `${Math.round((r.memoryBytes as number) / 1024)}`,
      whole(r.gaveUp as number),
    ]),
  }),
  failures: ({ failures = [] }) => ({
    head: [
      'members',
      'first suspicion',
      'first gives it up',
      'agreed',
      '99.9 % of its keepers know',
      'keepers left that take it for alive',
    ],
    align: 'rrrrrr',
    rows: failures.map(r => [
      whole(r.nodes),
      median(r, 'firstSuspicion'),
      median(r, 'firstGivesUp'),
      median(r, 'agreed'),
      whole(of(r, 'keepersKnow').p999),
      r.mistaken === undefined ? '–' : whole(r.mistaken as number),
    ]),
  }),
  joins: ({ joins = [] }) => ({
    head: [
      'members',
      'help',
      'its keepers know: half, 99.9 % (ms)',
      'share of them in the end',
      'its own slice is right',
    ],
    align: 'rlrrr',
    rows: joins.map(r => [
      whole(r.nodes),
      r.helped ? 'control plane' : 'none: one random member',
      `${whole(of(r, 'keepersKnow').p50)}, ${r.knownAt999 === null ? 'not reached' : whole(r.knownAt999 as number)}`,
      percent(r.keptBy),
      percent(r.placed),
    ]),
  }),
  loss: ({ loss = [] }) => ({
    head: [
      'members',
      'loss',
      'suspicions held, per node and hour',
      'living members given up',
      'packets/s',
      'bytes/s',
      'a death: first gives it up',
      'agreed',
      '99.9 % of its keepers know',
    ],
    align: 'rrrrrrrrr',
    rows: loss.map(r => [
      whole(r.nodes),
      `${Math.round((r.loss as number) * 100)} %`,
      whole(r.suspicionsHeldPerNodeHour as number),
      `${whole(r.falseOpinions as number)} in ${Math.round(r.seconds as number)} s`,
      `${(r.packetsPerSecond as number).toFixed(1)}`,
      whole(r.bytesPerSecond as number),
      ...(r.deaths === undefined
        ? ['–', '–', '–']
        : [median(r, 'firstGivesUp'), median(r, 'agreed'), whole(of(r, 'keepersKnow').p999)]),
    ]),
  }),
  slow: ({ slow = [] }) => ({
    head: [
      'switched on',
      'slow',
      'spells of 8.2 s: FP',
      'of 32.8 s: FP',
      'FP−',
      'condemned though well',
    ],
    align: 'lrrrrr',
    rows: slowRows(slow.filter(r => r.how === 'blocked' && r.guard !== 'Lifeguard and lag')),
  }),
  halved: ({ halved = [] }) => ({
    head: ['members', 's after', 'pieces', 'largest', 'living kept (mean)', 'slices right'],
    align: 'rrrrrr',
    rows: halved.flatMap(r =>
      (r.stages as readonly Row[])
        .filter(stage => shown.includes((stage.after as number) / 1000))
        .map(stage => [
          whole(r.nodes),
          `${(stage.after as number) / 1000}`,
          `${stage.components}`,
          percent(stage.largest),
          `${of(stage, 'living').mean}`,
          stage.placed === undefined ? '–' : percent(stage.placed),
        ]),
    ),
  }),
}

/** Seconds after half of all died that the table shows; the picture has them all. */
const shown = [0, 5, 10, 15, 20, 30, 60]

function slowRows(rows: readonly Row[]): string[][] {
  const sum = (those: readonly Row[], key: string) =>
    whole(those.reduce((all, r) => all + (r[key] as number), 0))
  const guards = [...new Set(rows.map(r => r.guard as string))]
  const counts = [...new Set(rows.map(r => r.slow as number))]
  return guards.flatMap(guard =>
    counts.map(slow => {
      const those = rows.filter(r => r.guard === guard && r.slow === slow)
      const spells = (spell: number) => those.filter(r => r.spell === spell)
      return [
        guard === 'Lifeguard' ? 'Lifeguard (both)' : guard,
        `${slow}`,
        sum(spells(8_192), 'falseByAll'),
        sum(spells(32_768), 'falseByAll'),
        sum(those, 'falseByWell'),
        sum(those, 'condemnedWell'),
      ]
    }),
  )
}

/** `text` with each table between its two marks made anew; throws where one has no place. */
export function withTables(text: string, results: Results): string {
  return Object.entries(tables).reduce((doc, [name, make]) => {
    const [begin, end] = [`<!-- table ${name} -->\n`, '<!-- end -->\n']
    const from = doc.indexOf(begin)
    const to = doc.indexOf(end, from)
    if (from < 0 || to < 0) throw new Error(`no place for the table ${name}`)
    return doc.slice(0, from + begin.length) + markdown(make(results)) + doc.slice(to)
  }, text)
}

function markdown({ head, align, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  const rule = [...align].map(side => (side === 'r' ? '---:' : '---')).join('|')
  return `\n${line(head)}|${rule}|\n${rows.map(line).join('')}\n`
}

function of(row: Row, key: string): Spread {
  return row[key] as Spread
}

function median(row: Row, key: string): string {
  return `${whole(of(row, key).p50)} (${whole(of(row, key).p99)})`
}

function percent(share: unknown): string {
  return `${((share as number) * 100).toFixed(1)} %`
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
}
