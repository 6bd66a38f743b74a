import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Entrance } from '../../src/api/caller.ts'
import type { TokenBook, TokenFound } from '../../src/api/gate.ts'
import { routesOf } from '../../src/api/routes.ts'
import { parsePolicies } from '../../src/base/policy.ts'
import type { Trace } from '../../src/base/trace.ts'
import { served } from './served.ts'

const routes = routesOf('n1')

const tokens: Record<string, string[]> = {
  look: ['read'],
  boss: ['operator'],
  app: ['kv:app/:rw', 'kv:shared/:r'],
  none: [],
}

/** Tokens are called by what they may; `late-…` is answered later, as by another node. */
const book: TokenBook = {
  look(text) {
    asked++
    const late = text.startsWith('late-')
    const name = late ? text.slice(5) : text
    const policies = tokens[name]
    const found: TokenFound = policies
      ? { ok: true, id: 'abc123', name, policies: parsePolicies(policies) }
      : { ok: false, why: 'the cluster knows no such token' }
    return late ? Promise.resolve(found) : found
  },
}

interface Line {
  readonly level: string
  readonly fields: Record<string, unknown>
}

let asked = 0
let now = 0
let lines: Line[] = []
let door: Awaited<ReturnType<typeof served>>
let base: Record<Entrance, string>

const note = (level: string) => (fields: object) => {
  lines.push({ level, fields: fields as Record<string, unknown> })
}
const trace: Trace = {
  debug: note('debug'),
  info: note('info'),
  warn: note('warn'),
  error: note('error'),
  debugging: true,
}

beforeEach(async () => {
  asked = now = 0
  lines = []
  door = await served({ tokens: book, now: () => now, trace })
  const open = async (entrance: Entrance) => {
    const { port } = await door.api.listenTcp({ host: '127.0.0.1', port: 0 }, { entrance })
    return `http://127.0.0.1:${port}`
  }
  base = { socket: '', loopback: await open('loopback'), network: await open('network') }
})
afterEach(() => door.close())

