import { MalformedError } from './bytes.ts'

/** Reads fields of JSON that came from somewhere else; throws MalformedError naming the key. */

export type Fields = Readonly<Record<string, unknown>>

export function fields(value: unknown, key = 'body'): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MalformedError(`${key} must be an object`)
  }
  return value as Fields
}

export function text(from: Fields, key: string, most = 1024): string {
  const value = from[key]
  if (typeof value !== 'string') throw new MalformedError(`${key} must be a string`)
  if (value.length > most) throw new MalformedError(`${key} is longer than ${most} characters`)
  return value
}

export function optionalText(from: Fields, key: string, most = 1024): string | undefined {
  return from[key] === undefined || from[key] === null ? undefined : text(from, key, most)
}

/** A safe integer ≥ 0. */
export function count(from: Fields, key: string): number {
  const value = from[key]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new MalformedError(`${key} must be a whole number of 0 or more`)
  }
  return value
}

export function optionalCount(from: Fields, key: string): number | undefined {
  return from[key] === undefined || from[key] === null ? undefined : count(from, key)
}

/** Absent: false. */
export function flag(from: Fields, key: string): boolean {
  const value = from[key]
  if (value === undefined) return false
  if (typeof value !== 'boolean') throw new MalformedError(`${key} must be true or false`)
  return value
}

export function texts(from: Fields, key: string, most = 1024): readonly string[] {
  return list(from, key, most).map((value, i) => {
    if (typeof value !== 'string') throw new MalformedError(`${key}[${i}] must be a string`)
    return value
  })
}

export function list(from: Fields, key: string, most = 1024): readonly unknown[] {
  const value = from[key]
  if (!Array.isArray(value)) throw new MalformedError(`${key} must be a list`)
  if (value.length > most) throw new MalformedError(`${key} has more than ${most} items`)
  return value
}
