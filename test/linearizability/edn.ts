/**
 * As much of EDN (extensible data notation, github.com/edn-format/edn) as histories need: nil, booleans, whole
 * numbers, strings, keywords, vectors, sets and maps.
 */
export type Edn =
  | null
  | boolean
  | number
  | string
  | Keyword
  | readonly Edn[]
  | ReadonlySet<Edn>
  | ReadonlyMap<Edn, Edn>

/** `:name` */
export class Keyword {
  readonly name: string

  constructor(name: string) {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new Error(`"${name}" is no keyword here`)
    this.name = name
  }
}

const known = new Map<string, Keyword>()

/** The same name is the same keyword. */
export function keyword(name: string): Keyword {
  const found = known.get(name) ?? new Keyword(name)
  known.set(name, found)
  return found
}

export function writeEdn(value: Edn): string {
  if (value === null) return 'nil'
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new Error(`${value} is no whole number`)
    return String(value)
  }
  if (typeof value === 'string') return quoted(value)
  if (value instanceof Keyword) return `:${value.name}`
  if (value instanceof Set) return `#{${[...value].map(writeEdn).join(' ')}}`
  if (value instanceof Map) {
    const pairs = [...value].map(([key, held]) => `${writeEdn(key)} ${writeEdn(held)}`)
    return `{${pairs.join(', ')}}`
  }
  return `[${(value as readonly Edn[]).map(writeEdn).join(' ')}]`
}

/** Java's escapes, as Clojure's reader knows them. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(/\\u([0-9a-f]{4})|\\b|\\f/g, (whole, code?: string) => {
    if (code !== undefined) return `\\u${code.toUpperCase()}`
    return whole === '\\b' ? '\\u0008' : '\\u000C'
  })
}

/** Every form in `text`; throws on what it does not know. */
export function readEdn(text: string): Edn[] {
  const reader = new Reader(text)
  const forms: Edn[] = []
  for (;;) {
    const form = reader.form()
    if (form === undefined) return forms
    forms.push(form)
  }
}

const closing: Readonly<Record<string, string>> = { '[': ']', '{': '}', '#{': '}' }
const token = /[\s,]*(?:(#\{|[[\]{}])|"((?:[^"\\]|\\.)*)"|([^\s,[\]{}"#]+)|$)/y

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** undefined: the end. */
  form(until?: string): Edn | undefined {
    token.lastIndex = this.#at
    const found = token.exec(this.#text)
    if (!found) throw new Error(`cannot read on from character ${this.#at}`)
    this.#at = token.lastIndex
    const [, bracket, string, atom] = found
    if (bracket !== undefined) return this.#collection(bracket, until)
    if (string !== undefined) return JSON.parse(`"${string}"`) as string
    if (atom !== undefined) return atomOf(atom)
    if (until !== undefined) throw new Error(`${until} is missing at the end`)
    return undefined
  }

  #collection(bracket: string, until: string | undefined): Edn | undefined {
    const close = closing[bracket]
    if (close === undefined) {
      if (bracket !== until) throw new Error(`unexpected ${bracket} before character ${this.#at}`)
      return undefined
    }
    const items: Edn[] = []
    for (let item = this.form(close); item !== undefined; item = this.form(close)) items.push(item)
    if (bracket === '[') return items
    if (bracket === '#{') return new Set(items)
    if (items.length % 2) throw new Error('a map with a key that has no value')
    return new Map(items.flatMap((item, i) => (i % 2 ? [] : [[item, items[i + 1]!] as const])))
  }
}

function atomOf(atom: string): Edn {
  if (atom === 'nil') return null
  if (atom === 'true' || atom === 'false') return atom === 'true'
  if (/^-?\d+$/.test(atom)) return Number(atom)
  if (atom.startsWith(':')) return keyword(atom.slice(1))
  throw new Error(`"${atom}" is nothing known`)
}
