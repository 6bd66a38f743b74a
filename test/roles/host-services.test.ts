import { beforeEach, describe, expect, it } from 'vitest'
import type { CheckDefinition, ServiceDefinition } from '../../src/base/service.ts'
import { type HostRole, hostRole } from '../../src/roles/host/role.ts'
import type { Role } from '../../src/roles/role.ts'
import { RoleRunner } from '../../src/roles/runner.ts'
import { FakeHost, settle } from './fake-host.ts'

let host: FakeHost
let role: HostRole
let runner: RoleRunner<unknown>

/** An agent with the role; `config` as it stands below `[role.host]`. */
async function boot(config?: object): Promise<void> {
  role = hostRole({ epoch: () => 1, incarnation: () => 7 })
  const parsed = role.parse(config)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  runner = new RoleRunner({
    role: role as Role,
    config: parsed.config,
    host,
    clock: host.clock,
    known: () => ({ self: { id: '1', name: 'n1', address: 'a', dc: 'dc1' }, peers: [] }),
    memory: () => Object.fromEntries(host.memory),
    changed: () => {},
  })
  runner.start()
  await settle()
}

beforeEach(() => {
  host = new FakeHost()
})

const tcp: CheckDefinition = {
  id: 'c',
  name: 'c',
  kind: 'tcp',
  target: '10.0.0.1:80',
  interval: 10_000,
  timeout: 1000,
}
const ttl: CheckDefinition = { id: 't', name: 't', kind: 'ttl', ttl: 30_000, timeout: 1000 }

function service(id: string, ...checks: CheckDefinition[]): ServiceDefinition {
  return { id, name: id, tags: [], address: '', port: 80, meta: {}, checks }
}

/** `web critical (c: connection refused)` */
function shown(): string[] {
  return role.directory.list().map(one => {
    const checks = one.checkStates.map(check => `${check.id} ${check.status}: ${check.output}`)
    return [`${one.id} ${one.status}`, ...checks].join(' | ')
  })
}

const seq = () => role.directory.document().version.seq

