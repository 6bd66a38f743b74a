export interface Spread {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly most: number
}

/** How numbers are distributed. */
export function spread(values: Iterable<number>): Spread {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0
  const round = (value: number) => Math.round(value * 10) / 10
  const mean = sorted.reduce((sum, value) => sum + value, 0) / Math.max(1, sorted.length)
  return {
    count: sorted.length,
    mean: round(mean),
    p50: round(at(0.5)),
    p99: round(at(0.99)),
    p999: round(at(0.999)),
    most: round(sorted.at(-1) ?? 0),
  }
}