async function ask(
  method: string,
  path: string,
  token?: string,
  entrance: Entrance = 'network',
  headers: Record<string, string> = {},
) {
  const response = await fetch(base[entrance] + path, {
    method,
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(method === 'PUT' && { body: 'value' }),
    ...(method === 'POST' && { body: '{}' }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text }
}

describe('every route', () => {
  it('says what it needs, and what changes anything needs an operator', () => {
    for (const { method, path, needs } of routes) {
      expect(['token', 'read', 'operator'], `${method} ${path}`).toContain(needs)
      if (method !== 'GET') expect([path, needs]).toEqual([path, 'operator'])
    }
  })

  it('refuses whoever has no token, or one that does not allow it', async () => {
    for (const { method, path, needs } of routes) {
      const url = path.replace(':node', 'n1').replace('*', 'x')
      now += 3_600_000
      expect([url, (await ask(method, url)).status]).toEqual([url, 401])
      expect([url, (await ask(method, url, 'none')).status === 403]).toEqual([
        url,
        needs !== 'token',
      ])
      expect([url, (await ask(method, url, 'app')).status === 403]).toEqual([
        url,
        needs !== 'token',
      ])
      expect([url, (await ask(method, url, 'look')).status === 403]).toEqual([
        url,
        needs === 'operator',
      ])
    }
    const touched = door.backend.calls.map(({ method }) => method)
    expect(touched).toContain('status')
    expect(touched).not.toContain('leave')
    expect(touched).not.toContain('init')
  })

  it('lets an operator through', async () => {
    for (const { method, path } of routes) {
      const { status } = await ask(method, path.replace(':node', 'n1').replace('*', 'x'), 'boss')
      expect([path, [200, 400].includes(status)]).toEqual([path, true])
    }
  })
})

describe('who comes without a token', () => {
  it('is everybody on the socket and on loopback, nobody from the network', async () => {
    expect((await door.send('GET', '/v1/hive/status')).status).toBe(200)
    expect((await ask('GET', '/v1/hive/status', undefined, 'loopback')).status).toBe(200)
    expect((await ask('PUT', '/v1/kv/a', undefined, 'loopback')).status).toBe(200)
    for (const path of ['/v1/hive/status', '/v1/hive/openapi.json', '/v1/kv/a', '/nothing', '/']) {
      const { status, headers, text } = await ask('GET', path)
      expect([path, status]).toEqual([path, 401])
      expect(headers.get('www-authenticate')).toBe('Bearer realm="hive"')
      expect(JSON.parse(text)).toMatchObject({
        error: { code: 'UNAUTHENTICATED', remedy: expect.stringContaining('hive token create') },
      })
    }
    expect(door.backend.entries.size).toBe(1)
    expect((await ask('GET', '/nothing', 'none')).status).toBe(404)
  })
})

describe('a token that is sent', () => {
  it.each(['loopback', 'network'] as const)('holds on %s, however it comes', async entrance => {
    expect((await ask('GET', '/v1/hive/status', 'look', entrance)).status).toBe(200)
    expect((await ask('GET', '/v1/hive/status', 'late-look', entrance)).status).toBe(200)
    expect((await ask('POST', '/v1/hive/leave', 'look', entrance)).status).toBe(403)
    expect((await ask('GET', '/v1/hive/status', 'wrong', entrance)).status).toBe(401)
    const consul = (token: string) =>
      ask('PUT', '/v1/kv/app/a', undefined, entrance, { 'x-consul-token': token })
    expect((await consul('app')).text).toBe('true')
    expect((await consul('look')).status).toBe(403)
    expect((await consul('wrong')).status).toBe(401)
  })

  it('holds on the socket too', async () => {
    const send = (token: string) =>
      door.send('POST', '/v1/hive/leave', { headers: { authorization: `Bearer ${token}` } })
    expect((await send('look')).status).toBe(403)
    expect((await send('wrong')).status).toBe(401)
    expect((await send('boss')).status).toBe(200)
  })

  it.each(['Basic YTpi', 'Bearer', 'Bearer a b', 'look', '', `Bearer ${'x'.repeat(600)}`])(
    'is none as %j',
    async authorization => {
      const { status } = await ask('GET', '/v1/hive/status', undefined, 'loopback', {
        authorization,
      })
      expect(status).toBe(401)
    },
  )

  it('is named as the actor, whatever the request says of itself', async () => {
    const headers = { 'x-hive-actor': 'ann@web' }
    await ask('POST', '/v1/hive/leave', 'boss', 'network', headers)
    expect(door.backend.calls.at(-1)?.request).toMatchObject({ actor: 'token:abc123/boss' })
    await ask('POST', '/v1/hive/leave', undefined, 'loopback', headers)
    expect(door.backend.calls.at(-1)?.request).toMatchObject({ actor: 'ann@web' })
    for (const claim of ['token:abc123/boss', 'leader:n1', 'node:n1']) {
      await ask('POST', '/v1/hive/leave', undefined, 'loopback', { 'x-hive-actor': claim })
      expect(door.backend.calls.at(-1)?.request).toMatchObject({ actor: 'operator' })
    }
  })
})

describe('the KV store', () => {
  const asks: [method: string, path: string, allowed: boolean][] = [
    ['GET', '/v1/kv/app/a', true],
    ['GET', '/v1/kv/app%2Fa', true],
    ['PUT', '/v1/kv/app/a', true],
    ['PUT', '/v1/kv/app/a?cas=0', true],
    ['DELETE', '/v1/kv/app/a', true],
    ['GET', '/v1/kv/app/?recurse', true],
    ['GET', '/v1/kv/app/?keys&separator=/', true],
    ['DELETE', '/v1/kv/app/?recurse', true],
    ['GET', '/v1/kv/shared/a', true],
    ['GET', '/v1/kv/shared/?recurse', true],
    ['GET', '/v1/kv/app', false],
    ['GET', '/v1/kv/apple', false],
    ['GET', '/v1/kv/other', false],
    ['GET', '/v1/kv/app/../other', false],
    ['GET', '/v1/kv/other?stale', false],
    ['GET', '/v1/kv/other?raw', false],
    ['GET', '/v1/kv/?recurse', false],
    ['GET', '/v1/kv/?keys', false],
    ['GET', '/v1/kv/app?recurse', false],
    ['GET', '/v1/kv/ap?keys', false],
    ['GET', '/v1/kv/other?index=1&wait=10s', false],
    ['PUT', '/v1/kv/other', false],
    ['PUT', '/v1/kv/shared/a', false],
    ['DELETE', '/v1/kv/shared/?recurse', false],
    ['DELETE', '/v1/kv/app?recurse', false],
    ['DELETE', '/v1/kv/?recurse', false],
    ['GET', '/v1/hive/log', false],
    ['GET', '/v1/hive/status', false],
  ]
  it.each(asks)('%s %s with kv:app/:rw and kv:shared/:r: %s', async (method, path, allowed) => {
    const { status, text } = await ask(method, path, 'app')
    if (allowed) return expect([200, 404]).toContain(status)
    expect(status).toBe(403)
    expect(JSON.parse(text).error).toMatchObject({
      code: 'PERMISSION',
      remedy: expect.stringContaining('it needs the policy'),
    })
    return expect(door.backend.entries.size).toBe(0)
  })

  it('is not part of read, and the log shows its values only to those who may read them', async () => {
    const event = { seq: 1, term: 1, epoch: 1, time: 0, actor: 'a', type: 'KvPut' as const }
    const data = { key: 'app/a', value: 'c2VjcmV0', bytes: 6, flags: 0 }
    Object.assign(door.backend, { log: async () => ({ events: [{ ...event, data }], next: 2 }) })
    expect((await ask('GET', '/v1/kv/app/a', 'look')).status).toBe(403)
    const seen = async (token?: string) =>
      (await ask('GET', '/v1/hive/log', token, token ? 'network' : 'loopback')).text
    expect(await seen('look')).not.toContain('c2VjcmV0')
    expect(await seen('look')).toContain('app/a')
    expect(await seen('boss')).toContain('c2VjcmV0')
    expect(await seen()).toContain('c2VjcmV0')
  })
})

describe('failed attempts', () => {
  it('are counted for each source, and make it wait', async () => {
    for (let i = 0; i < 10; i++) expect((await ask('GET', '/v1/kv/a', 'wrong')).status).toBe(401)
    const refused = await ask('GET', '/v1/kv/a', 'wrong')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('6')
    expect(JSON.parse(refused.text).error.code).toBe('RATE_LIMITED')
    const looked = asked
    expect((await ask('GET', '/v1/hive/status')).status).toBe(429)
    expect((await ask('GET', '/v1/hive/status', 'look')).status).toBe(429)
    expect(asked).toBe(looked)
    now += 6_000
    expect((await ask('GET', '/v1/hive/status', 'look')).status).toBe(200)
    expect((await ask('GET', '/v1/hive/status', 'wrong')).status).toBe(401)
    expect((await ask('GET', '/v1/hive/status', 'other')).status).toBe(429)
    // Who has shown that his token counts is not shut out by a neighbour.
    expect((await ask('GET', '/v1/hive/status', 'look')).status).toBe(200)
    expect(lines.filter(line => line.level === 'warn')).toHaveLength(1)
  })

  it('do not shut out who needs no token', async () => {
    for (let i = 0; i < 12; i++) await ask('GET', '/v1/kv/a', 'wrong', 'loopback')
    expect((await ask('GET', '/v1/kv/a', undefined, 'loopback')).status).toBe(404)
  })
})

describe('the log of requests', () => {
  it('has who, what, how it ended and how long it took; no token, key or query', async () => {
    await ask('GET', '/v1/kv/app/a?raw', 'app')
    await ask('GET', '/v1/hive/drain/n7?index=0', 'look')
    await ask('POST', '/v1/hive/leave', 'boss')
    await ask('POST', '/v1/hive/leave', 'wrong-token')
    await door.send('GET', '/v1/hive/status')
    await new Promise(resolve => setImmediate(resolve))
    const requests = lines.filter(line => 'route' in line.fields)
    expect(requests.map(({ level, fields: { ms, ...rest } }) => [level, typeof ms, rest])).toEqual([
      ['debug', 'number', logged('GET', '/v1/kv/*', 404, 'token:abc123/app')],
      ['debug', 'number', logged('GET', '/v1/hive/drain/:node', 200, 'token:abc123/look')],
      ['info', 'number', logged('POST', '/v1/hive/leave', 200, 'token:abc123/boss')],
      ['info', 'number', logged('POST', '/v1/hive/leave', 401, 'nobody')],
      ['debug', 'number', logged('GET', '/v1/hive/status', 200, 'operator')],
    ])
    expect(JSON.stringify(lines)).not.toMatch(/wrong-token|n7|app\/a|raw|index/)
  })
})

function logged(method: string, route: string, status: number, actor: string) {
  return { method, route, status, actor }
}
