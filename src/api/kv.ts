import type { IncomingMessage, ServerResponse } from 'node:http'
import { OperatorError } from '../base/errors.ts'
import type { Trace } from '../base/trace.ts'
import { readBody } from './body.ts'
import { type Caller, demand, type Entrance, local, nameOf } from './caller.ts'
import { failureOf } from './failure.ts'
import type { Gate } from './gate.ts'
import { askGuards, type Guard } from './guard.ts'
import { demandRoom, entriesJson, keysJson } from './kv-answer.ts'
import { type KvRequest, parseKvRequest } from './kv-request.ts'
import { noteRequest } from './request-log.ts'
import { type Backend, type KvRead, kvLimits } from './types.ts'
import type { Waiting } from './waiting.ts'

/**
 * Consul's KV paths, straight on node:http: through fastify the same answers cost 30 to 40 per cent
 * of the requests per second, and this is the one door that programs hammer.
 */
export interface KvParts {
  readonly backend: Backend
  readonly trace: Trace
  readonly guards: readonly Guard[]
  readonly gate: Gate
  readonly waiting: Waiting
}

export type KvDoor = (
  request: IncomingMessage,
  response: ServerResponse,
  entrance: Entrance,
) => void

export function kvDoor(parts: KvParts): KvDoor {
  return (request, response, entrance) => {
    serve(parts, request, response, entrance).catch(error => {
      const { status, body, headers } = failureOf(error, parts.trace)
      const all = [...json, ...Object.entries(headers).flat()]
      send(response, status, all, JSON.stringify(body), !request.complete)
    })
  }
}

async function serve(
  parts: KvParts,
  request: IncomingMessage,
  response: ServerResponse,
  entrance: Entrance,
): Promise<void> {
  const note = parts.trace.debugging
    ? noteRequest(parts.trace, request, response, '/v1/kv/*')
    : undefined
  const asked = askGuards(parts.guards, request)
  if (asked !== undefined) await asked
  const admitted = parts.gate.admit(request, entrance)
  const caller = admitted === local ? local : await admitted
  if (note) note.caller = caller
  const url = request.url!
  switch (request.method) {
    case 'GET':
      return get(parts, permitted(caller, parseKvRequest('GET', url), false), response)
    case 'PUT':
      return put(
        parts,
        permitted(caller, parseKvRequest('PUT', url), true),
        request,
        response,
        caller,
      )
    case 'DELETE': {
      const asked = permitted(caller, parseKvRequest('DELETE', url), true)
      return remove(parts, asked, request, response, caller)
    }
    default:
      response.setHeader('allow', 'GET, PUT, DELETE')
      throw new OperatorError(
        'METHOD_NOT_ALLOWED',
        `${request.method} is not possible here`,
        'use GET, PUT or DELETE',
      )
  }
}

/** Throws PERMISSION. Whoever may everything costs nothing here. */
function permitted(caller: Caller, request: KvRequest, write: boolean): KvRequest {
  if (caller.policies === undefined) return request
  const { key, recurse, keys } = request
  demand(caller, { key, range: recurse || keys, write })
  return request
}

async function get(parts: KvParts, query: KvRequest, response: ServerResponse): Promise<void> {
  const { key, consistency, index, wait } = query
  const recurse = query.recurse || query.keys
  const asked = { key, recurse, consistency, ...(query.keys && { bare: true }) }
  const read =
    index === undefined
      ? await parts.backend.kvRead(asked)
      : await parts.waiting.run(response, signal =>
          parts.backend.kvRead({ ...asked, index, wait, signal }),
        )
  const { entries } = read
  if (entries.length === 0) return send(response, 404, stamped(read), '')
  if (query.keys) return send(response, 200, stamped(read), keysJson(entries, key, query.separator))
  if (query.raw && !query.recurse) return send(response, 200, rawStamped(read), entries[0]!.value)
  demandRoom(entries, key)
  send(response, 200, stamped(read), entriesJson(entries))
}

async function put(
  { backend }: KvParts,
  { key, flags, cas }: KvRequest,
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
): Promise<void> {
  const value = await readBody(request, kvLimits.valueBytes, `the value of ${key}`)
  const actor = nameOf(caller, request.headers)
  const { ok } = await backend.kvPut({
    key,
    value,
    flags,
    actor,
    ...(cas !== undefined && { cas }),
  })
  send(response, 200, json, ok ? 'true' : 'false')
}

async function remove(
  { backend }: KvParts,
  { key, recurse, cas }: KvRequest,
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
): Promise<void> {
  const actor = nameOf(caller, request.headers)
  const { ok } = await backend.kvDelete({
    key,
    recurse,
    actor,
    ...(cas !== undefined && { cas }),
  })
  send(response, 200, json, ok ? 'true' : 'false')
}

const json = ['Content-Type', 'application/json']

/** Consul's headers. An index is never 0: a client that got 0 would ask again without blocking. */
function stamped(read: KvRead): string[] {
  return [
    'Content-Type',
    'application/json',
    'X-Consul-Index',
    String(Math.max(1, read.index)),
    'X-Consul-KnownLeader',
    read.leaderKnown ? 'true' : 'false',
    'X-Consul-LastContact',
    '0',
  ]
}

function rawStamped(read: KvRead): string[] {
  const headers = stamped(read)
  headers[1] = 'application/octet-stream'
  headers.push('X-Content-Type-Options', 'nosniff', 'Content-Security-Policy', 'sandbox')
  return headers
}

function send(
  response: ServerResponse,
  status: number,
  headers: readonly string[],
  body: string | Uint8Array,
  close = false,
): void {
  if (response.destroyed) return
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length
  const all = [...headers, 'Content-Length', String(length)]
  if (close) all.push('Connection', 'close')
  response.writeHead(status, all)
  response.end(body)
}
