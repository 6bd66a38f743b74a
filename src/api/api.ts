import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Address } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'
import type { Need } from '../base/policy.ts'
import type { Instant } from '../base/time.ts'
import type { Trace } from '../base/trace.ts'
import { type Caller, demand, type Entrance, may, nameOf } from './caller.ts'
import { closeServer, httpServer, listenOnSocket, listenOnTcp } from './doors.ts'
import { badRequest, bodyLimit, failureOf } from './failure.ts'
import { Gate, type TokenBook } from './gate.ts'
import { askGuards, type Guard, sameOrigin } from './guard.ts'
import { inOrder } from './in-order.ts'
import { kvDoor } from './kv.ts'
import { kvPrefix } from './kv-request.ts'
import { openApi } from './openapi.ts'
import { noteRequest } from './request-log.ts'
import { type Bytes, checkAsk, type Route } from './route.ts'
import { routesOf } from './routes.ts'
import { takeTime } from './slow-bodies.ts'
import { snapshotType } from './snapshot-routes.ts'
import { httpsServer, type ServerProof } from './tls-door.ts'
import type { Backend } from './types.ts'
import { Waiting } from './waiting.ts'

export interface ApiOptions {
  readonly trace: Trace
  /** This node's name, as Consul's shapes show it. */
  readonly node?: string
  /** Product version, as OpenAPI shows it. */
  readonly version?: string
  /** Asked in order before each request, after the built-in ones. */
  readonly guards?: readonly Guard[]
  /** Undefined: no token counts. */
  readonly tokens?: TokenBook
  /** Monotonic ms. */
  readonly now?: () => Instant
}

/** How a port is guarded. */
export interface TcpDoor {
  readonly entrance: Entrance
  /** Set: nothing is said there but over TLS. */
  readonly proof?: ServerProof
}

/** The agent's HTTP door: parse, ask the backend, answer. The same behind every listener. */
export interface Api {
  /** Mode 0600. Rejects with OperatorError. */
  listenSocket(path: string): Promise<void>
  /** Resolves to what was bound (port 0: any). Rejects with OperatorError. */
  listenTcp(address: Address, door?: TcpDoor): Promise<Address>
  /** Ends blocking queries, lets the others finish for a moment, then cuts them. */
  close(): Promise<void>
  /** One request, whichever way it came in. */
  handle(request: IncomingMessage, response: ServerResponse, entrance: Entrance): void
}

/** A request on its way through fastify. */
type Entered = IncomingMessage & { entrance?: Entrance }

const openDoor: TcpDoor = { entrance: 'loopback' }

export async function createApi(backend: Backend, options: ApiOptions): Promise<Api> {
  const { trace } = options
  const guards = [sameOrigin, ...(options.guards ?? [])]
  const gate = new Gate(options.tokens, trace, options.now ?? (() => performance.now()))
  const waiting = new Waiting()
  const routes = routesOf(options.node ?? '')
  const { version = '0' } = options
  const app = router({ backend, trace, guards, gate, waiting, routes, version })
  await app.ready()
  const kv = kvDoor({ backend, trace, guards, gate, waiting })
  const servers: Server[] = []

  function handle(request: Entered, response: ServerResponse, entrance: Entrance): void {
    if (request.url!.startsWith(kvPrefix)) return kv(request, response, entrance)
    request.entrance = entrance
    app.routing(request, response)
  }

  function open({ entrance, proof }: TcpDoor): Server {
    const answer = inOrder((request, response) => handle(request, response, entrance))
    const server = proof ? httpsServer(answer, proof) : httpServer(answer)
    servers.push(server)
    return server
  }

  return {
    handle,
    listenSocket: path => listenOnSocket(open({ entrance: 'socket' }), path),
    listenTcp: (address, door = openDoor) => listenOnTcp(open(door), address),
    async close() {
      waiting.close()
      await Promise.all(servers.map(closeServer))
      await app.close()
    },
  }
}

function unused(): never {
  throw new Error('a route was given a schema of fastify')
}

interface RouterParts {
  readonly backend: Backend
  readonly trace: Trace
  readonly guards: readonly Guard[]
  readonly gate: Gate
  readonly waiting: Waiting
  readonly routes: readonly Route[]
  readonly version: string
}

