import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import type { Address } from '../../base/address.ts'
import { formatProblem, unknownKey } from '../../base/check.ts'
import { OperatorError, type Problem } from '../../base/errors.ts'
import { lineOf } from '../../base/toml.ts'
import { builtInRoles, type RoleFacts } from '../../roles/registry.ts'
import type { AgentConfig } from './config.ts'
import {
  type Environment,
  type Flags,
  type Given,
  inFile,
  outside,
  readOption,
  readToml,
  type Source,
  type TomlFile,
} from './config-source.ts'
import { defaultPorts, type Option, options } from './options.ts'
import { advertised, isWildcard, ownAddresses } from './own-address.ts'

/** What defaults depend on besides the environment, so that tests need no machine. */
export interface Surroundings {
  readonly hostname: string
  /** Effective user id; 0 is root. */
  readonly uid: number
  /** Where other machines find this one. */
  readonly addresses: readonly string[]
  readonly roles: readonly RoleFacts[]
}

/** Bytes of a unix socket's path that the system takes (unix(7), less the final zero). */
const socketPathBytes = 107

/**
 * The file, then HIVE_* over it, then flags over both, checked as a whole. `readFile` throws as
 * node:fs does. Throws OperatorError BAD_CONFIG with all problems, each with key and, in the file, line.
 */
export function loadConfig(
  flags: Flags,
  env: Environment,
  readFile: (path: string) => string,
  around: Surroundings = thisMachine(),
): AgentConfig {
  const problems: Problem[] = []
  const given = new Map<Option['field'], Given>()
  const gather = (option: Option, source: Source) => {
    const read = readOption(option, source)
    problems.push(...read.problems)
    if (read.value !== undefined) given.set(option.field, { value: read.value, source })
  }

  for (const option of options)
    for (const source of outside(option, flags, env)) gather(option, source)
  const path = given.get('config')?.value as string | undefined
  const file = path === undefined ? undefined : readToml(path, readFile, problems)
  const overridden = new Map(given)
  if (file !== undefined) {
    for (const option of options) for (const source of inFile(option, file)) gather(option, source)
    problems.push(...unknownKeys(file))
  }
  for (const [field, value] of overridden) given.set(field, value)

  const roleConfig = readRoles(file, around.roles, problems)
  problems.push(...unknownRoles(given.get('roles'), around.roles))
  const config = withDefaults(given, roleConfig, env, around, problems)
  const { socket } = config
  if (Buffer.byteLength(socket) > socketPathBytes) {
    const key = (given.get('socket') ?? given.get('dataDir'))?.source.key ?? 'socket'
    problems.push({
      key,
      message: `the socket path ${socket} is longer than ${socketPathBytes} bytes, which is all that the system takes`,
    })
  }
  if (problems.length > 0) throw badConfig(problems, path)
  return path === undefined ? config : { ...config, folder: dirname(path) }
}

function thisMachine(): Surroundings {
  return {
    hostname: hostname(),
    uid: process.geteuid?.() ?? -1,
    addresses: ownAddresses(),
    roles: builtInRoles,
  }
}

function unknownKeys({ tree, text }: TomlFile): Problem[] {
  const known = [...options.flatMap(({ toml }) => toml ?? []), 'role']
  return Object.keys(tree)
    .filter(key => !known.includes(key))
    .map(key => located({ key, message: unknownKey(key, known) }, text))
}

/** `[role.NAME]` tables, each checked by its role. */
function readRoles(
  file: TomlFile | undefined,
  roles: readonly RoleFacts[],
  problems: Problem[],
): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  if (file?.tree.role === undefined) return out
  const tables = file.tree.role
  if (typeof tables !== 'object' || tables === null || Array.isArray(tables)) {
    const message =
      'must be tables such as [role.host]; which roles a node has is said by roles = [...]'
    problems.push(located({ key: 'role', message }, file.text))
    return out
  }
  for (const [name, raw] of Object.entries(tables)) {
    const role = roles.find(one => one.name === name)
    const read = role?.parse(raw) ?? { problems: [{ key: '', message: unknownRole(name, roles) }] }
    if ('config' in read) out[name] = raw
    else problems.push(...read.problems.map(problem => located(below(name, problem), file.text)))
  }
  return out
}