describe('services of a node', () => {
  it('are passing without checks, and critical with one until it has been looked at', async () => {
    await boot()
    await role.directory.register(service('plain'))
    await role.directory.register(service('web', tcp))
    expect(shown()).toEqual(['plain passing', 'web critical | c critical: '])
    host.ports.add('10.0.0.1:80')
    await host.clock.pass(1000)
    expect(shown()[1]).toBe('web passing | c passing: TCP connect 10.0.0.1:80: success')
    host.ports.clear()
    await host.clock.pass(10_000)
    expect(shown()[1]).toBe('web critical | c critical: connection refused')
  })

  it('follow HTTP answers as Consul does', async () => {
    await boot()
    const url = 'http://127.0.0.1/health'
    await role.directory.register(
      service('web', {
        id: 'h',
        name: 'h',
        kind: 'http',
        url,
        method: 'GET',
        interval: 1000,
        timeout: 1000,
      }),
    )
    const seen: string[] = []
    for (const status of [200, 204, 301, 429, 500, 299]) {
      host.urls.set(url, { status, body: 'why' })
      await host.clock.pass(2000)
      seen.push(shown()[0]!.split(' | ')[0]!)
    }
    expect(seen).toEqual([
      'web passing',
      'web passing',
      'web critical',
      'web warning',
      'web critical',
      'web passing',
    ])
    expect(shown()[0]).toContain('HTTP GET http://127.0.0.1/health: 299 why')
  })

  it('are all looked at soon, and then by turns: a thousand checks do not come in bursts', async () => {
    const looks: number[] = []
    host.connectTcp = async () => void looks.push(host.clock.now())
    const files = Array.from({ length: 1000 }, (_, i) => ({
      name: `s${i}`,
      check: { tcp: '10.0.0.1:80', interval: '10s' },
    }))
    await boot({ service: files })
    await host.clock.pass(1_000)
    expect(looks.length).toBeGreaterThanOrEqual(1000)
    await host.clock.pass(10_000)
    expect(looks.length).toBeGreaterThanOrEqual(2000)
    looks.length = 0
    await host.clock.pass(10_000)
    expect(looks.length).toBeGreaterThanOrEqual(990)
    expect(looks.length).toBeLessThanOrEqual(1010)
    const perSecond = Array.from({ length: 10 }, (_, s) => {
      const from = 11_000 + s * 1000
      return looks.filter(at => at >= from && at < from + 1000).length
    })
    expect(Math.max(...perSecond)).toBeLessThan(160)
  }, 30_000)

  it('fail when a TTL check is not reported in time', async () => {
    await boot()
    await role.directory.register(service('job', { ...ttl, initial: 'passing' }))
    await host.clock.pass(29_999)
    expect(shown()).toEqual(['job passing | t passing: '])
    await role.directory.reportCheck({ id: 't', status: 'warning', output: 'slow' })
    await host.clock.pass(29_999)
    expect(shown()).toEqual(['job warning | t warning: slow'])
    await host.clock.pass(1)
    expect(shown()).toEqual(['job critical | t critical: TTL expired (last: slow)'])
    await role.directory.reportCheck({ id: 't', status: 'passing', output: '' })
    expect(shown()).toEqual(['job passing | t passing: '])
  })

  it('are as healthy as their worst check', async () => {
    await boot()
    const other: CheckDefinition = { ...ttl, id: 'u', initial: 'warning' }
    await role.directory.register(service('web', { ...ttl, initial: 'passing' }, other))
    expect(shown()[0]).toContain('web warning')
    await role.directory.reportCheck({ id: 't', status: 'critical', output: '' })
    expect(shown()[0]).toContain('web critical')
  })

  it('change only after as many results in a row as were asked for', async () => {
    await boot()
    const patient: CheckDefinition = {
      ...ttl,
      successesNeeded: 2,
      failuresNeeded: 3,
      initial: 'passing',
    }
    await role.directory.register(service('web', patient))
    const report = async (status: 'passing' | 'critical') => {
      await role.directory.reportCheck({ id: 't', status, output: '' })
      return role.directory.list()[0]!.status
    }
    const results = [
      'critical',
      'critical',
      'passing',
      'critical',
      'critical',
      'critical',
      'passing',
      'passing',
    ] as const
    const seen: string[] = []
    for (const status of results) seen.push(await report(status))
    expect(seen).toEqual([
      'passing',
      'passing',
      'passing',
      'passing',
      'passing',
      'critical',
      'critical',
      'passing',
    ])
  })

  it('raise the number of the document with every change, and only then', async () => {
    await boot()
    expect(seq()).toBe(0)
    await role.directory.register(service('web', ttl))
    expect(seq()).toBe(1)
    await role.directory.register(service('web', ttl))
    expect(seq()).toBe(1)
    await role.directory.reportCheck({ id: 't', status: 'passing', output: 'a' })
    await role.directory.reportCheck({ id: 't', status: 'passing', output: 'b' })
    expect(seq()).toBe(2)
    runner.drain()
    await settle()
    expect(seq()).toBe(3)
    runner.start()
    await settle()
    expect(seq()).toBe(4)
    await role.directory.deregister('web')
    expect(role.directory.document()).toEqual({
      version: { epoch: 1, incarnation: 7, seq: 5 },
      services: [],
    })
  })

  it('come back after a restart when they came through the API', async () => {
    await boot()
    await role.directory.register(service('web', tcp))
    await role.directory.register(service('gone'))
    await role.directory.deregister('gone')
    runner.close()
    await boot()
    expect(shown()).toEqual(['web critical | c critical: '])
  })

  it('keep the last report of a long TTL over a restart, for as long as it counts', async () => {
    const day: CheckDefinition = { ...ttl, id: 'daily', ttl: 86_400_000 }
    await boot()
    await role.directory.register(service('job', day, ttl))
    await role.directory.reportCheck({ id: 'daily', status: 'passing', output: 'done' })
    await role.directory.reportCheck({ id: 't', status: 'passing', output: '' })
    await host.clock.pass(86_000_000)
    runner.close()
    await boot()
    expect(shown()).toEqual(['job critical | daily passing: done | t critical: '])
    await host.clock.pass(400_001)
    expect(shown()[0]).toContain('daily critical: TTL expired (last: done)')
    runner.close()
    await boot()
    expect(shown()[0]).toContain('daily critical: ')
    await role.directory.deregister('job')
    expect(host.memory.size).toBe(0)
  })

  it('survive a memory that somebody damaged', async () => {
    host.memory.set('service:x', { id: 4 })
    host.memory.set('service:y', null)
    host.memory.set('ttl:t', { until: 'soon' })
    await boot()
    expect(shown()).toEqual([])
    expect(runner.state).toBe('running')
  })

  it('are refused where they cannot be held', async () => {
    role = hostRole({ epoch: () => 0, incarnation: () => 0 })
    await expect(role.directory.register(service('web'))).rejects.toMatchObject({ code: 'REFUSED' })
    await boot({ service: [{ name: 'fixed' }] })
    const { directory } = role
    await expect(directory.register(service('fixed'))).rejects.toMatchObject({ code: 'REFUSED' })
    await expect(directory.deregister('fixed')).rejects.toMatchObject({ code: 'REFUSED' })
    await expect(directory.deregister('none')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await directory.register(service('web', tcp))
    await expect(directory.register(service('web2', tcp))).rejects.toThrow(
      'belongs to service "web"',
    )
    const report = { id: 'c', status: 'passing', output: '' } as const
    await expect(directory.reportCheck(report)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(directory.reportCheck({ ...report, id: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  it('are not registered when they cannot be kept', async () => {
    await boot()
    host.full = true
    const { directory } = role
    await expect(directory.register(service('web'))).rejects.toMatchObject({ code: 'STORAGE' })
    expect(shown()).toEqual([])
  })

  it('are taken out when they stay critical for too long', async () => {
    await boot()
    await role.directory.register(service('web', { ...tcp, deregisterAfter: 60_000 }))
    host.ports.add('10.0.0.1:80')
    await host.clock.pass(50_000)
    host.ports.clear()
    await host.clock.pass(59_000)
    expect(shown()).toHaveLength(1)
    await host.clock.pass(11_000)
    expect(shown()).toEqual([])
    expect(host.memory.size).toBe(0)
    expect(host.clock.pending).toBe(0)
  })

  it('are shown as critical while the node drains, also after a restart', async () => {
    await boot({ service: [{ name: 'fixed' }] })
    await role.directory.register(service('web'))
    runner.drain()
    await settle()
    expect(runner.state).toBe('drained')
    const drained = [
      'fixed critical | _node_maintenance critical: the node drains',
      'web critical | _node_maintenance critical: the node drains',
    ]
    expect(shown()).toEqual(drained)
    runner.close()
    const parsed = { service: [{ name: 'fixed' }] }
    await boot(parsed)
    runner.drain()
    await settle()
    expect(shown()).toEqual(drained)
  })

  it('are withdrawn and forgotten when the role is taken away', async () => {
    await boot()
    await role.directory.register(service('web', tcp, ttl))
    await runner.stop()
    expect(role.directory.list()).toEqual([])
    expect(host.memory.size).toBe(0)
    expect(host.clock.pending).toBe(0)
  })
})

describe('services in files', () => {
  const web = '[[service]]\nname = "web"\nport = 80\n'

  beforeEach(() => {
    host.folders.set('services', ['.web.toml.swp', 'README.md', 'web.toml'])
    host.files.set('services/web.toml', web)
  })

  it('follow the files while they change', async () => {
    await boot({ files: ['services'] })
    expect(shown()).toEqual(['web passing'])
    const before = seq()
    await host.clock.pass(60_000)
    expect(seq()).toBe(before)
    host.files.set('services/web.toml', `${web}[[service]]\nname = "api"\n`)
    await host.clock.pass(10_000)
    expect(shown()).toEqual(['api passing', 'web passing'])
    host.folders.set('services', [])
    await host.clock.pass(20_000)
    expect(shown()).toEqual([])
  })

  it.each([
    ['empty', () => host.files.set('services/web.toml', '')],
    ['gone', () => host.folders.set('services', [])],
    ['cut where it still makes sense', () => host.files.set('services/web.toml', web)],
  ])('are not withdrawn by one that is written just now and is %s for a moment', async (_, cut) => {
    const whole = `${web}[[service]]\nname = "api"\n`
    host.files.set('services/web.toml', whole)
    await boot({ files: ['services'] })
    const before = seq()
    cut()
    await host.clock.pass(10_000)
    host.folders.set('services', ['web.toml'])
    host.files.set('services/web.toml', whole)
    await host.clock.pass(10_000)
    expect([shown(), seq()]).toEqual([['api passing', 'web passing'], before])
    // Missed once, a while ago, is not missed twice.
    cut()
    await host.clock.pass(10_000)
    expect(shown()).toEqual(['api passing', 'web passing'])
  })

  it('are read again without work as long as nothing changed, also when they are thousands', async () => {
    const services = Array.from({ length: 4000 }, (_, i) => ({
      name: `s${i}`,
      checks: [{ ttl: '60s', check_id: `t${i}` }],
    }))
    host.files.set('s.json', JSON.stringify({ services }))
    await boot({ files: ['s.json'] })
    expect(shown()).toHaveLength(4000)
    // Of work, and not of time: each definition is looked at so often.
    let looked = 0
    const { stringify } = JSON
    JSON.stringify = ((...args: Parameters<typeof stringify>) => {
      looked++
      return stringify(...args)
    }) as typeof stringify
    await host.clock.pass(20_000).finally(() => {
      JSON.stringify = stringify
    })
    expect(looked).toBeLessThan(10)
    await role.directory.reportCheck({ id: 't3999', status: 'passing', output: 'ok' })
    expect(shown().filter(line => line.includes('passing'))).toHaveLength(1)
    await expect(role.directory.register(service('other', { ...ttl, id: 't17' }))).rejects.toThrow(
      'the check id "t17" belongs to service "s17"',
    )
  })

  it.each(['a.toml', 'z.toml'])('may move to another one (%s) at any time', async to => {
    await boot({ files: ['services'] })
    host.files.set('services/web.toml', '')
    host.folders.set('services', ['web.toml', to].sort())
    host.files.set(`services/${to}`, web.replace('80', '81'))
    await host.clock.pass(10_000)
    expect(role.directory.list().map(one => [one.id, one.port])).toEqual([['web', 81]])
    expect([runner.state, runner.detail]).toEqual(['running', ''])
    await host.clock.pass(60_000)
    expect(shown()).toEqual(['web passing'])
  })

  it('stay as they were while a file is wrong, and the role says what is', async () => {
    await boot({ files: ['services'] })
    host.files.set('services/web.toml', `${web}portt = 80\n`)
    await host.clock.pass(10_000)
    expect(shown()).toEqual(['web passing'])
    expect(runner.state).toBe('failed')
    expect(runner.detail).toBe(
      'services/web.toml: line 4: service[0].portt: unknown; did you mean Port?',
    )
    host.files.set('services/web.toml', web)
    await host.clock.pass(10_000)
    expect([runner.state, runner.detail]).toEqual(['running', ''])
  })

  it('stay while a file cannot be read', async () => {
    await boot({ files: ['services'] })
    host.unreadable = new Error('permission denied')
    await host.clock.pass(10_000)
    expect(shown()).toEqual(['web passing'])
    expect(runner.detail).toBe('services: permission denied')
  })

  it('that are not there turn the role red', async () => {
    await boot({ files: ['none.toml'] })
    expect(runner.state).toBe('failed')
    expect(runner.detail).toBe('none.toml: there is no such file or folder')
  })

  it('belong to the first file that defines them, and go before the API', async () => {
    host.memory.set('service:web', { ...service('web'), port: 1 })
    host.files.set('b.json', '{"services": [{"Name": "web", "Port": 81}, {"Name": "api"}]}')
    await boot({ files: ['services', 'b.json'] })
    expect(role.directory.list().map(one => [one.id, one.port])).toEqual([
      ['api', 0],
      ['web', 80],
    ])
    expect(runner.detail).toBe('b.json: the service "web" is defined in services/web.toml')
    await host.clock.pass(20_000)
    expect(role.directory.list()[1]!.port).toBe(80)
  })
})
