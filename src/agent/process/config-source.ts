import { dirname, isAbsolute, join } from 'node:path'
import type { Problem } from '../../base/errors.ts'
import { lineOf, parseToml } from '../../base/toml.ts'
import type { Option } from './options.ts'

/** Where settings come from, and how a value from anywhere is read by the table's rules. */

/** Flags as the command line gives them: text, or a list of it. */
export type Flags = Readonly<Record<string, unknown>>
export type Environment = Readonly<Record<string, string | undefined>>

/** A value that somebody gave, and where. */
export interface Source {
  /** As the problem names it: `--bind`, `HIVE_BIND`, `bind`. */
  readonly key: string
  readonly raw: unknown
  readonly line?: number
  /** The file it stands in. */
  readonly file?: string
}

export interface Given {
  readonly value: unknown
  readonly source: Source
}

export interface TomlFile {
  readonly path: string
  readonly text: string
  readonly tree: Readonly<Record<string, unknown>>
}

/** From what counts less to what counts more. */
export function outside(option: Option, flags: Flags, env: Environment): Source[] {
  const sources: Source[] = []
  for (const name of [...option.env].reverse()) {
    // An empty variable is how one unsets it in unit files and containers.
    if (env[name]) sources.push({ key: name, raw: option.list ? split(env[name]) : env[name] })
  }
  const flag = flags[option.flag]
  if (flag !== undefined) sources.push({ key: `--${option.flag}`, raw: flag })
  return sources
}

export function inFile(option: Option, { tree, text, path }: TomlFile): Source[] {
  if (option.toml === undefined || tree[option.toml] === undefined) return []
  const line = lineOf(text, option.toml)
  const raw = tree[option.toml] === false && option.field === 'http' ? 'off' : tree[option.toml]
  return [{ key: option.toml, raw, file: path, ...(line !== undefined && { line }) }]
}

function split(list: string): string[] {
  return list
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}

export function readOption(
  option: Option,
  source: Source,
): { value?: unknown; problems: Problem[] } {
  const { raw, key, line } = source
  const problems: Problem[] = []
  const at = (message: string, index?: number) => {
    const where = index === undefined || key.startsWith('-') ? key : `${key}[${index}]`
    problems.push({ key: where, message, ...(line !== undefined && { line }) })
  }
  if (Array.isArray(raw) && !option.list) {
    at('is given more than once')
    return { problems }
  }
  const values = (Array.isArray(raw) ? raw : [raw]).map((item, i) => {
    const text = typeof item === 'number' ? String(item) : item
    const index = Array.isArray(raw) ? i : undefined
    if (typeof text !== 'string')
      return at(`must be text${option.list ? ', or a list of it' : ''}`, index)
    if (text === '') return at('is empty', index)
    const read = option.read(text)
    if ('problem' in read) return at(read.problem, index)
    return option.path ? besideFile(read.value as string, source) : read.value
  })
  if (problems.length > 0) return { problems }
  return { value: option.list ? [...new Set(values)] : values[0], problems }
}

function besideFile(path: string, { file }: Source): string {
  return file === undefined || isAbsolute(path) ? path : join(dirname(file), path)
}

export function readToml(
  path: string,
  readFile: (path: string) => string,
  problems: Problem[],
): TomlFile | undefined {
  let text: string
  try {
    text = readFile(path)
  } catch (error) {
    problems.push({ key: path, message: whyUnreadable(error) })
    return undefined
  }
  const parsed = parseToml(text)
  if ('value' in parsed) return { path, text, tree: parsed.value }
  problems.push(...parsed.problems)
  return undefined
}

function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'no permission to read it'
  return code === 'EISDIR' ? 'is a folder, not a file' : `cannot be read: ${message}`
}
