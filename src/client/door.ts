import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, formatAddress, parseAddress } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'

/** What was said on the command line. */
export interface Asked {
  readonly socket?: string | undefined
  readonly address?: string | undefined
  readonly 'api-token-file'?: string | undefined
  readonly 'ca-file'?: string | undefined
}

/** Where an agent may be reached: its local socket, or its HTTP address. */
export type Door =
  | { readonly kind: 'socket'; readonly path: string; readonly dev?: true }
  | ({ readonly kind: 'tcp'; readonly address: Address } & Remote)

/** What a door that is not on this machine wants. */
export interface Remote {
  /** https:// */
  readonly tls?: boolean
  /** File with a token of the API. */
  readonly tokenFile?: string
  /** File with the authority to believe, PEM; absent: those that the system believes. */
  readonly caFile?: string
}

/** What the search for an agent depends on, so that tests need neither a home nor an environment. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly home: string | undefined
}

const httpPort = 4480

/** Sockets of `hive dev` looked at below one directory; a person's cluster has a handful. */
const maxDevSockets = 64

/**
 * Doors to try, best first. Who names one (by flag, then by variable) gets that one only; otherwise the data
 * directory of the environment, a `hive dev` cluster in the current directory, then the user's and the system's agent.
 */
export function doorsOf(asked: Asked, around: Surroundings): Door[] {
  const { env } = around
  if (asked.socket !== undefined) return [socket(asked.socket)]
  if (asked.address !== undefined) return [tcp(asked.address, '--address', asked, env)]
  if (env.HIVE_SOCKET) return [socket(env.HIVE_SOCKET)]
  if (env.HIVE_HTTP_ADDR) return [tcp(env.HIVE_HTTP_ADDR, 'HIVE_HTTP_ADDR', asked, env)]
  if (env.HIVE_DATA_DIR) return [socket(join(env.HIVE_DATA_DIR, 'agent.sock'))]
  const doors = devSockets(around.cwd)
  if (around.home) doors.push(socket(join(around.home, '.local/share/hive/agent.sock')))
  doors.push(socket('/var/lib/hive/agent.sock'))
  return doors
}

export function describeDoor(door: Door): string {
  if (door.kind === 'socket') return door.path
  return `${door.tls ? 'https://' : ''}${formatAddress(door.address)}`
}

/** Found in the `.hive` of the current directory; nobody named it. */
export function isDevSocket(door: Door): boolean {
  return door.kind === 'socket' && door.dev === true
}

function socket(path: string): Door {
  return { kind: 'socket', path }
}

function tcp(text: string, key: string, asked: Asked, env: Surroundings['env']): Door {
  const bare = text.replace(/^https?:\/\//, '').replace(/\/$/, '')
  const address = parseAddress(bare, httpPort, key)
  const tokenFile = asked['api-token-file'] ?? env.HIVE_API_TOKEN_FILE
  const caFile = asked['ca-file'] ?? env.HIVE_CA_FILE
  if ('host' in address) {
    return {
      kind: 'tcp',
      address,
      ...(text.startsWith('https://') && { tls: true }),
      ...(tokenFile && { tokenFile }),
      ...(caFile && { caFile }),
    }
  }
  throw new OperatorError(
    'BAD_REQUEST',
    `${key} ${address.message}`,
    'write HOST:PORT or https://HOST:PORT, for example 127.0.0.1:4480',
  )
}

/** `.hive/n1/agent.sock` and its like, in the order of the nodes' numbers. */
function devSockets(cwd: string): Door[] {
  let names: string[]
  try {
    names = readdirSync(join(cwd, '.hive'))
  } catch {
    return []
  }
  const byNumber = (a: string, b: string) => a.length - b.length || (a < b ? -1 : 1)
  return names
    .filter(name => !name.includes('.'))
    .sort(byNumber)
    .slice(0, maxDevSockets)
    .map(name => ({ kind: 'socket', path: join(cwd, '.hive', name, 'agent.sock'), dev: true }))
}
