import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Agent, cluster, endsAgents, leaderOf, place } from '../support/agents.ts'

/** Keys and values through the leader, a follower and a node that carries no log. */

endsAgents('shared')

let through: { leader: Agent; follower: Agent; outsider: Agent }
beforeAll(async () => {
  const all = await cluster(4, ['n1', 'n2', 'n3'])
  const leader = await leaderOf(all)
  const follower = all.slice(0, 3).find(agent => agent !== leader)!
  through = { leader, follower, outsider: all[3]! }
})

const every = ['leader', 'follower', 'outsider'] as const

interface Item {
  readonly LockIndex: number
  readonly Key: string
  readonly Flags: number
  readonly Value: string | null
  readonly CreateIndex: number
  readonly ModifyIndex: number
}

interface Kv {
  readonly key: string
  readonly value: string
  readonly flags: number
  readonly modifyIndex: number
}

describe.each(every)('by hive kv, asked of the %s', who => {
  const agent = () => through[who]

  test('put, get, list, delete', async () => {
    const key = `cli/${who}/colour`
    expect(await agent().hive('kv', 'put', key, 'blue', '--flags', '7')).toMatchObject({
      code: 0,
      stdout: `${key}: 4 bytes written\n`,
    })
    for (const other of Object.values(through)) {
      expect(await other.hive('kv', 'get', key)).toMatchObject({ code: 0, stdout: 'blue\n' })
    }
    const item = await agent().json<Kv>('kv', 'get', key)
    expect(item).toMatchObject({ key, flags: 7 })
    expect(await agent().json('kv', 'list', `cli/${who}/`)).toEqual({ keys: [key] })
    expect(await agent().hive('kv', 'delete', key)).toMatchObject({ code: 0 })
    const gone = await agent().hive('kv', 'get', key)
    expect(gone).toMatchObject({ code: 1, stdout: '' })
    expect(gone.stderr).toMatch(/^error: there is no key "cli\/.*"\n {2}do: .*hive kv list/)
  })

  test('only if nobody changed it meanwhile', async () => {
    const key = `cas/${who}`
    expect(await agent().hive('kv', 'put', key, 'first', '--cas', '0')).toMatchObject({ code: 0 })
    const taken = await agent().hive('kv', 'put', key, 'second', '--cas', '0')
    expect(taken).toMatchObject({ code: 1 })
    expect(taken.stderr).toMatch(/^error: "cas\/.*" was left as it is: the key exists/)
    const { modifyIndex } = await agent().json<Kv>('kv', 'get', key)
    const now = String(modifyIndex)
    expect(await agent().hive('kv', 'put', key, 'third', '--cas', now)).toMatchObject({ code: 0 })
    expect(await agent().hive('kv', 'delete', key, '--cas', now)).toMatchObject({ code: 1 })
    expect(await agent().hive('kv', 'get', key)).toMatchObject({ stdout: 'third\n' })
  })

  test('values up to 512 KiB', async () => {
    const fits = join(place(), `${who}-fits`)
    writeFileSync(fits, Buffer.alloc(512 * 1024, 0xff))
    expect(await agent().hive('kv', 'put', `large/${who}`, `@${fits}`)).toMatchObject({ code: 0 })
    const read = await agent().client.send({
      method: 'GET',
      path: `/v1/kv/large/${who}?raw`,
      timeout: 10_000,
    })
    expect(read.body.equals(Buffer.alloc(512 * 1024, 0xff))).toBe(true)

    const over = join(place(), `${who}-over`)
    writeFileSync(over, Buffer.alloc(512 * 1024 + 1))
    const refused = await agent().hive('kv', 'put', `large/${who}`, `@${over}`)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^error: .*524288 bytes \(512 KiB\)/)
  })
})

