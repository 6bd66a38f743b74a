import type { ZodMiniType } from 'zod/mini'
import type { Problem } from './errors.ts'
import { didYouMean } from './similar.ts'

/**
 * Data from outside, checked: everything that is wrong with it at once, in words that an operator
 * understands, each with the key. The shapes are zod's; the words are ours, so that zod's locales
 * stay out of the bundle.
 */
export type Checked<T> = { readonly value: T } | { readonly problems: readonly Problem[] }

type Path = readonly PropertyKey[]
type Issue = { readonly code?: string; readonly path: Path; readonly message: string }

/** `at` is put before every key, e.g. `role.host`. */
export function check<T>(schema: ZodMiniType<T>, raw: unknown, at = ''): Checked<T> {
  const result = schema.safeParse(raw)
  if (result.success) return { value: result.data }
  const problems = result.error.issues.flatMap(issue => explain(issue, schema, raw, at))
  return { problems }
}

export function formatProblem(problem: Problem): string {
  const where = problem.line === undefined ? '' : `line ${problem.line}: `
  return problem.key === '' ? where + problem.message : `${where}${problem.key}: ${problem.message}`
}

/** `checks[0].name` */
export function formatPath(path: Path, at = ''): string {
  let text = at
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? String(part) : `.${String(part)}`
  }
  return text
}

function explain(issue: Issue, schema: ZodMiniType, raw: unknown, at: string): Problem[] {
  const facts = issue as Issue & {
    readonly keys?: readonly string[]
    readonly expected?: string
    readonly origin?: string
    readonly minimum?: number
    readonly maximum?: number
    readonly values?: readonly unknown[]
  }
  const key = formatPath(issue.path, at)
  const found = valueAt(raw, issue.path)
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(schema, issue.path)
      return (facts.keys ?? []).map(unknown => ({
        key: formatPath([...issue.path, unknown], at),
        message: unknownKey(unknown, known),
      }))
    }
    case 'invalid_type':
      return [{ key, message: wrongType(facts.expected ?? '?', found) }]
    case 'invalid_value':
      return [{ key, message: `must be one of ${(facts.values ?? []).join(', ')}` }]
    case 'too_small':
      return [{ key, message: `must be at least ${size(facts.origin, facts.minimum)}` }]
    case 'too_big':
      return [{ key, message: `must be at most ${size(facts.origin, facts.maximum)}` }]
    default:
      return [{ key, message: issue.message }]
  }
}

export function unknownKey(key: string, known: readonly string[]): string {
  const meant = didYouMean(key, known)
  if (meant !== undefined) return `unknown; did you mean ${meant}?`
  return known.length === 0 ? 'unknown' : `unknown; known are ${known.join(', ')}`
}

function wrongType(expected: string, found: unknown): string {
  const want = names[expected] ?? expected
  return found === undefined
    ? `is missing; it must be ${want}`
    : `must be ${want}, not ${kind(found)}`
}

const names: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

function kind(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : `${value}`
  return names[typeof value] ?? typeof value
}

function size(origin: string | undefined, limit: number | undefined): string {
  if (origin === 'string') return `${limit} characters`
  return origin === 'array' ? `${limit} items` : `${limit}`
}

function valueAt(raw: unknown, path: Path): unknown {
  let value = raw
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<PropertyKey, unknown>)[part]
  }
  return value
}

/** The fields of the object shape at `path`, for "did you mean". */
function knownKeys(schema: ZodMiniType, path: Path): readonly string[] {
  let at: unknown = schema
  for (const part of [...path, undefined]) {
    let def = definition(at)
    while (def?.innerType !== undefined) def = definition(def.innerType)
    if (part === undefined) return Object.keys(def?.shape ?? {})
    at = typeof part === 'number' ? def?.element : (def?.shape?.[String(part)] ?? def?.valueType)
  }
  return []
}

interface Definition {
  readonly innerType?: unknown
  readonly shape?: Readonly<Record<string, unknown>>
  readonly element?: unknown
  readonly valueType?: unknown
}

function definition(schema: unknown): Definition | undefined {
  return (schema as { _zod?: { def?: Definition } } | undefined)?._zod?.def
}
