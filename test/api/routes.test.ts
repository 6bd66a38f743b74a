import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hiveRoutes } from '../../src/api/hive-routes.ts'
import { PeerError } from '../../src/base/errors.ts'
import { noQuorum } from './fake-backend.ts'
import { served } from './served.ts'

let door: Awaited<ReturnType<typeof served>>
beforeEach(async () => {
  door = await served()
})
afterEach(() => door.close())

const post = (url: string, body: unknown, headers = {}) =>
  door.send('POST', url, { body: JSON.stringify(body), headers })

describe("hive's own paths", () => {
  it('hands checked requests to the backend, with defaults and the actor', async () => {
    const headers = { 'x-hive-actor': 'ann@web' }
    const actor = 'ann@web'
    const asks: [string, string, unknown, unknown][] = [
      [
        'POST',
        '/v1/hive/init',
        { name: 'prod', control: ['n1'] },
        { name: 'prod', control: ['n1'], actor },
      ],
      ['POST', '/v1/hive/init', undefined, { actor }],
      ['POST', '/v1/hive/join', { address: 'n2:4483' }, { address: 'n2:4483', actor }],
      [
        'POST',
        '/v1/hive/drain',
        { node: 'n1' },
        {
          node: 'n1',
          cancel: false,
          dryRun: false,
          force: false,
          deadline: null,
          reason: '',
          actor,
        },
      ],
      ['GET', '/v1/hive/drain/n1?index=4&wait=250', undefined, { node: 'n1', index: 4, wait: 250 }],
      [
        'POST',
        '/v1/hive/roles/assign',
        { node: 'n1', roles: ['host'] },
        { node: 'n1', roles: ['host'], actor },
      ],
      [
        'POST',
        '/v1/hive/roles/unassign',
        { node: 'n1', roles: ['host'] },
        { node: 'n1', roles: ['host'], actor },
      ],
      ['GET', '/v1/hive/log', undefined, { from: 0, limit: 100 }],
      [
        'GET',
        '/v1/hive/log?from=3&limit=0&type=NodeReady&wait=1ms',
        undefined,
        { from: 3, limit: 1, type: 'NodeReady', wait: 1 },
      ],
      ['POST', '/v1/hive/leave', { force: true }, { force: true, actor }],
      ['POST', '/v1/hive/reset', undefined, { actor }],
      [
        'POST',
        '/v1/hive/control/promote',
        { node: 'n4' },
        { node: 'n4', observer: false, force: false, actor },
      ],
      [
        'POST',
        '/v1/hive/control/demote',
        { node: 'n4', force: true },
        { node: 'n4', force: true, actor },
      ],
    ]
    for (const [method, url, body, request] of asks) {
      const sent = body === undefined ? { headers } : { headers, body: JSON.stringify(body) }
      const reply = await door.send(method, url, sent)
      expect([url, reply.status]).toEqual([url, 200])
      expect(reply.headers['content-type']).toContain('application/json')
      expect(door.backend.calls.at(-1)!.request).toMatchObject(request as object)
    }
    expect((await door.send('GET', '/v1/hive/status')).json()).toMatchObject({ self: 'n1' })
    expect((await door.send('GET', '/v1/hive/roles')).json()).toEqual([])
  })

  it('lists everything that is wrong with a body', async () => {
    const reply = await post('/v1/hive/drain', { nod: 'n1', force: 'yes', deadline: -1 })
    expect(reply.status).toBe(400)
    expect(reply.json().error.code).toBe('BAD_REQUEST')
    expect(reply.json().error.problems).toEqual([
      { key: 'node', message: 'is missing; it must be text' },
      { key: 'force', message: 'must be true or false, not text' },
      { key: 'deadline', message: 'must be at least 0' },
      { key: 'nod', message: 'unknown; did you mean node?' },
    ])
    expect(door.backend.calls).toEqual([])
  })

  it('names what is wrong with a query', async () => {
    const reply = await door.send('GET', '/v1/hive/log?from=-1&limit=5000&typ=x')
    expect(
      reply
        .json()
        .error.problems.map((p: { key: string }) => p.key)
        .sort(),
    ).toEqual(['query.from', 'query.limit', 'query.typ'])
    expect((await door.send('GET', '/v1/hive/status?x=1')).status).toBe(400)
  })

  it('says where broken JSON breaks, whatever the content type', async () => {
    for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
      const headers = { 'content-type': type }
      const reply = await door.send('POST', '/v1/hive/join', { body: '{"address": ', headers })
      expect(reply.status).toBe(400)
      expect(reply.json().error.message).toContain('is not JSON')
    }
    expect((await door.send('POST', '/v1/hive/join', { body: '[]' })).status).toBe(400)
    expect((await door.send('POST', '/v1/hive/join', { body: '7' })).status).toBe(400)
  })

  it('gives errors their code, status, message and remedy', async () => {
    door.backend.failure = noQuorum()
    const reply = await post('/v1/hive/leave', {})
    expect(reply.status).toBe(503)
    expect(reply.json()).toEqual({
      error: { code: 'NO_QUORUM', message: 'two of three are away', remedy: 'start n2 or n3' },
    })
    door.backend.failure = new PeerError('n2 did not answer')
    expect((await post('/v1/hive/leave', {})).status).toBe(504)
    door.backend.failure = new TypeError('x is undefined')
    const bug = await post('/v1/hive/leave', {})
    expect(bug.status).toBe(500)
    expect(bug.json().error.code).toBe('INTERNAL')
    expect(bug.text).not.toContain('at ')
  })

  it('answers unknown paths and methods in JSON', async () => {
    const unknown = await door.send('GET', '/v2/nothing')
    expect(unknown.status).toBe(404)
    expect(unknown.json().error.code).toBe('NOT_FOUND')
    const method = await door.send('GET', '/v1/hive/init')
    expect(method.json().error.remedy).toBe('use POST')
    expect((await door.send('GET', '/%zz')).json().error.code).toBe('BAD_REQUEST')
  })

  it('bounds the body', async () => {
    const reply = await post('/v1/hive/join', { address: 'x'.repeat(300_000) })
    expect(reply.status).toBe(413)
    expect(reply.json().error.message).toContain('262144')
  })

  it('refuses pages from elsewhere, and asks the guards that it was given', async () => {
    const evil = await post('/v1/hive/reset', {}, { origin: 'https://evil.example' })
    expect(evil.status).toBe(403)
    const kv = await door.send('PUT', '/v1/kv/a', { headers: { origin: 'https://evil.example' } })
    expect(kv.status).toBe(403)
    const own = await post('/v1/hive/reset', {}, { origin: 'http://n1:4480', host: 'n1:4480' })
    expect(own.status).toBe(200)
    const guarded = await served({
      guards: [
        async request => {
          if (request.headers['x-pass'] !== 'x') throw noQuorum()
        },
      ],
    })
    expect((await guarded.send('GET', '/v1/hive/status')).status).toBe(503)
    expect((await guarded.send('GET', '/v1/kv/a')).status).toBe(503)
    const headers = { 'x-pass': 'x' }
    expect((await guarded.send('GET', '/v1/hive/status', { headers })).status).toBe(200)
    expect((await guarded.send('GET', '/v1/kv/a', { headers })).status).toBe(404)
    await guarded.close()
  })

  it('ends a waiting log query when the agent stops', async () => {
    const pending = door.send('GET', '/v1/hive/log?wait=10m')
    await expect.poll(() => door.backend.waiters).toBe(1)
    await door.api.close()
    expect((await pending).json().error.code).toBe('BUSY')
  })

  it('traces requests at debug', async () => {
    const lines: object[] = []
    const trace = {
      debugging: true,
      debug: (fields: object) => lines.push(fields),
      info() {},
      warn() {},
      error() {},
    }
    const traced = await served({ trace })
    await traced.send('GET', '/v1/hive/status', { headers: { 'x-hive-actor': 'ann' } })
    await traced.send('GET', '/v1/kv/a/b')
    await traced.close()
    expect(lines).toMatchObject([
      { method: 'GET', route: '/v1/hive/status', status: 200, actor: 'ann' },
      { method: 'GET', route: '/v1/kv/*', status: 404, actor: 'operator' },
    ])
  })

  it('never meets a bug of its own, whatever the body', async () => {
    const urls = hiveRoutes.filter(route => route.method === 'POST').map(route => route.path)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...urls, '/v1/agent/service/register', '/v1/agent/check/update/x'),
        fc.oneof(fc.json(), fc.string(), nearBody()),
        async (url, body) => {
          const method = url.startsWith('/v1/agent') ? 'PUT' : 'POST'
          const reply = await door.send(method, url, { body })
          expect([200, 400]).toContain(reply.status)
          if (reply.status === 400) expect(reply.json().error.code).toBe('BAD_REQUEST')
        },
      ),
      { numRuns: 200 },
    )
  })

  it('never meets a bug of its own, whatever the query', async () => {
    // No index is ahead of this one, so nothing blocks.
    door.backend.index = Number.MAX_SAFE_INTEGER
    const name = fc.oneof(
      fc.constantFrom(
        'index',
        'wait',
        'cas',
        'flags',
        'keys',
        'recurse',
        'raw',
        'from',
        '__proto__',
      ),
      fc.string({ maxLength: 8 }),
    )
    const value = fc.oneof(fc.nat().map(String), fc.string({ maxLength: 8 }), fc.constant('1ms'))
    const query = fc.array(fc.tuple(name, value), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET /v1/kv/a', 'PUT /v1/kv/a', 'DELETE /v1/kv/a', 'GET /v1/hive/drain/n1'),
        query,
        async (target, pairs) => {
          const [method, path] = target.split(' ')
          const text = pairs.map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`)
          const reply = await door.send(method!, `${path}?${text.join('&')}`)
          expect([200, 400, 404]).toContain(reply.status)
        },
      ),
      { numRuns: 200 },
    )
  })
})

/** Objects with the keys that are known and values that are often wrong. */
function nearBody() {
  const key = fc.constantFrom(
    'node',
    'roles',
    'force',
    'deadline',
    'address',
    'Name',
    'Check',
    'Status',
    '__proto__',
  )
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant('n1'), fc.boolean())
  return fc.dictionary(key, value).map(body => JSON.stringify(body))
}
