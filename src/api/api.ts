import type { IncomingMessage, Server } from 'node:http'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Address } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'
import type { Trace } from '../base/trace.ts'
import { actorOf } from './actor.ts'
import { consulRoutes } from './consul-routes.ts'
import { closeServer, httpServer, listenOnSocket, listenOnTcp } from './doors.ts'
import { badRequest, bodyLimit, failureOf } from './failure.ts'
import { askGuards, type Guard, sameOrigin } from './guard.ts'
import { hiveRoutes } from './hive-routes.ts'
import { type Door, kvDoor, traceRequest } from './kv.ts'
import { kvPrefix } from './kv-request.ts'
import { openApi } from './openapi.ts'
import { checkAsk, type Route } from './route.ts'
import { tokenRoutes } from './token-routes.ts'
import { trustRoutes } from './trust-routes.ts'
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
}

/** The agent's HTTP door: parse, ask the backend, answer. The same behind every listener. */
export interface Api {
  /** Mode 0600. Rejects with OperatorError. */
  listenSocket(path: string): Promise<void>
  /** Resolves to what was bound (port 0: any). Rejects with OperatorError. */
  listenTcp(address: Address): Promise<Address>
  /** Ends blocking queries, lets the others finish for a moment, then cuts them. */
  close(): Promise<void>
  /** One request, whichever way it came in. */
  readonly handle: Door
}

export async function createApi(backend: Backend, options: ApiOptions): Promise<Api> {
  const { trace } = options
  const guards = [sameOrigin, ...(options.guards ?? [])]
  const waiting = new Waiting()
  const routes = [
    ...hiveRoutes,
    ...trustRoutes,
    ...tokenRoutes,
    ...consulRoutes(options.node ?? ''),
  ]
  const app = router({ backend, trace, guards, waiting, routes, version: options.version ?? '0' })
  await app.ready()
  const kv = kvDoor({ backend, trace, guards, waiting })
  const handle: Door = (request, response) =>
    request.url!.startsWith(kvPrefix) ? kv(request, response) : app.routing(request, response)
  const servers: Server[] = []

  function open(): Server {
    const server = httpServer(handle)
    servers.push(server)
    return server
  }

  return {
    handle,
    listenSocket: path => listenOnSocket(open(), path),
    listenTcp: address => listenOnTcp(open(), address),
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
      const { status, body } = failureOf(error, trace)
      reply.code(status as never).send(body as never)
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
  app.addHook('onRequest', async (request, reply) => {
    if (trace.debugging) {
      traceRequest(trace, request.raw, reply.raw, request.routeOptions.url ?? 'unknown')
    }
    await askGuards(parts.guards, request.raw)
  })
  app.setErrorHandler((error, _request, reply) => {
    const { status, body } = failureOf(error, trace)
    return reply.code(status).send(body)
  })
  app.setNotFoundHandler(request => {
    throw notFound(request.raw, routes)
  })
  for (const route of routes) addRoute(app, route, parts)
  app.get('/v1/hive/openapi.json', async () => openApi(routes, parts.version))
  return app
}

function addRoute(app: FastifyInstance, route: Route, { backend, waiting }: RouterParts): void {
  const ask = (request: FastifyRequest, signal?: AbortSignal) => {
    const checked = checkAsk(route, request.query as Record<string, unknown>, request.body)
    const params = request.params as Record<string, string>
    const actor = actorOf(request.headers)
    return route.handle({ ...checked, params, actor, signal }, backend)
  }
  app.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const answer = route.blocking
        ? await waiting.run(reply.raw, signal => ask(request, signal))
        : await ask(request)
      // Fastify would send text as it is; every answer here is JSON.
      reply.type('application/json')
      return answer === undefined ? '' : JSON.stringify(answer)
    },
  })
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
