/** What a bench brings home: series of both sides, and the ratio that is claimed or missed. */
export interface Figure {
  readonly bench: string
  readonly what: string
  readonly unit: string
  readonly better: 'more' | 'less'
  readonly hive: readonly number[]
  readonly peer?: { readonly name: string; readonly values: readonly number[] }
  /** Of hive's median to the peer's, or of hive's median itself where there is no peer. */
  readonly goal?: number
  readonly note?: string
}

export interface Judged extends Figure {
  readonly median: number
  readonly best: number
  readonly peerMedian?: number
  readonly peerBest?: number
  /** hive to peer: of the medians, and of the best. */
  readonly ratio?: number
  readonly bestRatio?: number
  /** Undefined: nothing was promised, or nothing can be said. */
  readonly met?: boolean
}

export function judge(figure: Figure): Judged {
  const { hive, peer, better, goal } = figure
  const own = { median: median(hive), best: best(hive, better) }
  const there = peer !== undefined && peer.values.length > 0
  const other = there
    ? { peerMedian: median(peer.values), peerBest: best(peer.values, better) }
    : undefined
  const ratios = other && {
    ratio: own.median / other.peerMedian,
    bestRatio: own.best / other.peerBest,
  }
  const compared = peer === undefined ? own.median : ratios?.ratio
  const met =
    goal === undefined || compared === undefined || Number.isNaN(compared)
      ? undefined
      : better === 'more'
        ? compared >= goal
        : compared <= goal
  return { ...figure, ...own, ...other, ...ratios, ...(met !== undefined && { met }) }
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function best(values: readonly number[], better: 'more' | 'less'): number {
  if (values.length === 0) return Number.NaN
  return better === 'more' ? Math.max(...values) : Math.min(...values)
}

/** A table for people: one line a figure. */
export function table(figures: readonly Judged[]): string {
  const rows = figures.map(figure => [
    figure.bench,
    figure.what,
    figure.unit,
    short(figure.median),
    short(figure.best),
    figure.peer?.name ?? '',
    short(figure.peerMedian),
    short(figure.peerBest),
    figure.ratio === undefined ? '' : `${figure.ratio.toFixed(2)}x`,
    figure.bestRatio === undefined ? '' : `${figure.bestRatio.toFixed(2)}x`,
    figure.goal === undefined ? '' : `${figure.better === 'more' ? '≥' : '≤'} ${figure.goal}`,
    figure.met === undefined ? '' : figure.met ? 'met' : 'MISSED',
    figure.note ?? '',
  ])
  const head = 'bench,what,unit,hive,best,peer,median,best,ratio,of best,goal,,'.split(',')
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map(row => row[i]!.length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (isText(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [head, ...rows].map(line).join('\n')
}

function isText(column: number): boolean {
  return [0, 1, 2, 5, 11, 12].includes(column)
}

function short(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return ''
  if (Math.abs(value) >= 1000) return String(Math.round(value))
  return String(Number(value.toPrecision(3)))
}
