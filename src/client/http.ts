import { readFileSync } from 'node:fs'
import {
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import { OperatorError } from '../base/errors.ts'
import type { Millis } from '../base/time.ts'
import { whyUnreadable } from '../base/unreadable.ts'
import { type Door, describeDoor } from './door.ts'

/**
 * One HTTP exchange with an agent. `node:http` and nothing else: `fetch` alone would double the time a
 * command takes to start.
 */
export interface Exchange {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With the query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Instead: sent as the agent takes it in. `timeout` then counts from the last sign of life. */
  readonly upload?: AsyncIterable<Uint8Array>
  /** Takes in the body of an answer of 200, as it comes, instead of memory. The same of `timeout`. */
  readonly sink?: (bytes: Uint8Array, answer: Pick<Answer, 'headers'>) => void | Promise<void>
  /** From the start to the last byte of the answer. */
  readonly timeout: Millis
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** An answer over this is not read to its end: no agent sends it, and a stranger's must not fill memory. */
export const maxAnswerBytes = 64 * 1024 * 1024

/** The system's errors that say nobody listens there: nothing was sent, so another door may be tried. */
const nobodyThere = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ENOTSOCK',
  'ENOTDIR',
  'EHOSTUNREACH',
  'ENOTFOUND',
])

/** OpenSSL's words for a chain that ends nowhere, or at somebody unknown, or at a wrong time. */
const untrusted =
  /^(UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|CERT_|CERTIFICATE_|ERR_SSL_TLSV1_ALERT_UNKNOWN_CA|INVALID_CA)/

/** Rejects with OperatorError: NO_AGENT (see `nobody`), PERMISSION, UNTRUSTED, TIMEOUT, BAD_REQUEST. */
export function exchange(door: Door, ask: Exchange): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const secure = door.kind === 'tcp' && door.tls
    const headers: Record<string, string | number> = { ...ask.headers, connection: 'close' }
    if (ask.body) headers['content-length'] = ask.body.length
    if (door.kind === 'tcp' && door.tokenFile) {
      headers.authorization = `Bearer ${readToken(door.tokenFile)}`
    }
    const begin = secure ? process.getBuiltinModule('node:https').request : httpRequest
    const request = begin({
      ...targetOf(door),
      method: ask.method,
      path: ask.path,
      headers,
      agent: false,
    })
    const timer = setTimeout(() => request.destroy(late(door, ask.timeout)), ask.timeout)
    const alive = () => timer.refresh()
    const fail = (error: Error) => {
      clearTimeout(timer)
      reject(error instanceof OperatorError ? error : doorError(door, error))
    }
    request.on('error', fail)
    request.on('response', response => {
      if (ask.sink && response.statusCode === 200) {
        drain(response, ask.sink, alive).then(() => {
          clearTimeout(timer)
          resolve({ status: 200, headers: response.headers, body: Buffer.alloc(0) })
        }, fail)
        return
      }
      const chunks: Buffer[] = []
      let size = 0
      response.on('error', fail)
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > maxAnswerBytes) request.destroy(stranger(door, 'its answer does not end'))
        else chunks.push(chunk)
      })
      response.on('end', () => {
        clearTimeout(timer)
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        })
      })
    })
    if (ask.upload) send(request, ask.upload, alive).catch(error => request.destroy(error))
    else request.end(ask.body)
  })
}

async function drain(
  response: IncomingMessage,
  sink: NonNullable<Exchange['sink']>,
  alive: () => void,
): Promise<void> {
  for await (const bytes of response) {
    alive()
    await sink(bytes as Buffer, response)
  }
}

/** Waits whenever the agent is slower; ends early when it has answered already. */
async function send(
  request: ClientRequest,
  pieces: AsyncIterable<Uint8Array>,
  alive: () => void,
): Promise<void> {
  let answered = false
  request.once('response', () => {
    answered = true
  })
  for await (const bytes of pieces) {
    if (answered || request.destroyed) return
    alive()
    if (!request.write(bytes)) await roomOrEnd(request)
  }
  request.end()
}

function roomOrEnd(request: ClientRequest): Promise<void> {
  return new Promise(resolve => {
    const events = ['drain', 'response', 'close']
    const done = () => {
      for (const event of events) request.off(event, done)
      resolve()
    }
    for (const event of events) request.on(event, done)
  })
}

