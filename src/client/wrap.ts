import type { Painter, Tone } from './paint.ts'

/** Text on as many lines of a terminal as it needs: broken between words, later lines under the first. Pure. */
export interface Piece {
  readonly text: string
  readonly tone: Tone
  /** Moves to the next line as one, spaces and all. */
  readonly whole?: true
}

/** What belongs to one entry of a list: the head stands in front of the first line only. */
export interface Entry {
  /** As wide as it looks, without colours. */
  readonly head: string
  readonly painted: string
  readonly pieces: readonly Piece[]
}

/** Fewer columns than this are too few to read in: then later lines begin further left. */
const readable = 40
/** Where they begin then, by choice: under what stands behind number and time, or under the time. */
const shallow = [30, 9]

/** `width` undefined: not a terminal, so one line however long, which `grep` and `awk` can take. */
export function laidOut(entry: Entry, width: number | undefined, paint: Painter): string {
  const { head, painted, pieces } = entry
  const fits = (at: number) => at <= head.length && (width ?? Infinity) - at >= readable
  const indent = [head.length, ...shallow].find(fits) ?? 2
  const words = pieces.flatMap(({ text, tone, whole }, i) =>
    (whole ? [text] : text.split(' ').filter(word => word !== '')).map((word, at) => ({
      word,
      tone,
      gap: at > 0 ? ' ' : i > 0 ? '   ' : '',
    })),
  )
  let out = painted
  let used = head.length
  let fresh = true
  for (const { word, tone, gap } of words) {
    const space = fresh ? '' : gap
    const tooLong = width !== undefined && used + space.length + word.length > width
    if (tooLong && used > indent) {
      out = `${out.trimEnd()}\n${' '.repeat(indent)}`
      used = indent
    } else {
      out += space
      used += space.length
    }
    out += paint(word, tone)
    used += word.length
    fresh = false
  }
  return out
}

/** Columns of the terminal that is written to; undefined: it is none. */
export function terminalWidth(stream: {
  readonly isTTY?: boolean
  readonly columns?: number
}): number | undefined {
  return stream.isTTY && stream.columns ? stream.columns : undefined
}
