import { chmod, lstat, stat, unlink } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect, type ListenOptions } from 'node:net'
import { dirname } from 'node:path'
import { type Address, formatAddress } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'
import { lastWords } from './last-words.ts'
import { bodyPatience, watchBodies } from './slow-bodies.ts'

// An ES import of node:http touches each of its exports, and with that loads Node's WebSocket: 13 MB of
// memory and 50 ms that nobody needs here.
const { createServer } = process.getBuiltinModule('node:http')

/** Bytes of `sun_path` (unix(7)), less the final zero. */
const socketPathBytes = 107
/** Connections at once per door: beyond, the kernel's queue and then the client wait. */
const maxConnections = 4096
/** How long answers under way may take when the agent stops, ms. */
const closeGrace = 1000

export type Door = (request: IncomingMessage, response: ServerResponse) => void

/** Bounded patience for slow clients; an idle connection of a client's pool may rest longer than Node's 5 s. */
export const patience = {
  keepAliveTimeout: 65_000,
  headersTimeout: 15_000,
  // Of bodies: slow-bodies.ts.
  requestTimeout: 0,
} as const

/** A server of `door` with bounded patience for slow clients; not listening yet. */
export function httpServer(door: Door): Server {
  return bounded(createServer(patience, door))
}

/** Connections have a limit, and what is not HTTP gets an answer. */
export function bounded<T extends Server>(server: T): T {
  server.maxConnections = maxConnections
  watchBodies(server, bodyPatience)
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return
    // Nothing can be said over a handshake that never ends.
    if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return socket.destroy()
    socket.end(refusals[error.code ?? ''] ?? noHttp)
  })
  return server
}

const client = 'use an HTTP client'
const noHttp = lastWords('400 Bad Request', 'BAD_REQUEST', 'this is not HTTP/1.1', client)
const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: lastWords(
    '431 Headers Too Large',
    'BAD_REQUEST',
    'the headers are larger than 16 KiB',
    'send less',
  ),
  ERR_HTTP_REQUEST_TIMEOUT: lastWords(
    '408 Request Timeout',
    'TIMEOUT',
    'the request did not come in time',
    'send it again, in one go',
  ),
}

/**
 * Listens on a unix socket that only this user can open. A socket that a dead agent left is
 * replaced; one that answers, or a file that is no socket, is not touched.
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > socketPathBytes) {
    throw new OperatorError(
      'BAD_CONFIG',
      `the socket path ${path} is longer than ${socketPathBytes} bytes, which is all that the system takes`,
      'choose a shorter one with --socket',
    )
  }
  try {
    await listen(server, { path })
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw await socketFailure(error, path)
    await removeStale(path)
    await listen(server, { path }).catch(async again => {
      throw await socketFailure(again, path)
    })
  }
  await chmod(path, 0o600)
}

export async function listenOnTcp(server: Server, at: Address): Promise<Address> {
  try {
    await listen(server, { host: at.host, port: at.port })
  } catch (error) {
    throw tcpFailure(error, at)
  }
  const bound = server.address()
  return bound !== null && typeof bound === 'object'
    ? { host: bound.address, port: bound.port }
    : at
}

/** Takes no more connections, lets answers under way finish for a moment, then cuts the rest. */
export async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  // A connection whose last answer goes out now becomes idle a moment later.
  const idle = setInterval(() => server.closeIdleConnections(), 20)
  const cut = setTimeout(() => server.closeAllConnections(), closeGrace)
  await closed
  clearInterval(idle)
  clearTimeout(cut)
}

function listen(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const restore = where.path === undefined ? undefined : narrowMask()
    try {
      server.listen(where, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      restore?.()
    }
  })
}

/** The file is made inside `listen`, so nobody else can open it even before its mode is set. */
function narrowMask(): (() => void) | undefined {
  try {
    const before = process.umask(0o177)
    return () => process.umask(before)
  } catch {
    // Worker threads share the process's mask and may not change it; chmod follows.
    return undefined
  }
}

async function removeStale(path: string): Promise<void> {
  const file = await lstat(path)
  if (!file.isSocket()) {
    throw new OperatorError(
      'DATA_DIR',
      `${path} exists and is not a socket`,
      'move it away, or choose another path with --socket',
    )
  }
  if (await answers(path)) {
    throw new OperatorError(
      'PORT_IN_USE',
      `another agent answers on ${path}`,
      'stop it first, or choose another path with --socket',
    )
  }
  await unlink(path)
}

/** Only "nobody listens" proves that the socket is stale; no right to ask proves nothing. */
function answers(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect({ path })
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', error => resolve(codeOf(error) !== 'ECONNREFUSED'))
  })
}

async function socketFailure(error: unknown, path: string): Promise<OperatorError> {
  const code = codeOf(error)
  // libuv says EACCES also where the folder does not exist.
  const folder = await stat(dirname(path)).catch(() => undefined)
  if (!folder?.isDirectory()) {
    return new OperatorError(
      'DATA_DIR',
      `the folder of the socket ${path} does not exist`,
      'create it, or choose another path with --socket',
    )
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new OperatorError(
      'PERMISSION',
      `no permission to create the socket ${path}`,
      'run the agent as a user who may write there, or choose another path with --socket',
    )
  }
  return new OperatorError(
    'PORT_IN_USE',
    `cannot listen on ${path}: ${text(error)}`,
    'choose another --socket',
  )
}

function tcpFailure(error: unknown, at: Address): OperatorError {
  const where = formatAddress(at)
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new OperatorError(
        'PORT_IN_USE',
        `another process listens on ${where}`,
        'stop it, or choose another address with --http, or --http off',
      )
    case 'EACCES':
      return new OperatorError(
        'PERMISSION',
        `no permission to listen on ${where}`,
        'choose a port above 1023 with --http',
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new OperatorError(
        'BAD_CONFIG',
        `${at.host} is not an address of this machine`,
        'choose one of its own with --http',
      )
    default:
      return new OperatorError(
        'PORT_IN_USE',
        `cannot listen on ${where}: ${text(error)}`,
        'choose another --http',
      )
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
