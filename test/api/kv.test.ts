import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { served } from './served.ts'

let door: Awaited<ReturnType<typeof served>>
beforeEach(async () => {
  door = await served()
})
afterEach(() => door.close())

describe("Consul's KV", () => {
  it('writes a key and reads it back in Consul’s shape', async () => {
    expect((await door.send('PUT', '/v1/kv/web/port?flags=42', { body: '8080' })).json()).toBe(true)
    const reply = await door.send('GET', '/v1/kv/web/port')
    expect(reply.status).toBe(200)
    expect(reply.headers).toMatchObject({
      'content-type': 'application/json',
      'x-consul-index': '11',
      'x-consul-knownleader': 'true',
      'x-consul-lastcontact': '0',
    })
    expect(reply.json()).toEqual([
      {
        LockIndex: 0,
        Key: 'web/port',
        Flags: 42,
        Value: 'ODA4MA==',
        CreateIndex: 11,
        ModifyIndex: 11,
      },
    ])
  })

  it('answers 404 with an empty body and the index for a key that is not there', async () => {
    const reply = await door.send('GET', '/v1/kv/none')
    expect(reply.status).toBe(404)
    expect(reply.text).toBe('')
    expect(reply.headers['x-consul-index']).toBe('10')
  })

  it('gives the bytes alone with raw, and null for an empty value', async () => {
    const value = Buffer.from([0, 255, 10, 13])
    await door.send('PUT', '/v1/kv/bin', { body: value })
    const raw = await door.send('GET', '/v1/kv/bin?raw')
    expect(raw.body).toEqual(value)
    expect(raw.headers['x-content-type-options']).toBe('nosniff')
    await door.send('PUT', '/v1/kv/empty')
    expect((await door.send('GET', '/v1/kv/empty')).json()[0].Value).toBe(null)
    expect((await door.send('GET', '/v1/kv/empty?raw')).body.length).toBe(0)
  })

  it('lists values with recurse and keys with keys, cut at the separator', async () => {
    for (const key of ['a/1', 'a/b/1', 'a/b/2', 'a/c', 'z']) {
      await door.send('PUT', `/v1/kv/${key}`, { body: key })
    }
    const below = (await door.send('GET', '/v1/kv/a/?recurse')).json()
    expect(below.map((entry: { Key: string }) => entry.Key)).toEqual([
      'a/1',
      'a/b/1',
      'a/b/2',
      'a/c',
    ])
    expect((await door.send('GET', '/v1/kv/?keys')).json()).toHaveLength(5)
    expect((await door.send('GET', '/v1/kv/a/?keys&separator=/')).json()).toEqual([
      'a/1',
      'a/b/',
      'a/c',
    ])
    expect((await door.send('GET', '/v1/kv/?keys&separator=/')).json()).toEqual(['a/', 'z'])
  })

  it('takes keys with slashes, spaces, percent signs and letters of any language', async () => {
    for (const key of ['a/b//c', 'x y', '100%', 'größe/日本', 'q?&=#']) {
      const url = `/v1/kv/${encodeURIComponent(key)}`
      expect((await door.send('PUT', url, { body: '1' })).status).toBe(200)
      expect((await door.send('GET', url)).json()[0].Key).toBe(key)
    }
    expect([...door.backend.entries.keys()]).toContain('a/b//c')
  })

  it('gives every key back as it was written', async () => {
    const key = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 60 })
      .filter(text => Buffer.byteLength(text) <= 512)
    await fc.assert(
      fc.asyncProperty(key, fc.uint8Array({ maxLength: 64 }), async (name, value) => {
        const url = `/v1/kv/${encodeURIComponent(name)}`
        expect((await door.send('PUT', url, { body: value })).status).toBe(200)
        const [entry] = (await door.send('GET', url)).json()
        expect(entry.Key).toBe(name)
        expect(Buffer.from(entry.Value ?? '', 'base64')).toEqual(Buffer.from(value))
      }),
      { numRuns: 100 },
    )
  })

  it('answers any path below it', async () => {
    const part = fc.oneof(
      fc.constantFrom('%', '%2', '%2f', '%00', '%ff', '..', '//', '?', '&', '=', '+', '#', '~'),
      fc.stringMatching(/^[!-~]{0,8}$/),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 6 }), async parts => {
        const reply = await door.send('GET', `/v1/kv/${parts.join('')}`)
        expect([200, 400, 404]).toContain(reply.status)
      }),
      { numRuns: 200 },
    )
  })

  it('refuses what no answer could hold, and goes on', async () => {
    const { entries } = door.backend
    const large = { length: 200 * 1024 * 1024 } as Uint8Array
    for (const key of ['big/a', 'big/b']) {
      const numbers = { flags: 0, createIndex: 1, modifyIndex: 1, lockIndex: 0 }
      entries.set(key, { key, value: large, ...numbers })
    }
    const reply = await door.send('GET', '/v1/kv/big/?recurse')
    expect([reply.status, reply.json().error]).toMatchObject([
      413,
      { code: 'TOO_LARGE', message: expect.stringContaining('more than 256 MiB') },
    ])
    expect((await door.send('GET', '/v1/kv/big/?keys')).json()).toEqual(['big/a', 'big/b'])
  })

  it('compares and sets', async () => {
    expect((await door.send('PUT', '/v1/kv/a?cas=0', { body: '1' })).json()).toBe(true)
    expect((await door.send('PUT', '/v1/kv/a?cas=0', { body: '2' })).json()).toBe(false)
    expect((await door.send('PUT', '/v1/kv/a?cas=11', { body: '3' })).json()).toBe(true)
    expect((await door.send('DELETE', '/v1/kv/a?cas=1')).json()).toBe(false)
    expect((await door.send('DELETE', '/v1/kv/a?cas=12')).json()).toBe(true)
    expect((await door.send('GET', '/v1/kv/a')).status).toBe(404)
  })

  it('blocks until the index passes', async () => {
    await door.send('PUT', '/v1/kv/a', { body: '1' })
    const pending = door.send('GET', '/v1/kv/a?index=11&wait=1m')
    await expect.poll(() => door.backend.waiters).toBe(1)
    await door.send('PUT', '/v1/kv/a', { body: '2' })
    const reply = await pending
    expect(reply.headers['x-consul-index']).toBe('12')
    expect(reply.json()[0].Value).toBe('Mg==')
  })

  it('answers what there is when the wait is over', async () => {
    const reply = await door.send('GET', '/v1/kv/a?index=10&wait=5ms')
    expect(reply.status).toBe(404)
    expect(reply.headers['x-consul-index']).toBe('10')
  })

  it('stops waiting for a client that went away', async () => {
    const away = new AbortController()
    const pending = door.send('GET', '/v1/kv/a?index=10&wait=10m', { signal: away.signal })
    await expect.poll(() => door.backend.waiters).toBe(1)
    away.abort()
    await expect(pending).rejects.toThrow()
    await expect.poll(() => door.backend.waiters).toBe(0)
  })

  it('ends blocking queries when the agent stops', async () => {
    const pending = door.send('GET', '/v1/kv/a?index=10&wait=10m')
    await expect.poll(() => door.backend.waiters).toBe(1)
    const closed = door.api.close()
    expect((await pending).json().error).toMatchObject({ code: 'BUSY' })
    await closed
    expect(door.backend.waiters).toBe(0)
  })

  it('refuses a value over the limit and names the limit', async () => {
    const most = Buffer.alloc(512 * 1024, 1)
    expect((await door.send('PUT', '/v1/kv/big', { body: most })).status).toBe(200)
    const chunked = { 'transfer-encoding': 'chunked' }
    for (const headers of [undefined, chunked]) {
      const body = Buffer.alloc(512 * 1024 + 1)
      const reply = await door.send('PUT', '/v1/kv/big', headers ? { body, headers } : { body })
      expect(reply.status).toBe(413)
      expect(reply.json().error).toMatchObject({ code: 'TOO_LARGE' })
      expect(reply.json().error.message).toContain('512 KiB')
    }
    expect((await door.send('GET', '/v1/kv/big?raw')).body).toEqual(most)
  })

  it('refuses keys that are missing, too long or not UTF-8', async () => {
    expect((await door.send('GET', '/v1/kv/')).status).toBe(400)
    expect((await door.send('PUT', '/v1/kv/', { body: '1' })).status).toBe(400)
    expect((await door.send('PUT', `/v1/kv/${'k'.repeat(512)}`, { body: '1' })).status).toBe(200)
    expect((await door.send('PUT', `/v1/kv/${'k'.repeat(513)}`, { body: '1' })).status).toBe(413)
    const long = await door.send('PUT', `/v1/kv/${encodeURIComponent('ö'.repeat(257))}`)
    expect(long.json().error.message).toContain('512 bytes')
    expect((await door.send('GET', '/v1/kv/%ff')).json().error.message).toContain('UTF-8')
  })

  it('lists everything that is wrong with a query', async () => {
    const reply = await door.send('GET', '/v1/kv/a?idnex=1&wait=soon&stale&consistent')
    expect(reply.status).toBe(400)
    expect(reply.json().error.problems).toEqual([
      { key: 'idnex', message: 'unknown; did you mean index?' },
      { key: 'stale', message: 'contradicts consistent; give one of them' },
      { key: 'wait', message: 'must be a duration such as 10s' },
    ])
    const twice = await door.send('PUT', '/v1/kv/a?cas=1&cas=2', { body: '' })
    expect(twice.json().error.message).toBe('cas: is given twice')
    expect((await door.send('PUT', '/v1/kv/a?acquire=s1')).json().error.message).toContain(
      'session',
    )
    expect(door.backend.calls).toEqual([])
  })

  it('keeps the connection of a PUT that was refused usable or closes it', async () => {
    const reply = await door.send('PUT', '/v1/kv/a?cas=x', { body: Buffer.alloc(400_000) })
    expect(reply.status).toBe(400)
    expect((await door.send('GET', '/v1/kv/a')).status).toBe(404)
  })

  it.each(['POST', 'PATCH', 'OPTIONS', 'HEAD'])('has no %s', async method => {
    const reply = await door.send(method, '/v1/kv/a')
    expect(reply).toMatchObject({ status: 405, headers: { allow: 'GET, PUT, DELETE' } })
    expect(door.backend.calls).toEqual([])
  })

  it('passes on who asks, without what would confuse the event log', async () => {
    const headers = { 'x-hive-actor': `ann@web\x01 <b>${'x'.repeat(100)}` }
    await door.send('PUT', '/v1/kv/a', { body: '1', headers: { 'x-hive-actor': 'ann@web <b>' } })
    expect(door.backend.calls[0]!.request).toMatchObject({ actor: 'ann@webb' })
    expect(headers['x-hive-actor'].length).toBeGreaterThan(64)
    await door.send('DELETE', '/v1/kv/a')
    expect(door.backend.calls[1]!.request).toMatchObject({ actor: 'operator' })
  })
})