function below(role: string, { key, message }: Problem): Problem {
  return { key: key === '' ? `role.${role}` : `role.${role}.${key}`, message }
}

function located(problem: Problem, text: string): Problem {
  const line = lineOf(text, problem.key)
  return line === undefined ? problem : { ...problem, line }
}

function unknownRoles(given: Given | undefined, roles: readonly RoleFacts[]): Problem[] {
  if (given === undefined) return []
  const { key, line } = given.source
  return (given.value as string[])
    .filter(name => !roles.some(role => role.name === name))
    .map(name => ({
      key,
      message: `"${name}" is ${unknownRole(name, roles)}`,
      ...(line !== undefined && { line }),
    }))
}

function unknownRole(name: string, roles: readonly RoleFacts[]): string {
  return `no role of this build: ${unknownKey(
    name,
    roles.map(role => role.name),
  )}`
}

function withDefaults(
  given: ReadonlyMap<Option['field'], Given>,
  roleConfig: Record<string, unknown>,
  env: Environment,
  around: Surroundings,
  problems: Problem[],
): AgentConfig {
  const get = <F extends keyof AgentConfig>(field: F, otherwise: AgentConfig[F]) =>
    given.has(field) ? (given.get(field)!.value as AgentConfig[F]) : otherwise
  const dataDir = get('dataDir', defaultDataDir(env, around.uid) ?? '')
  if (dataDir === '') {
    problems.push({ key: 'data_dir', message: 'is missing, and there is no HOME to put it in' })
  }
  const name = get('name', nameOfHost(around.hostname))
  if (name === '') {
    problems.push({ key: 'name', message: `is missing, and "${around.hostname}" makes none` })
  }
  const bind = get('bind', { host: '127.0.0.1', port: defaultPorts.peers })
  return {
    name,
    dataDir,
    bind,
    advertise: get('advertise', null) ?? ownAddress(bind, around, problems),
    http: get('http', { host: '127.0.0.1', port: 4480 }),
    httpTls: get('httpTls', 'auto'),
    httpAuth: get('httpAuth', 'auto'),
    socket: get('socket', join(dataDir, 'agent.sock')),
    join: get('join', []),
    roles: get('roles', []),
    roleConfig,
    dc: get('dc', 'dc1'),
    logLevel: get('logLevel', 'info'),
    timingFactor: get('timingFactor', 1),
    maxClockSkew: get('maxClockSkew', 60_000),
    secretFile: get('secretFile', null),
    tokenFile: get('tokenFile', null),
    certificateLife: get('certificateLife', 30 * 86_400_000),
    snapshotEvery: get<'snapshotEvery'>('snapshotEvery', 6 * 3_600_000),
    snapshotKeep: get('snapshotKeep', 7),
    socketGroup: get('socketGroup', null),
  }
}

/** Null: what it binds to can be dialled. */
function ownAddress(bind: Address, { addresses }: Surroundings, problems: Problem[]) {
  if (!isWildcard(bind.host)) return null
  const found = advertised(bind.host, addresses)
  if ('host' in found) return { host: found.host, port: bind.port }
  problems.push(found)
  return null
}

function defaultDataDir(env: Environment, uid: number): string | undefined {
  if (uid === 0) return '/var/lib/hive'
  return env.HOME ? join(env.HOME, '.local/share/hive') : undefined
}

/** `Web-1.example.com` → `web-1`. */
function nameOfHost(host: string): string {
  const first = host.split('.')[0]!.toLowerCase()
  return first
    .replace(/[^a-z0-9-]/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '')
}

function badConfig(problems: readonly Problem[], path: string | undefined): OperatorError {
  // As somebody reads who goes through the file; what is outside of it comes first.
  const inOrder = [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
  const lines = inOrder.map(problem => {
    const text = formatProblem(problem)
    return problem.line === undefined ? text : `${path} ${text}`
  })
  const head = lines.length === 1 ? '' : `the configuration has ${lines.length} problems:\n  `
  return new OperatorError(
    'BAD_CONFIG',
    head + lines.join('\n  '),
    lines.length === 1 ? 'correct it and start again' : 'correct them and start again',
  )
}
