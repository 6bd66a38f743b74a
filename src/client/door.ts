import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, formatAddress, parseAddress } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'

/** Where an agent may be reached: its local socket, or its HTTP address. */
export type Door =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly address: Address }

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
export function doorsOf(
  asked: { readonly socket?: string | undefined; readonly address?: string | undefined },
  around: Surroundings,
): Door[] {
  const { env } = around
  if (asked.socket !== undefined) return [socket(asked.socket)]
  if (asked.address !== undefined) return [tcp(asked.address, '--address')]
  if (env.HIVE_SOCKET) return [socket(env.HIVE_SOCKET)]
  if (env.HIVE_HTTP_ADDR) return [tcp(env.HIVE_HTTP_ADDR, 'HIVE_HTTP_ADDR')]
  if (env.HIVE_DATA_DIR) return [socket(join(env.HIVE_DATA_DIR, 'agent.sock'))]
  const doors = devSockets(around.cwd)
  if (around.home) doors.push(socket(join(around.home, '.local/share/hive/agent.sock')))
  doors.push(socket('/var/lib/hive/agent.sock'))
  return doors
}

export function describeDoor(door: Door): string {
  return door.kind === 'socket' ? door.path : formatAddress(door.address)
}

function socket(path: string): Door {
  return { kind: 'socket', path }
}

function tcp(text: string, key: string): Door {
  const address = parseAddress(text.replace(/^http:\/\//, '').replace(/\/$/, ''), httpPort, key)
  if ('host' in address) return { kind: 'tcp', address }
  throw new OperatorError(
    'BAD_REQUEST',
    `${key} ${address.message}`,
    'write HOST:PORT, for example 127.0.0.1:4480',
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
    .map(name => socket(join(cwd, '.hive', name, 'agent.sock')))
}
