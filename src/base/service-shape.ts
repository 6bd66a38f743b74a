import * as z from 'zod/mini'
import { parseAddress } from './address.ts'
import { type Checked, check, formatPath } from './check.ts'
import { parseDuration } from './duration.ts'
import type { Problem } from './errors.ts'
import { type CheckDefinition, type ServiceDefinition, serviceLimits } from './service.ts'

/**
 * Consul's registration JSON (`PUT /v1/agent/service/register`, and `service` in its files), turned
 * into a definition. Keys are matched as Consul matches them, without regard to case and underscores:
 * clients write `CheckID`, files `check_id`. Fields that would change behaviour and that hive does
 * not have are refused rather than ignored.
 */
export function parseService(raw: unknown, at = ''): Checked<ServiceDefinition> {
  const { service, list } = canonicalService(raw)
  const shaped = check(serviceShape, service, at)
  if ('problems' in shaped) return { problems: shaped.problems.map(named(list, at)) }
  const { ID, Name, Tags, Address, Port, Meta, Check, Checks } = shaped.value
  const id = ID ?? Name
  const shapes = [
    ...(Check === undefined ? [] : [{ shape: Check, key: formatPath(['Check'], at) }]),
    ...(Checks ?? []).map((shape, i) => ({ shape, key: formatPath([list, i], at) })),
  ]
  const problems: Problem[] = []
  const checks: CheckDefinition[] = []
  const ids = new Set<string>()
  for (const [i, { shape, key }] of shapes.entries()) {
    const fallback = shapes.length === 1 ? `service:${id}` : `service:${id}:${i + 1}`
    const parsed = parseCheck(shape, fallback, `Service '${Name}' check`, key)
    if ('problems' in parsed) {
      problems.push(...parsed.problems)
      continue
    }
    if (ids.has(parsed.value.id)) {
      problems.push({ key: `${key}.CheckID`, message: `"${parsed.value.id}" is given twice` })
    }
    ids.add(parsed.value.id)
    checks.push(parsed.value)
  }
  if (problems.length > 0) return { problems }
  return {
    value: {
      id,
      name: Name,
      tags: Tags ?? [],
      address: Address ?? '',
      port: Port ?? 0,
      meta: Meta ?? {},
      checks,
    },
  }
}

const durationMessage = 'must be a duration such as 10s or 1m30s'
const duration = z
  .string()
  .check(z.refine(text => parseDuration(text) !== undefined, durationMessage))
const label = z.string().check(z.minLength(1), z.maxLength(serviceLimits.idBytes))
const count = z.int().check(z.gte(0), z.lte(1000))

const checkShape = z.strictObject({
  CheckID: z.optional(label),
  ID: z.optional(label),
  Name: z.optional(label),
  Notes: z.optional(z.string().check(z.maxLength(serviceLimits.outputChars))),
  Status: z.optional(z.enum(['', 'passing', 'warning', 'critical'])),
  TCP: z.optional(z.string()),
  HTTP: z.optional(z.string()),
  Method: z.optional(
    z.string().check(z.regex(/^[A-Z]{0,16}$/, 'must be an HTTP method in capitals')),
  ),
  TTL: z.optional(duration),
  Interval: z.optional(duration),
  Timeout: z.optional(duration),
  DeregisterCriticalServiceAfter: z.optional(duration),
  SuccessBeforePassing: z.optional(count),
  FailuresBeforeCritical: z.optional(count),
})

const serviceShape = z.strictObject({
  ID: z.optional(label),
  Name: label,
  Tags: z.optional(z.array(z.string()).check(z.maxLength(serviceLimits.tags))),
  Address: z.optional(z.string().check(z.maxLength(255))),
  Port: z.optional(z.int().check(z.gte(0), z.lte(65535))),
  Meta: z.optional(
    z
      .record(
        z.string().check(z.maxLength(serviceLimits.metaBytes)),
        z.string().check(z.maxLength(serviceLimits.metaBytes)),
      )
      .check(z.refine(meta => Object.keys(meta).length <= serviceLimits.meta, metaMessage())),
  ),
  Check: z.optional(checkShape),
  Checks: z.optional(z.array(checkShape).check(z.maxLength(serviceLimits.checks))),
  EnableTagOverride: z.optional(z.literal(false)),
})

