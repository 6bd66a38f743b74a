import { parse, TomlError } from 'smol-toml'
import type { Checked } from './check.ts'

/** TOML, with the lines that its errors are on. */
export function parseToml(text: string): Checked<Record<string, unknown>> {
  try {
    return { value: parse(text) }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The first line says what is wrong, the rest draws the place.
    const what = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '')
    return {
      problems: [{ key: '', message: `column ${error.column}: ${what}`, line: error.line }],
    }
  }
}

type Step = string | number

/**
 * The line, from 1, of the key that a path such as `role.host.services[1]` names, or of the nearest
 * table or key around it; undefined: nothing of it is in the text. Case, dashes and underscores do
 * not matter. It reads headers and keys only, so inside inline tables it knows the line they begin on.
 */
export function lineOf(text: string, path: string): number | undefined {
  const wanted = steps(path)
  let best: { depth: number; line: number } | undefined
  for (const { line, at } of keysOf(text)) {
    const depth = sharedDepth(at, wanted)
    if (depth > 0 && (best === undefined || depth > best.depth)) best = { depth, line }
  }
  return best?.line
}

/** How many steps of `wanted` are `at`; 0 unless `at` is on the way there, or below it. */
function sharedDepth(at: readonly Step[], wanted: readonly Step[]): number {
  // `[rolle.host]` is where `rolle` is.
  if (at.length > wanted.length)
    return wanted.every((step, i) => step === at[i]) ? wanted.length : 0
  return at.every((step, i) => step === wanted[i]) ? at.length : 0
}

/** Every table header and every key outside of values, with its whole path. */
function* keysOf(text: string): Generator<{ line: number; at: Step[] }> {
  const counts = new Map<string, number>()
  let table: Step[] = []
  let closer: string | undefined
  let depth = 0
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (closer !== undefined) {
      if (line.includes(closer)) closer = undefined
      continue
    }
    if (depth > 0) {
      depth += brackets(line)
      continue
    }
    const header = /^(\[\[?)([^[\]]+)\]\]?/.exec(line)
    if (header !== null) {
      table = tablePath(steps(header[2]!), header[1] === '[[', counts)
      yield { line: i + 1, at: table }
      continue
    }
    const key =
      /^((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$/.exec(
        line,
      )
    if (key === null) continue
    yield { line: i + 1, at: [...table, ...steps(key[1]!)] }
    const value = key[2]!
    closer = openQuote(value)
    if (closer === undefined) depth = Math.max(0, brackets(value))
  }
}

/** `[[a.b]]` makes one more item of a.b; a table below a list of tables is in its last item. */
function tablePath(named: readonly Step[], item: boolean, counts: Map<string, number>): Step[] {
  const path: Step[] = []
  for (const [i, step] of named.entries()) {
    path.push(step)
    const id = path.join('\0')
    const last = i === named.length - 1
    if (last && item) counts.set(id, (counts.get(id) ?? -1) + 1)
    const count = counts.get(id)
    if (count !== undefined) path.push(count)
  }
  return path
}

function openQuote(value: string): string | undefined {
  for (const quote of ['"""', "'''"]) {
    const first = value.indexOf(quote)
    if (first >= 0 && value.indexOf(quote, first + 3) < 0) return quote
  }
  return undefined
}

/** Brackets that stay open at the end of the line, outside of text and comments. */
function brackets(line: string): number {
  const bare = line.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '').replace(/#.*$/, '')
  let open = 0
  for (const char of bare) {
    if (char === '[' || char === '{') open++
    else if (char === ']' || char === '}') open--
  }
  return open
}

function steps(path: string): Step[] {
  const found = path.match(/\[\d+\]|"[^"]*"|'[^']*'|[^.[\]\s"']+/g) ?? []
  return found.map(part => {
    if (/^\[\d+\]$/.test(part)) return Number(part.slice(1, -1))
    return part
      .replace(/^["']|["']$/g, '')
      .toLowerCase()
      .replace(/[_-]/g, '')
  })
}