function router(parts: RouterParts): FastifyInstance {
  const { trace, routes } = parts
  const app = fastify({
    logger: false,
    bodyLimit,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1024, ignoreTrailingSlash: true },
    // Routes are checked by their own table; fastify's compilers would only take memory.
    schemaController: { compilersFactory: { buildValidator: unused, buildSerializer: unused } },
    frameworkErrors: (error, _request, reply) => {
      const { status, body, headers } = failureOf(error, trace)
      reply
        .code(status as never)
        .headers(headers)
        .send(body as never)
    },
  })
  app.removeAllContentTypeParsers()
  // curl sends forms unless told otherwise, as Consul's users know: the body is JSON whatever it claims.
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, parseJson(body as string))
    } catch (error) {
      done(error as Error)
    }
  })
  // Taken in as it comes: it may be larger than memory.
  app.addContentTypeParser(snapshotType, (_request, payload, done) => done(null, payload))
  guardRoutes(app, parts)
  app.setErrorHandler((error, _request, reply) => {
    const { status, body, headers } = failureOf(error, trace)
    return reply.code(status).headers(headers).send(body)
  })
  app.setNotFoundHandler(request => {
    throw notFound(request.raw, routes)
  })
  for (const route of routes) addRoute(app, route, parts)
  app.get('/v1/hive/openapi.json', { config: { needs: 'token' } }, async () =>
    openApi(routes, parts.version),
  )
  return app
}

declare module 'fastify' {
  interface FastifyContextConfig {
    needs?: Route['needs']
  }
  interface FastifyRequest {
    caller: Caller | null
  }
}

/** Who asks is settled before the body is read; what does not say what it needs is for operators alone. */
function guardRoutes(app: FastifyInstance, { trace, guards, gate }: RouterParts): void {
  app.decorateRequest('caller', null)
  app.addHook('onRequest', async (request, reply) => {
    const raw: Entered = request.raw
    const { url = 'unknown', config } = request.routeOptions
    const note = noteRequest(trace, raw, reply.raw, url)
    await askGuards(guards, raw)
    const caller = await gate.admit(raw, raw.entrance ?? 'network')
    if (note) note.caller = caller
    request.caller = caller
    demand(caller, request.is404 ? 'token' : (config.needs ?? 'operator'))
  })
}

function addRoute(app: FastifyInstance, route: Route, { backend, waiting }: RouterParts): void {
  const ask = (request: FastifyRequest, signal?: AbortSignal) => {
    const checked = checkAsk(route, request.query as Record<string, unknown>, request.body)
    const params = request.params as Record<string, string>
    const caller = request.caller!
    const actor = nameOf(caller, request.headers)
    const allowed = (need: Need) => may(caller, need)
    if (route.upload) takeTime(request.raw)
    const upload = route.upload && (request.body as AsyncIterable<Uint8Array>)
    return route.handle({ ...checked, params, actor, signal, upload, may: allowed }, backend)
  }
  app.route({
    method: route.method,
    url: route.path,
    ...(route.upload && { bodyLimit: uploadLimit }),
    config: { needs: route.needs },
    handler: async (request, reply) => {
      const answer = route.blocking
        ? await waiting.run(reply.raw, signal => ask(request, signal))
        : await ask(request)
      if (route.download) return download(reply, answer as Bytes)
      // Fastify would send text as it is; every answer here is JSON.
      reply.type('application/json')
      return answer === undefined ? '' : JSON.stringify(answer)
    },
  })
}

/** No bound of memory, but one of patience. */
const uploadLimit = 2 ** 40

function download(reply: FastifyReply, { headers, pieces }: Bytes): FastifyReply {
  return reply
    .headers(headers)
    .type(snapshotType)
    .send(Readable.from(pieces, { objectMode: false }))
}

function parseJson(text: string): unknown {
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest('body', `is not JSON: ${(error as Error).message}`)
  }
}

function notFound(request: IncomingMessage, routes: readonly Route[]): OperatorError {
  const path = request.url!.split('?')[0]!.slice(0, 200)
  const pattern = (route: Route) =>
    new RegExp(`^${route.path.replace(/:\w+/g, '[^/]+').replace('*', '.+')}/?$`)
  const methods = routes.filter(route => pattern(route).test(path)).map(route => route.method)
  return new OperatorError(
    'NOT_FOUND',
    `there is no ${request.method} ${path}`,
    methods.length > 0
      ? `use ${methods.join(' or ')}`
      : 'GET /v1/hive/openapi.json lists what there is',
  )
}