const checkKeys = Object.keys(checkShape.def.shape)
const serviceKeys = Object.keys(serviceShape.def.shape)

function metaMessage(): string {
  return `must have at most ${serviceLimits.meta} entries`
}

function parseCheck(
  shape: z.infer<typeof checkShape>,
  fallbackId: string,
  fallbackName: string,
  key: string,
): Checked<CheckDefinition> {
  const problems: Problem[] = []
  const kinds = [shape.TCP, shape.HTTP, shape.TTL].filter(value => value !== undefined)
  if (kinds.length !== 1) {
    problems.push({ key, message: 'needs exactly one of TCP, HTTP and TTL' })
  }
  const active = shape.TCP ?? shape.HTTP
  const interval = millis(shape.Interval) ?? 0
  if (active !== undefined && interval < 1000) {
    problems.push({ key: `${key}.Interval`, message: 'must be given, and at least 1s' })
  }
  if (shape.TTL !== undefined && millis(shape.TTL)! < 1000) {
    problems.push({ key: `${key}.TTL`, message: 'must be at least 1s' })
  }
  if (shape.TCP !== undefined) {
    const target = parseAddress(shape.TCP, -1, `${key}.TCP`)
    if ('message' in target) problems.push(target)
    else if (target.port <= 0) problems.push({ key: `${key}.TCP`, message: 'must be HOST:PORT' })
  }
  if (shape.HTTP !== undefined && !isHttpUrl(shape.HTTP)) {
    problems.push({ key: `${key}.HTTP`, message: 'must be an http:// or https:// URL' })
  }
  if (problems.length > 0) return { problems }

  const initial = shape.Status === '' ? undefined : shape.Status
  const deregisterAfter = millis(shape.DeregisterCriticalServiceAfter)
  const common = {
    id: shape.CheckID ?? shape.ID ?? fallbackId,
    name: shape.Name ?? fallbackName,
    timeout: millis(shape.Timeout) || 10_000,
    ...(initial && { initial }),
    ...(shape.Notes && { notes: shape.Notes }),
    ...(deregisterAfter && { deregisterAfter }),
    ...(shape.SuccessBeforePassing && { successesNeeded: shape.SuccessBeforePassing }),
    ...(shape.FailuresBeforeCritical && { failuresNeeded: shape.FailuresBeforeCritical }),
  }
  if (shape.TCP !== undefined) {
    return { value: { ...common, kind: 'tcp', target: shape.TCP, interval } }
  }
  if (shape.HTTP !== undefined) {
    const method = shape.Method || 'GET'
    return { value: { ...common, kind: 'http', url: shape.HTTP, method, interval } }
  }
  return { value: { ...common, kind: 'ttl', ttl: millis(shape.TTL)! } }
}

function millis(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text)
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^\s/?#]+\S*$/.test(text)
}

/** `list`: the key under which the list of checks stands; a file may have it as `check`. */
function canonicalService(raw: unknown): { service: unknown; list: 'Check' | 'Checks' } {
  const service = canonical(raw, serviceKeys)
  if (!isObject(service)) return { service, list: 'Checks' }
  const list = Array.isArray(service.Check) && service.Checks === undefined ? 'Check' : 'Checks'
  if (list === 'Check') {
    service.Checks = service.Check
    delete service.Check
  }
  if (isObject(service.Check)) service.Check = canonical(service.Check, checkKeys)
  if (Array.isArray(service.Checks)) {
    service.Checks = service.Checks.map(one => canonical(one, checkKeys))
  }
  return { service, list }
}

function named(list: string, at: string): (problem: Problem) => Problem {
  const prefix = formatPath(['Checks'], at)
  return problem => {
    if (list === 'Checks' || !problem.key.startsWith(prefix)) return problem
    return { ...problem, key: formatPath([list], at) + problem.key.slice(prefix.length) }
  }
}

/** A copy with the known keys in their usual spelling, and without nulls, which clients send for "absent". */
export function canonical(raw: unknown, known: readonly string[]): unknown {
  if (!isObject(raw)) return raw
  const spelling = new Map(known.map(key => [folded(key), key]))
  const out: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(raw)) {
    if (value !== null) out[spelling.get(folded(key)) ?? key] = value
  }
  return out
}

function folded(key: string): string {
  return key.toLowerCase().replaceAll(/[_-]/g, '')
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
