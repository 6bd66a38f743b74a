import { parse } from 'node:querystring'
import { OperatorError, type Problem } from '../base/errors.ts'
import { didYouMean } from '../base/similar.ts'
import { utf8 } from '../base/utf8.ts'
import { BadRequest, badRequest } from './failure.ts'
import { type Consistency, kvLimits } from './types.ts'
import { defaultWait, parseWait } from './waiting.ts'

/** What a request under `/v1/kv/` asks for, read from its URL alone. */
export interface KvRequest {
  readonly key: string
  readonly recurse: boolean
  readonly keys: boolean
  readonly raw: boolean
  readonly separator: string
  readonly consistency: Consistency
  readonly flags: number
  readonly cas?: number
  readonly index?: number
  readonly wait: number
}

export const kvPrefix = '/v1/kv/'

type Method = 'GET' | 'PUT' | 'DELETE'

const allowed: Readonly<Record<Method, readonly string[]>> = {
  GET: ['raw', 'recurse', 'keys', 'separator', 'stale', 'consistent', 'index', 'wait'],
  PUT: ['cas', 'flags'],
  DELETE: ['cas', 'recurse'],
}

/** Consul's clients send these; a cluster here has one store and, for now, no tokens. */
const ignored = new Set(['dc', 'token', 'ns', 'partition', 'pretty', 'cached', 'near'])

const plain = {
  recurse: false,
  keys: false,
  raw: false,
  separator: '',
  consistency: 'default',
  flags: 0,
  wait: 0,
} as const

/** Throws BadRequest with all that is wrong, or TOO_LARGE for the key. */
export function parseKvRequest(method: Method, url: string): KvRequest {
  const mark = url.indexOf('?')
  const key = parseKey(mark < 0 ? url.slice(kvPrefix.length) : url.slice(kvPrefix.length, mark))
  const request = mark < 0 ? { key, ...plain } : parseQuery(method, key, url.slice(mark + 1))
  if (key === '' && !request.recurse && !request.keys) {
    throw badRequest('key', 'is missing; write /v1/kv/KEY, or add ?recurse for all keys')
  }
  return request
}

function parseKey(encoded: string): string {
  let key = encoded
  if (encoded.includes('%')) {
    try {
      key = decodeURIComponent(encoded)
    } catch {
      throw badRequest('key', 'its %-escapes are not UTF-8; write a literal % as %25')
    }
  }
  // A UTF-16 unit is at most three bytes of UTF-8: short keys need no counting.
  if (key.length * 3 > kvLimits.keyBytes && utf8(key).length > kvLimits.keyBytes) {
    throw new OperatorError(
      'TOO_LARGE',
      `the key is longer than ${kvLimits.keyBytes} bytes`,
      'choose a shorter key',
    )
  }
  return key
}

function parseQuery(method: Method, key: string, text: string): KvRequest {
  const query = parse(text)
  const problems: Problem[] = []
  const get = (name: string): string | undefined => {
    const value = query[name]
    if (Array.isArray(value)) problems.push({ key: name, message: 'is given twice' })
    return Array.isArray(value) ? value[0] : value
  }
  const flag = (name: string): boolean => {
    const value = get(name)
    return value !== undefined && value !== 'false' && value !== '0'
  }
  const count = (name: string): number | undefined => {
    const value = get(name)
    if (value === undefined) return undefined
    if (/^\d{1,15}$/.test(value)) return Number(value)
    problems.push({ key: name, message: 'must be a whole number from 0 to 999999999999999' })
    return undefined
  }
  for (const name of Object.keys(query)) {
    if (allowed[method].includes(name) || ignored.has(name)) continue
    problems.push({ key: name, message: unknownParameter(name, method) })
  }
  const stale = flag('stale')
  if (flag('consistent') && stale) {
    problems.push({ key: 'stale', message: 'contradicts consistent; give one of them' })
  }
  const cas = count('cas')
  const index = count('index')
  const wait = get('wait')
  const millis = wait === undefined ? defaultWait : parseWait(wait)
  if (millis === undefined)
    problems.push({ key: 'wait', message: 'must be a duration such as 10s' })
  const request: KvRequest = {
    key,
    recurse: flag('recurse'),
    keys: flag('keys'),
    raw: flag('raw'),
    separator: get('separator') ?? '',
    consistency: stale ? 'stale' : flag('consistent') ? 'consistent' : 'default',
    flags: count('flags') ?? 0,
    wait: millis ?? 0,
    ...(cas !== undefined && { cas }),
    ...(index !== undefined && index > 0 && { index }),
  }
  if (problems.length > 0) throw new BadRequest(problems)
  return request
}

function unknownParameter(name: string, method: Method): string {
  if (name === 'acquire' || name === 'release') return 'locks by session are not supported yet'
  const meant = didYouMean(name, allowed[method])
  const known = `${method} knows ${allowed[method].join(', ')}`
  return meant === undefined ? `unknown; ${known}` : `unknown; did you mean ${meant}?`
}
