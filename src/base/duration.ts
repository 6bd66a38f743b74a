import type { Millis } from './time.ts'

const unitMillis: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y

/**
 * A length of time as Go and so Consul write it: `10s`, `1m30s`, `1.5h`, `300ms`. Never negative.
 * Undefined: not one.
 */
export function parseDuration(text: string): Millis | undefined {
  if (text === '0') return 0
  if (text.length > 64) return undefined
  let total = 0
  part.lastIndex = 0
  while (part.lastIndex < text.length) {
    const match = part.exec(text)
    if (match === null) return undefined
    total += Number(match[1]) * unitMillis[match[2]!]!
  }
  return text === '' || !Number.isFinite(total) ? undefined : total
}

/** The way back, in the largest unit that leaves no fraction: `90s`, `5m`, `250ms`. */
export function formatDuration(duration: Millis): string {
  for (const unit of ['h', 'm', 's']) {
    const size = unitMillis[unit]!
    if (duration >= size && duration % size === 0) return `${duration / size}${unit}`
  }
  return `${Math.round(duration * 1000) / 1000}ms`
}
