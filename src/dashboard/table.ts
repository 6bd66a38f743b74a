import type { Line, Span, Tone } from '../client/paint.ts'

/** Text in columns, fitted to a width: pure, so that a terminal, a file and a test see the same. */

export interface Column {
  readonly title: string
  /** May be cut down to so many characters before columns are left out. */
  readonly least: number
  /** Left out first, by descending number, when cutting is not enough; 0: never. */
  readonly expendable: number
}

export type Cell = Span

const gap = '  '

/** A heading and a line per row. Cells longer than their column end in `…`. */
export function tableOf(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
): Line[] {
  const natural = columns.map((column, i) =>
    Math.max(column.title.length, ...rows.map(row => row[i]!.text.length)),
  )
  const widths = fit(columns, natural, width)
  const shown = columns.map((_, i) => i).filter(i => widths[i]! > 0)
  const last = shown.length - 1
  const lineOf = (cells: readonly Cell[]): Line =>
    shown.map((i, at) => {
      const text = cut(cells[i]!.text, widths[i]!)
      return { tone: cells[i]!.tone, text: at < last ? text.padEnd(widths[i]!) + gap : text }
    })
  const heading = columns.map((column): Cell => ({ text: column.title, tone: 'dim' as Tone }))
  return [lineOf(heading), ...rows.map(lineOf)]
}

/** Widths that fit; 0: left out. Cuts where most can be given, and leaves a column out when nothing can be. */
function fit(columns: readonly Column[], natural: readonly number[], width: number): number[] {
  const widths = [...natural]
  const slack = (i: number) => widths[i]! - columns[i]!.least
  while (totalOf(widths) > width) {
    const widest = widths.reduce((best, _, i) => (slack(i) > slack(best) ? i : best), 0)
    if (slack(widest) > 0) widths[widest]! -= 1
    else if (leaveOneOut(columns, widths)) restore(widths, natural)
    else break
  }
  return widths
}

function totalOf(widths: readonly number[]): number {
  const shown = widths.filter(w => w > 0)
  return shown.reduce((sum, w) => sum + w, 0) + gap.length * Math.max(0, shown.length - 1)
}

function leaveOneOut(columns: readonly Column[], widths: number[]): boolean {
  let first = -1
  for (const [i, column] of columns.entries()) {
    const better = first < 0 || column.expendable > columns[first]!.expendable
    if (widths[i]! > 0 && column.expendable > 0 && better) first = i
  }
  if (first >= 0) widths[first] = 0
  return first >= 0
}

function restore(widths: number[], natural: readonly number[]): void {
  for (const [i, w] of widths.entries()) if (w > 0) widths[i] = natural[i]!
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text
}
