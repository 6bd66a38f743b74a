import type * as z from 'zod/mini'
import { type Checked, check } from '../base/check.ts'
import type { Need } from '../base/policy.ts'
import { BadRequest } from './failure.ts'
import type { Backend } from './types.ts'

/**
 * One path of the API as data: what it takes, what it means, what it asks the backend. The table of
 * these is the router's, the checker's and OpenAPI's only source, so the three cannot drift apart.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** find-my-way's syntax: `:name` one segment, `*` the rest. */
  readonly path: string
  readonly summary: string
  /** What a token must allow. There is no default: who adds a route says who may use it. */
  readonly needs: Exclude<Need, object>
  readonly query?: z.ZodMiniType
  readonly body?: z.ZodMiniType
  /** What a 200 answer holds, in words. */
  readonly answer: string
  /** Set: may wait for something to change. */
  readonly blocking?: true
  /** Set: the body is bytes of any length, taken in as they come. */
  readonly upload?: true
  /** Set: the answer is bytes (`Bytes`), sent as they are taken. */
  readonly download?: true
  handle(ask: Ask<never, never>, backend: Backend): Promise<unknown>
}

/** What a route with `download` answers. */
export interface Bytes {
  /** Beside the usual ones. */
  readonly headers: Readonly<Record<string, string>>
  readonly pieces: AsyncIterable<Uint8Array>
}

/** A request whose parts have been checked. */
export interface Ask<Query, Body> {
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  readonly actor: string
  /** Only on routes that take an upload. */
  readonly upload: AsyncIterable<Uint8Array> | undefined
  /** Whether the caller may that too. */
  may(need: Need): boolean
  /** Aborted when nobody wants the answer any more; only on blocking routes. */
  readonly signal: AbortSignal | undefined
}

/** Gives `handle` the types of the shapes beside it. */
export function route<
  Query extends z.ZodMiniType = z.ZodMiniType<undefined>,
  Body extends z.ZodMiniType = z.ZodMiniType<undefined>,
>(
  definition: Omit<Route, 'query' | 'body' | 'handle'> & {
    readonly query?: Query
    readonly body?: Body
    handle(ask: Ask<z.infer<Query>, z.infer<Body>>, backend: Backend): Promise<unknown>
  },
): Route {
  return definition as Route
}

/** Checks query and body against the route, and reports what is wrong with both together. */
export function checkAsk(
  route: Route,
  query: Readonly<Record<string, unknown>>,
  body: unknown,
): { query: never; body: never } {
  const checkedQuery = checkPart(route.query, query, 'query')
  const checkedBody = checkPart(route.body, route.body === undefined ? undefined : (body ?? {}), '')
  const problems = [checkedQuery, checkedBody].flatMap(part =>
    'problems' in part ? part.problems : [],
  )
  if ('problems' in checkedQuery || 'problems' in checkedBody) throw new BadRequest(problems)
  return { query: checkedQuery.value as never, body: checkedBody.value as never }
}

function checkPart(shape: z.ZodMiniType | undefined, raw: unknown, at: string): Checked<unknown> {
  if (shape !== undefined) return check(shape, raw, at)
  const extra = Object.keys(raw ?? {})
  if (extra.length === 0) return { value: undefined }
  return {
    problems: extra.map(key => ({ key: `${at}.${key}`, message: 'unknown; none is known' })),
  }
}
