import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The end of a trace file, for people. */
export interface TraceTail {
  readonly path: string
  /** Where the part that matters begins. */
  readonly offset: number
}

/** More than this of the end is not looked at. */
const maxBytes = 64 * 1024

/** Its lines, those in pino's JSON as a person would write them. A file that cannot be read has none. */
export function linesFrom(tail: TraceTail): string[] {
  const text = readEnd(tail)
  return text
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(readable)
}

/** `info listening for peers (address 127.0.0.1:4483, node n1)` */
export function readable(line: string): string {
  try {
    const { level, time: _, msg, ...rest } = JSON.parse(line) as Record<string, unknown>
    if (typeof msg !== 'string') return line
    const facts = Object.entries(rest).map(
      ([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    return `${level} ${msg}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`
  } catch {
    return line
  }
}

function readEnd({ path, offset }: TraceTail): string {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    const { size } = fstatSync(file)
    const from = Math.max(offset, size - maxBytes)
    const bytes = Buffer.alloc(Math.max(0, size - from))
    const read = readSync(file, bytes, 0, bytes.length, from)
    return bytes.toString('utf8', 0, read)
  } finally {
    closeSync(file)
  }
}
