import type { Address } from '../base/address.ts'
import { MalformedError } from '../base/bytes.ts'
import { utf8Length } from './kv-key.ts'

/**
 * Reads the fields of a JSON object by name, and names the place in the error when one is not what
 * it must be. Every text and list has a limit: an event is kept by every control node for a long time.
 */
export class Fields {
  readonly path: string
  readonly #of: Readonly<Record<string, unknown>>

  constructor(value: unknown, path: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw wrong(path, 'an object', value)
    }
    this.path = path
    this.#of = value as Record<string, unknown>
  }

  has(key: string): boolean {
    return this.#of[key] !== undefined
  }

  isNull(key: string): boolean {
    return this.#of[key] === null
  }

  fields(key: string, path = this.#at(key)): Fields {
    return new Fields(this.#of[key], path)
  }

  /** Well-formed text: what is kept as UTF-8 comes back as it was. */
  text(key: string, limit: number, least = 0): string {
    return checkText(this.#of[key], this.#at(key), limit, least)
  }

  /** An integer ≥ 0 that a double holds exactly. */
  count(key: string): number {
    return checkCount(this.#of[key], this.#at(key))
  }

  flag(key: string): boolean {
    const value = this.#of[key]
    if (typeof value !== 'boolean') throw wrong(this.#at(key), 'true or false', value)
    return value
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T {
    const value = this.#of[key]
    const word = words.find(candidate => candidate === value)
    if (word === undefined) throw wrong(this.#at(key), `one of ${words.join(', ')}`, value)
    return word
  }

  texts(key: string, limit: number, textLimit: number): string[] {
    return this.list(key, limit, (value, path) => checkText(value, path, textLimit, 1))
  }

  counts(key: string, limit: number): number[] {
    return this.list(key, limit, (value, path) => checkCount(value, path))
  }

  list<T>(key: string, limit: number, read: (value: unknown, path: string) => T): T[] {
    const value = this.#of[key]
    if (!Array.isArray(value)) throw wrong(this.#at(key), 'a list', value)
    if (value.length > limit) throw wrong(this.#at(key), `at most ${limit} long`, value.length)
    return value.map((item, i) => read(item, `${this.#at(key)}[${i}]`))
  }

  /** Texts by name. */
  dictionary(key: string, limit: number, textLimit: number): Record<string, string> {
    const inner = this.fields(key)
    const names = Object.keys(inner.#of)
    if (names.length > limit) throw wrong(inner.path, `at most ${limit} names`, names.length)
    for (const name of names) checkText(name, `a name in ${inner.path}`, 255, 1)
    return Object.fromEntries(names.map(name => [name, inner.text(name, textLimit)]))
  }

  address(key: string): Address {
    const inner = this.fields(key)
    const address = { host: inner.text('host', 255, 1), port: inner.count('port') }
    if (address.port > 65535) throw wrong(`${inner.path}.port`, 'at most 65535', address.port)
    return address
  }

  #at(key: string): string {
    return `${this.path}.${key}`
  }
}

function checkCount(value: unknown, path: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw wrong(path, 'an integer of 0 or more', value)
  }
  return value as number
}

function checkText(value: unknown, path: string, limit: number, least: number): string {
  if (typeof value !== 'string') throw wrong(path, 'text', value)
  if (value.length < least) throw wrong(path, 'not empty', value)
  if (value.length > limit) throw wrong(path, `at most ${limit} long`, value.length)
  if (utf8Length(value) < 0) throw wrong(path, 'well-formed Unicode', value)
  return value
}

function wrong(path: string, expected: string, value: unknown): MalformedError {
  const shown = typeof value === 'object' && value !== null ? 'something else' : String(value)
  return new MalformedError(`${path} must be ${expected}, not ${shown.slice(0, 60)}`)
}