function targetOf(door: Door) {
  if (door.kind === 'socket') return { socketPath: door.path }
  const { address, caFile } = door
  const { host, port } = address
  return { host, port, ...(caFile && { ca: readAuthority(caFile) }) }
}

/** What holds no certificate would be taken for an authority that certifies nobody. */
function readAuthority(path: string): string {
  const pem = readText(path, 'authority')
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  throw new OperatorError(
    'BAD_REQUEST',
    `what the file ${path} holds is no certificate in PEM`,
    'make it on a node: hive ca show --pem > ca.pem',
  )
}

/** A token of the API; its text is in no message. */
function readToken(path: string): string {
  const token = readText(path, 'token').trim()
  // Anything else, the cluster's secret for instance, is not for the other end to see.
  if (/^hive1api\.[\w.-]{1,512}$/.test(token)) return token
  throw new OperatorError(
    'BAD_REQUEST',
    `what the file ${path} holds is no token of the API`,
    'make one on a node: hive token create --api --policy read > FILE',
  )
}

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new OperatorError(
      'BAD_REQUEST',
      `cannot read the ${what} file ${path}: ${whyUnreadable(error as NodeJS.ErrnoException)}`,
      'check --api-token-file, --ca-file, HIVE_API_TOKEN_FILE and HIVE_CA_FILE',
    )
  }
}

/** Nobody listened: the request was never sent. */
export class Nobody extends OperatorError {
  constructor(
    message: string,
    remedy = 'start one with: hive agent, or name its socket with --socket PATH',
  ) {
    super('NO_AGENT', message, remedy)
  }
}

/** Whoever named an address or a socket has to look there. */
export function nobodyBehind(door: Door): Nobody {
  const message = `no agent answers at ${describeDoor(door)}`
  return door.kind === 'tcp'
    ? new Nobody(message, 'check the address, and that the agent there runs with --http HOST:PORT')
    : new Nobody(message)
}

/** Somebody listens, who is not a hive agent. */
export function stranger(door: Door, why: string): OperatorError {
  return new OperatorError(
    'NO_AGENT',
    `${describeDoor(door)} answers, but not as a hive agent: ${why}`,
    'check --socket, --address, HIVE_SOCKET and HIVE_HTTP_ADDR',
  )
}

function late(door: Door, timeout: Millis): OperatorError {
  return new OperatorError(
    'TIMEOUT',
    `the agent at ${describeDoor(door)} gave no answer in ${timeout / 1000} s; what was asked may still happen`,
    'look at: hive status, and at the agent’s own output',
  )
}

function doorError(door: Door, error: Error & { code?: string }): OperatorError {
  const where = describeDoor(door)
  const code = error.code ?? ''
  if (nobodyThere.has(code)) return nobodyBehind(door)
  if (code === 'EACCES' || code === 'EPERM') {
    return new OperatorError(
      'PERMISSION',
      `the agent’s socket ${where} may not be opened by this user`,
      'run the command as the user of the agent, for example with sudo',
    )
  }
  if (code === 'EINVAL' || code === 'ENAMETOOLONG') {
    return new OperatorError(
      'BAD_REQUEST',
      `${where} cannot be a socket: the path is too long`,
      'give a shorter one with --socket',
    )
  }
  if (untrusted.test(code)) {
    return new OperatorError(
      'UNTRUSTED',
      `${where} has no certificate that this command believes: ${error.message}`,
      'on a node: hive ca show --pem > ca.pem; then give it here with --ca-file ca.pem',
    )
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new OperatorError(
      'UNTRUSTED',
      `the certificate of ${where} is for another name: ${error.message}`,
      'use the address that the node advertises, or NAME.node.hive',
    )
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO')
    return stranger(door, 'it does not speak TLS here; try without https://')
  if (code.startsWith('HPE_')) return stranger(door, 'it does not speak HTTP')
  return new OperatorError(
    'NO_AGENT',
    `the agent at ${where} broke the connection off (${code || error.message}); what was asked may still happen`,
    'look at: hive status, and at the agent’s own output',
  )
}
