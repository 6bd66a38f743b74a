import { readdir, readFile, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { resolve as resolvePath } from 'node:path'
import type { Clock, Millis, Timer } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import type { Host } from '../../roles/role.ts'
import type { RoleMemory } from './role-memory.ts'

/** What the hands of one role are made of. */
export interface HostParts {
  readonly role: string
  readonly clock: Clock
  readonly memory: RoleMemory
  readonly trace: Trace
  /** What relative paths of its configuration are relative to. */
  readonly folder: string
  /** The role's word on itself; the runner hears it anyway. */
  health?(state: 'running' | 'failed', detail: string): void
}

/** Largest file that a role may read, bytes: configuration, not data. */
const maxFileBytes = 4 * 1024 * 1024
/** Of an HTTP answer's body, kept; the rest is not read. */
const maxBodyBytes = 4096
/** As in Consul. */
const maxRedirects = 10
/** Connections of checks at a time, on one node: those that wait for nobody must not take all the sockets. */
const maxLooks = 128

/** The real hands: this machine's clock, files and network. */
export function realHost(parts: HostParts): Host {
  const { clock, memory, trace, role, folder } = parts
  return {
    now: () => clock.now(),
    wall: () => clock.wall(),
    every: (period, task) =>
      repeat(clock, period, task, error => {
        trace.warn({ role, err: error }, 'a periodic task of a role failed')
      }),
    remember: (key, value) => memory.set(key, value),
    recall: key => memory.get(key),
    readFile: path => readText(resolvePath(folder, path)),
    listFiles: path => list(resolvePath(folder, path)),
    connectTcp: (host, port, timeout) => inTurn(() => connectTcp(host, port, timeout)),
    requestHttp: (url, method, timeout) => inTurn(() => requestHttp(url, method, timeout)),
    health: (state, detail) => parts.health?.(state, detail),
    trace: text => trace.debug({ role }, text),
  }
}

function repeat(
  clock: Clock,
  period: Millis,
  task: () => Promise<void>,
  failed: (error: unknown) => void,
): { cancel(): void } {
  let cancelled = false
  let timer: Timer
  const round = async () => {
    try {
      await task()
    } catch (error) {
      failed(error)
    }
    if (!cancelled) timer = clock.after(period, round)
  }
  timer = clock.after(period, round)
  return {
    cancel() {
      cancelled = true
      timer.cancel()
    },
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const entry = await stat(path)
    if (!entry.isFile() && !entry.isDirectory()) throw new Error('not a file')
    if (entry.size > maxFileBytes) throw new Error(`larger than ${maxFileBytes} bytes`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function list(path: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(path)).sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

const inTurn = turns(maxLooks)

/** Runs tasks, so many at a time, in the order in which they came. */
function turns(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async task => {
    if (running >= most) await new Promise<void>(resolve => waiting.push(resolve))
    else running += 1
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}

function connectTcp(host: string, port: number, timeout: Millis): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const late = setTimeout(() => end(new Error(`no answer within ${timeout} ms`)), timeout)
    function end(error?: Error) {
      clearTimeout(late)
      socket.destroy()
      if (error === undefined) resolve()
      else reject(error)
    }
    socket.once('connect', () => end())
    socket.on('error', end)
  })
}

async function requestHttp(
  url: string,
  method: string,
  timeout: Millis,
): Promise<{ status: number; body: string }> {
  const late = AbortSignal.timeout(timeout)
  try {
    let at = new URL(url)
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const { status, body, location } = await ask(at, method, timeout, late)
      if (location === undefined) return { status, body }
      at = new URL(location, at)
    }
    throw new Error(`more than ${maxRedirects} redirects`)
  } catch (error) {
    throw late.aborted ? new Error(`no answer within ${timeout} ms`) : error
  }
}

/** `location`: the answer is to be looked for there. */
async function ask(at: URL, method: string, timeout: Millis, late: AbortSignal) {
  if (at.protocol !== 'http:' && at.protocol !== 'https:')
    throw new Error(`redirected to ${at.protocol}, which is not HTTP`)
  // Loaded with the first check over HTTP: most agents have none.
  const { Client } = await import('undici')
  // A connection of its own: a check that reuses one does not see that nobody listens any more.
  const client = new Client(at.origin, { connectTimeout: timeout, pipelining: 0 })
  try {
    const path = at.pathname + at.search
    const headers = { 'user-agent': 'hive' }
    const answer = await client.request({ path, method: method as 'GET', headers, signal: late })
    const { statusCode: status } = answer
    const { location } = answer.headers
    const moved = redirects.has(status) && typeof location === 'string'
    return { status, body: await firstOf(answer.body), ...(moved && { location }) }
  } finally {
    await client.destroy()
  }
}

/** With the same method, as health checks ask without a body. */
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** The beginning of a body; the rest is not read. */
async function firstOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= maxBodyBytes) break
  }
  return Buffer.concat(chunks).toString('utf8', 0, maxBodyBytes)
}
