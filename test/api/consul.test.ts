import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseService } from '../../src/base/service-shape.ts'
import { served } from './served.ts'

let door: Awaited<ReturnType<typeof served>>
beforeEach(async () => {
  door = await served()
})
afterEach(() => door.close())

const put = (url: string, body?: unknown) =>
  door.send('PUT', url, body === undefined ? {} : { body: JSON.stringify(body) })

describe("Consul's agent paths", () => {
  it('tell who leads and who votes', async () => {
    expect((await door.send('GET', '/v1/status/leader')).json()).toBe('127.0.0.1:4483')
    expect((await door.send('GET', '/v1/status/peers')).json()).toHaveLength(2)
  })

  it('register and deregister services', async () => {
    const check = { TTL: '15s' }
    const reply = await put('/v1/agent/service/register?replace-existing-checks', {
      Name: 'web',
      Check: check,
    })
    expect([reply.status, reply.text]).toEqual([200, ''])
    expect(door.backend.calls.at(-1)).toMatchObject({
      method: 'registerService',
      request: { id: 'web', checks: [{ kind: 'ttl', ttl: 15_000 }] },
    })
    await put('/v1/agent/service/deregister/a%2Fb%20c')
    expect(door.backend.calls.at(-1)).toEqual({ method: 'deregisterService', request: 'a/b c' })
  })

  it('list what is wrong with a registration', async () => {
    const reply = await put('/v1/agent/service/register', { nam: 'web', Check: { tcp: 'x' } })
    expect(reply.status).toBe(400)
    expect(reply.json().error.problems).toEqual([
      { key: 'Name', message: 'is missing; it must be text' },
      { key: 'nam', message: 'unknown; did you mean Name?' },
    ])
    expect((await put('/v1/agent/service/register')).status).toBe(400)
  })

  it('take the results of TTL checks', async () => {
    const last = () => door.backend.calls.at(-1)!.request
    await put('/v1/agent/check/pass/service:web?note=fine')
    expect(last()).toEqual({ id: 'service:web', status: 'passing', output: 'fine' })
    await put('/v1/agent/check/warn/a/b')
    expect(last()).toEqual({ id: 'a/b', status: 'warning', output: '' })
    await put('/v1/agent/check/fail/x')
    expect(last()).toMatchObject({ status: 'critical' })
    await put('/v1/agent/check/update/x', { Status: 'passing', Output: 'o'.repeat(5000) })
    expect(last()).toEqual({ id: 'x', status: 'passing', output: 'o'.repeat(4096) })
    expect((await put('/v1/agent/check/update/x', { Status: 'good' })).status).toBe(400)
  })

  it('show services and checks', async () => {
    const parsed = parseService({
      ID: 'web-1',
      Name: 'web',
      Tags: ['v1'],
      Port: 80,
      Check: { TCP: '10.0.0.1:80', Interval: '10s', Timeout: '1s', Notes: 'n' },
    })
    if ('problems' in parsed) throw new Error('wrong example')
    door.backend.registered.push({
      ...parsed.value,
      status: 'passing',
      checkStates: [
        { id: 'service:web-1', name: 'look', status: 'passing', output: 'success' },
        { id: '_node_maintenance', name: 'rest', status: 'critical', output: 'drains' },
      ],
    })
    expect((await door.send('GET', '/v1/agent/services')).json()).toEqual({
      'web-1': {
        ID: 'web-1',
        Service: 'web',
        Tags: ['v1'],
        Meta: {},
        Port: 80,
        Address: '',
        Weights: { Passing: 1, Warning: 1 },
        EnableTagOverride: false,
      },
    })
    const checks = (await door.send('GET', '/v1/agent/checks')).json()
    expect(checks._node_maintenance).toMatchObject({
      Node: 'n1',
      ServiceID: '',
      Status: 'critical',
    })
    expect(checks).toMatchObject({
      'service:web-1': {
        Node: 'n1',
        CheckID: 'service:web-1',
        Name: 'look',
        Status: 'passing',
        Notes: 'n',
        Output: 'success',
        ServiceID: 'web-1',
        ServiceName: 'web',
        ServiceTags: ['v1'],
        Type: 'tcp',
        Interval: '10s',
        Timeout: '1s',
      },
    })
  })
})