describe.each(every)("by Consul's paths, asked of the %s", who => {
  const url = (path: string) => `http://127.0.0.1:${through[who].http}/v1/kv/${path}`
  const put = async (path: string, body: string | Buffer = '') =>
    (await fetch(url(path), { method: 'PUT', body })).text()
  const items = async (path: string) => (await (await fetch(url(path))).json()) as Item[]

  test('the shapes that its clients read', async () => {
    const base = `consul/${who}`
    expect(await put(`${base}/a?flags=42`, 'one')).toBe('true')
    expect(await put(`${base}/b/c`, 'two')).toBe('true')
    expect(await put(`${base}/empty`)).toBe('true')
    const answer = await fetch(url(`${base}/a`))
    const index = Number(answer.headers.get('x-consul-index'))
    expect(answer.headers.get('x-consul-knownleader')).toBe('true')
    expect(await answer.json()).toEqual([
      {
        LockIndex: 0,
        Key: `${base}/a`,
        Flags: 42,
        Value: Buffer.from('one').toString('base64'),
        CreateIndex: expect.any(Number),
        ModifyIndex: expect.any(Number),
      },
    ])
    expect(index).toBeGreaterThan(0)
    expect(await (await fetch(url(`${base}/a?raw`))).text()).toBe('one')
    expect(await items(`${base}?keys&separator=/`)).toEqual([`${base}/`])
    expect(await items(`${base}/?keys&separator=/`)).toEqual([
      `${base}/a`,
      `${base}/b/`,
      `${base}/empty`,
    ])
    expect((await items(`${base}/?recurse`)).map(({ Key, Value }) => [Key, Value])).toEqual([
      [`${base}/a`, 'b25l'],
      [`${base}/b/c`, 'dHdv'],
      [`${base}/empty`, expect.toSatisfy(value => value === null || value === '')],
    ])
    for (const mode of ['stale', 'consistent']) {
      expect((await items(`${base}/a?${mode}`))[0]).toMatchObject({ Value: 'b25l' })
    }
    const [{ ModifyIndex }] = (await items(`${base}/a`)) as [Item]
    expect(await put(`${base}/a?cas=${ModifyIndex - 1}`, 'no')).toBe('false')
    expect(await put(`${base}/a?cas=${ModifyIndex}`, 'yes')).toBe('true')
    const dropped = await fetch(url(`${base}/?recurse`), { method: 'DELETE' })
    expect(await dropped.text()).toBe('true')
    const missing = await fetch(url(`${base}/a`))
    expect([missing.status, await missing.text()]).toEqual([404, ''])
  })

  test('a blocking query wakes for its key and for nothing else', async () => {
    const key = `watch/${who}`
    await put(key, 'before')
    const [{ ModifyIndex }] = (await items(key)) as [Item]
    const index = Number((await fetch(url(key))).headers.get('x-consul-index'))
    expect(index).toBeGreaterThanOrEqual(ModifyIndex)
    let woken = false
    const waiting = fetch(url(`${key}?index=${index}&wait=20s`)).then(answer => {
      woken = true
      return answer
    })
    await put(`other/${who}`, 'noise')
    const started = performance.now()
    const timely = await fetch(url(`${key}?index=${index}&wait=300ms`))
    expect(performance.now() - started).toBeGreaterThan(250)
    expect((await timely.json()) as Item[]).toMatchObject([{ ModifyIndex }])
    expect(woken).toBe(false)
    await put(key, 'after')
    const answer = await waiting
    expect(Number(answer.headers.get('x-consul-index'))).toBeGreaterThan(index)
    expect(await answer.json()).toMatchObject([{ Value: Buffer.from('after').toString('base64') }])
  })

  test('what does not fit is refused with the limit', async () => {
    const large = await fetch(url('large'), { method: 'PUT', body: Buffer.alloc(512 * 1024 + 1) })
    expect(large.status).toBe(413)
    expect(await large.text()).toContain('524288')
    const huge = await fetch(url('large'), { method: 'PUT', body: Buffer.alloc(8 << 20) }).catch(
      () => undefined,
    )
    expect(huge?.status ?? 413).toBe(413)
    const long = await fetch(url('k'.repeat(600)), { method: 'PUT', body: 'x' })
    expect(long.status).toBeGreaterThanOrEqual(400)
    expect(long.status).toBeLessThan(500)
    for (const path of ['a?cas=x', 'a?index=-1', 'a?wait=soon', 'a?flags=1.5']) {
      const method = /cas|flags/.test(path) ? 'PUT' : 'GET'
      expect({ path, status: (await fetch(url(path), { method })).status }).toEqual({
        path,
        status: 400,
      })
    }
  })
})
