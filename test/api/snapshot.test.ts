import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { served } from './served.ts'

let door: Awaited<ReturnType<typeof served>>
beforeEach(async () => {
  door = await served()
})
afterEach(() => door.close())

const type = 'application/vnd.hive.snapshot'
const restore = '/v1/hive/snapshot/restore?name=prod'

describe('snapshots over HTTP', () => {
  it('go out as bytes, with what they are of', async () => {
    const reply = await door.send('GET', '/v1/hive/snapshot?stale')
    expect(reply).toMatchObject({
      status: 200,
      headers: { 'content-type': type, 'x-hive-index': '7', 'x-hive-cluster': 'prod' },
    })
    expect([...reply.body]).toEqual([1, 2, 3, 4, 5, 6])
    expect(door.backend.calls.at(-1)).toEqual({ method: 'snapshot', request: { stale: true } })
  })

  it('come in larger than any other body may be', async () => {
    const body = new Uint8Array(3_000_000)
    const reply = await door.send('POST', restore, { body, headers: { 'content-type': type } })
    expect(reply.json()).toMatchObject({ keys: body.length, epoch: 2 })
    expect(door.backend.calls.at(-1)).toMatchObject({
      method: 'restoreSnapshot',
      request: { name: 'prod', fromAnother: false },
    })
  })

  it('come in as what they are only', async () => {
    const headers = { 'content-type': 'application/json' }
    const reply = await door.send('POST', restore, { body: '{}', headers })
    expect([reply.status, reply.json().error.code]).toEqual([400, 'BAD_REQUEST'])
    expect(reply.text).toContain(type)
    const nameless = await door.send('POST', '/v1/hive/snapshot/restore', { body: 'x', headers })
    expect(nameless.status).toBe(400)
    expect((await door.send('GET', '/v1/hive/snapshot?stale=maybe')).status).toBe(400)
  })
})
