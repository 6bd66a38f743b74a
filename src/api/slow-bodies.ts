import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { lastWords } from './last-words.ts'

/**
 * Bodies that do not come. Node's own bound (`requestTimeout`) is one for all, counted from a request's first byte; but
 * a snapshot that is restored comes as fast as it is agreed on, and may take an hour. So a body has a time in which to be
 * complete, and one that may be of any length has it from each sign of life to the next.
 */
export const bodyPatience: Patience = { body: 60_000, look: 5_000 }

const unhurried = new WeakSet<IncomingMessage>()

/** Its body may take any time, as long as it comes. */
export function takeTime(request: IncomingMessage): void {
  unhurried.add(request)
}

interface Coming {
  readonly response: ServerResponse
  /** Since when it has been still, if it may take its time; else since it began. */
  since: number
  bytes: number
}

/** From when the server listens until it closes. */
export function watchBodies(server: Server, patience: Patience): void {
  const coming = new Map<IncomingMessage, Coming>()
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!hasBody(request)) return
    coming.set(request, { response, since: performance.now(), bytes: request.socket.bytesRead })
    request.once('close', () => coming.delete(request))
  })
  server.on('listening', () => {
    const timer = setInterval(() => {
      for (const [request, body] of coming) {
        if (request.complete) coming.delete(request)
        else look(request, body, patience.body)
      }
    }, patience.look)
    timer.unref()
    server.once('close', () => clearInterval(timer))
  })
}

interface Patience {
  /** In which a body must have come, ms. */
  readonly body: number
  /** Looked at this often, ms. */
  readonly look: number
}

function hasBody({ headers }: IncomingMessage): boolean {
  return (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined
}

function look(request: IncomingMessage, body: Coming, patience: number): void {
  const now = performance.now()
  if (unhurried.has(request)) {
    const { bytesRead } = request.socket
    // What has come and was not taken yet is our delay, not the sender's.
    if (bytesRead !== body.bytes || request.readableLength > 0) body.since = now
    body.bytes = bytesRead
  }
  if (now - body.since < patience) return
  const { socket } = request
  if (body.response.headersSent) socket.destroy()
  else socket.end(tooSlow, () => socket.destroy())
}

const tooSlow = lastWords(
  '408 Request Timeout',
  'TIMEOUT',
  'the body of the request did not come in time',
  'send it again, in one go',
)
