import {
  type ArgDefinition,
  type Args,
  type FlagDefinition,
  type Flags,
  NeedOclif,
} from './definition.ts'

export interface Parsed {
  readonly flags: Record<string, unknown>
  readonly args: Record<string, unknown>
}

/**
 * Reads an ordinary command line as oclif reads it. Throws NeedOclif for every other one, so that there is one
 * place that explains mistakes. Pure.
 */
export function parseQuick(argv: readonly string[], flags: Flags, args: Args): Parsed {
  const values: Record<string, unknown> = {}
  const words: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (!word.startsWith('-') || word === '-') words.push(word)
    else if (takeFlag(word, argv[i + 1], flags, values)) i++
  }
  return { flags: complete(values, flags), args: placeArgs(words, args) }
}

/** True: the next word was its value. */
function takeFlag(
  word: string,
  next: string | undefined,
  flags: Flags,
  values: Record<string, unknown>,
): boolean {
  const equals = word.indexOf('=')
  const bare = equals < 0 ? word : word.slice(0, equals)
  const negated = bare.startsWith('--no-') && flags[bare.slice(5)]?.allowNo === true
  const name = negated ? bare.slice(5) : nameOf(bare, flags)
  const flag = name === undefined ? undefined : flags[name]
  if (name === undefined || flag === undefined) throw new NeedOclif(`unknown flag ${word}`)
  if (flag.type === 'boolean') {
    if (equals >= 0) throw new NeedOclif(`${bare} takes no value`)
    values[name] = !negated
    return false
  }
  const given = equals < 0 ? next : word.slice(equals + 1)
  if (given === undefined || (equals < 0 && given.startsWith('-') && given !== '-')) {
    throw new NeedOclif(`${bare} needs a value`)
  }
  const value = readValue(given, flag)
  if (flag.multiple) values[name] = [...((values[name] as unknown[]) ?? []), value]
  else if (name in values) throw new NeedOclif(`${bare} was given twice`)
  else values[name] = value
  return equals < 0
}

function nameOf(bare: string, flags: Flags): string | undefined {
  if (bare.startsWith('--')) return Object.hasOwn(flags, bare.slice(2)) ? bare.slice(2) : undefined
  return Object.keys(flags).find(name => `-${flags[name]!.char}` === bare)
}

function readValue(text: string, flag: FlagDefinition): unknown {
  if (flag.options && !flag.options.includes(text)) throw new NeedOclif('not one of the options')
  if (!flag.integer) return text
  const number = Number(text)
  const fits =
    /^\d+$/.test(text) &&
    number >= (flag.min ?? 0) &&
    number <= (flag.max ?? Number.MAX_SAFE_INTEGER)
  if (!fits) throw new NeedOclif('not a fitting whole number')
  return number
}

function complete(values: Record<string, unknown>, flags: Flags): Record<string, unknown> {
  for (const [name, flag] of Object.entries(flags)) {
    if (name in values) {
      if (flag.exclusive?.some(other => other in values))
        throw new NeedOclif('flags exclude each other')
    } else if (flag.required) throw new NeedOclif(`--${name} is required`)
  }
  for (const [name, flag] of Object.entries(flags)) {
    if (!(name in values) && flag.default !== undefined) values[name] = flag.default
  }
  return values
}

/** One argument may take several words; those behind it are served from the end. */
function placeArgs(words: readonly string[], args: Args): Record<string, unknown> {
  const rest = [...words]
  const placed: Record<string, unknown> = {}
  const entries = Object.entries(args)
  const many = entries.findIndex(([, arg]) => arg.multiple)
  const single = ([name, arg]: [string, ArgDefinition], word: string | undefined) => {
    if (word === undefined && arg.required) throw new NeedOclif(`${name} is missing`)
    if (word !== undefined && arg.options && !arg.options.includes(word))
      throw new NeedOclif(`${name} is none of its options`)
    const value = word ?? arg.default
    if (value !== undefined) placed[name] = value
  }
  if (many < 0) {
    for (const entry of entries) single(entry, rest.shift())
    if (rest.length > 0) throw new NeedOclif('too many words')
    return placed
  }
  for (const entry of entries.slice(0, many)) single(entry, rest.shift())
  for (const entry of entries.slice(many + 1).reverse()) single(entry, rest.pop())
  const [name, arg] = entries[many]!
  if (rest.length === 0 && arg.required) throw new NeedOclif(`${name} is missing`)
  if (rest.length > 0) placed[name] = rest
  return placed
}
