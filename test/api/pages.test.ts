import { request } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Entrance } from '../../src/api/caller.ts'
import { parsePolicies } from '../../src/base/policy.ts'
import { served } from './served.ts'

/**
 * Web pages that somebody has open on the machine of an agent. A browser lets any page send requests to 127.0.0.1, and
 * with a name of its own that suddenly resolves to 127.0.0.1 (DNS rebinding) a page may even read the answers.
 */

let door: Awaited<ReturnType<typeof served>>
let ports: Record<'loopback' | 'network', number>

beforeEach(async () => {
  const found = {
    ok: true as const,
    id: 'abc123',
    name: 'boss',
    policies: parsePolicies(['operator']),
  }
  door = await served({ tokens: { look: () => found } })
  const open = async (entrance: Entrance) =>
    (await door.api.listenTcp({ host: '127.0.0.1', port: 0 }, { entrance })).port
  ports = { loopback: await open('loopback'), network: await open('network') }
})
afterEach(() => door.close())

/** As a browser would send it; its status. */
function sent(
  method: string,
  path: string,
  headers: Record<string, string>,
  entrance: 'loopback' | 'network' = 'loopback',
): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port: ports[entrance], method, path, headers },
      response => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
      },
    )
    asked.on('error', reject)
    asked.end(method === 'PUT' ? 'value' : method === 'POST' ? '{}' : undefined)
  })
}

const deeds: readonly [string, string][] = [
  ['GET', '/v1/kv/a?recurse'],
  ['PUT', '/v1/kv/a'],
  ['DELETE', '/v1/kv/a'],
  ['GET', '/v1/hive/status'],
  ['GET', '/v1/hive/snapshot'],
  ['POST', '/v1/hive/reset'],
  ['GET', '/nothing'],
]

describe('a page whose name resolves to this machine all of a sudden', () => {
  const names = [
    'evil.example:4480',
    'evil.example',
    '127.0.0.1.evil.example:4480',
    'localhost.evil.example',
  ]

  it('may neither change nor read anything without a token, though its origin is its host', async () => {
    for (const host of names) {
      for (const [method, path] of deeds) {
        const what = `${method} ${path} of ${host}`
        expect([what, await sent(method, path, { host, origin: `http://${host}` })]).toEqual([
          what,
          403,
        ])
        // Browsers say no origin when a page reads what is, by its name, its own.
        expect([what, await sent(method, path, { host })]).toEqual([what, 403])
      }
    }
    expect(door.backend.calls).toEqual([])
  })

  it('is not what anybody is who says the address, localhost, or no host at all', async () => {
    for (const host of [
      '127.0.0.1:4480',
      '127.0.0.1',
      'localhost:4480',
      'LOCALHOST',
      '[::1]:4480',
      'n1.localhost',
    ])
      expect([host, await sent('GET', '/v1/hive/status', { host })]).toEqual([host, 200])
  })

  it('is no danger to whoever has a token: pages have none', async () => {
    const headers = { host: 'proxy.example', authorization: 'Bearer boss' }
    expect(await sent('GET', '/v1/hive/status', headers)).toBe(200)
    expect(await sent('GET', '/v1/hive/status', headers, 'network')).toBe(200)
    expect(await sent('GET', '/v1/hive/status', { host: 'proxy.example' }, 'network')).toBe(401)
  })
})

describe('a page from elsewhere', () => {
  it('may not even ask what it could not read: asking has effects too', async () => {
    const host = `127.0.0.1:${ports.loopback}`
    for (const site of ['cross-site', 'same-site'])
      for (const [method, path] of deeds)
        expect(await sent(method, path, { host, 'sec-fetch-site': site })).toBe(403)
    expect(door.backend.calls).toEqual([])
    for (const site of ['none', 'same-origin'])
      expect(await sent('GET', '/v1/hive/status', { host, 'sec-fetch-site': site })).toBe(200)
  })
})
