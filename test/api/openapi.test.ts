import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseKvRequest } from '../../src/api/kv-request.ts'
import { kvRoutes } from '../../src/api/openapi.ts'
import { routesOf } from '../../src/api/routes.ts'
import { served } from './served.ts'

let door: Awaited<ReturnType<typeof served>>
beforeEach(async () => {
  door = await served({ version: '1.2.3' })
})
afterEach(() => door.close())

describe('OpenAPI', () => {
  it('lists every path that is served, with what it takes', async () => {
    const api = (await door.send('GET', '/v1/hive/openapi.json')).json()
    expect(api).toMatchObject({ openapi: '3.1.0', info: { title: 'hive', version: '1.2.3' } })
    const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map(method => `${method.toUpperCase()} ${path}`),
    )
    const routes = [...routesOf(''), ...kvRoutes]
    expect(operations).toHaveLength(routes.length)
    expect(operations).toContain('PUT /v1/agent/check/pass/{rest}')
    expect(
      api.paths['/v1/hive/drain'].post.requestBody.content['application/json'].schema,
    ).toMatchObject({
      type: 'object',
      required: ['node'],
      additionalProperties: false,
      properties: {
        node: { type: 'string' },
        deadline: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
      },
    })
    expect(api.paths['/v1/hive/drain/{node}'].get.parameters).toMatchObject([
      { name: 'node', in: 'path', required: true },
      { name: 'index', in: 'query', required: false },
      { name: 'wait', in: 'query', required: false },
    ])
  })

  it('says of the KV what it accepts', () => {
    for (const { method, query } of kvRoutes) {
      const shape = query as unknown as { def: { shape: object } }
      for (const name of Object.keys(shape.def.shape)) {
        const value = name === 'wait' ? '1s' : '1'
        const ask = () => parseKvRequest(method as 'GET', `/v1/kv/a?${name}=${value}`)
        expect(ask).not.toThrow()
      }
      const other = () => parseKvRequest(method as 'GET', '/v1/kv/a?zzz=1')
      const known = Object.keys(shape.def.shape).join(', ')
      expect(other).toThrow(`${method} knows ${known}`)
    }
  })
})
