import * as z from 'zod/mini'
import { errorCodes } from '../base/errors.ts'
import type { Route } from './route.ts'

/** The API described for programs (OpenAPI 3.1), made from the table that routes and checks it. */
export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of [...routes, ...kvRoutes]) {
    const path = route.path.replace(/:(\w+)/g, '{$1}').replace('*', '{rest}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, path) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'hive', version, description: "The agent's API" },
    paths,
    components: { schemas: { Error: errorSchema } },
  }
}

type Described = Pick<Route, 'path' | 'summary' | 'answer' | 'query' | 'body'> & {
  readonly method: string
  readonly raw?: true
}

function operation(route: Described, path: string): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(match => ({
    name: match[1],
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return {
    summary: route.summary,
    parameters: [...inPath, ...queryParameters(route.query)],
    ...(route.body && {
      requestBody: { content: { 'application/json': { schema: schemaOf(route.body) } } },
    }),
    ...(route.raw && { requestBody: { content: { 'application/octet-stream': {} } } }),
    responses: {
      200: { description: route.answer },
      default: {
        description: 'What happened and what to do',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

function queryParameters(query: z.ZodMiniType | undefined): object[] {
  const shape = query === undefined ? {} : schemaOf(query)
  const { properties = {}, required = [] } = shape as {
    properties?: Record<string, object>
    required?: string[]
  }
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

function schemaOf(shape: z.ZodMiniType): object {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' })
  return schema
}

const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'remedy'],
      properties: {
        code: { enum: Object.keys(errorCodes) },
        message: { type: 'string' },
        remedy: { type: 'string' },
        problems: {
          type: 'array',
          items: {
            type: 'object',
            properties: { key: { type: 'string' }, message: { type: 'string' } },
          },
        },
      },
    },
  },
}

const text = z.optional(z.string())

/** The KV's own door (kv-request.ts) has no table; a test holds these against what it accepts. */
export const kvRoutes: readonly Described[] = [
  {
    method: 'GET',
    path: '/v1/kv/*',
    summary: "Read a key, or with recurse or keys all below it, in Consul's shapes",
    query: z.strictObject({
      raw: text,
      recurse: text,
      keys: text,
      separator: text,
      stale: text,
      consistent: text,
      index: text,
      wait: text,
    }),
    answer: "Consul's entries, the keys, or with raw the value alone",
  },
  {
    method: 'PUT',
    path: '/v1/kv/*',
    summary: 'Write a key; with cas, only if its ModifyIndex is that',
    query: z.strictObject({ cas: text, flags: text }),
    answer: 'true, or false when cas did not match',
    raw: true,
  },
  {
    method: 'DELETE',
    path: '/v1/kv/*',
    summary: 'Delete a key, or with recurse all below it',
    query: z.strictObject({ cas: text, recurse: text }),
    answer: 'true, or false when cas did not match',
  },
]
