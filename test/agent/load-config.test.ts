import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadConfig } from '../../src/agent/process/load-config.ts'
import { options } from '../../src/agent/process/options.ts'
import { OperatorError } from '../../src/base/errors.ts'
import { builtInRoles } from '../../src/roles/registry.ts'

const around = {
  hostname: 'Web-1.example.com',
  uid: 1000,
  addresses: ['10.0.0.7', 'fd00::7'],
  roles: builtInRoles,
}
const home = { HOME: '/home/ann' }

function load(flags = {}, env: Record<string, string> = home, files: Record<string, string> = {}) {
  const readFile = (path: string) => {
    const text = files[path]
    if (text === undefined) throw Object.assign(new Error('no'), { code: 'ENOENT' })
    return text
  }
  return loadConfig(flags, env, readFile, around)
}

/** What the operator reads. */
function refused(...args: Parameters<typeof load>): string[] {
  try {
    load(...args)
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError)
    expect((error as OperatorError).code).toBe('BAD_CONFIG')
    return (error as OperatorError).message.split('\n').map(line => line.trim())
  }
  throw new Error('nothing was refused')
}

const toml = (text: string) => [{ config: 'hive.toml' }, home, { 'hive.toml': text }] as const

describe('the configuration', () => {
  it('has a default for everything', () => {
    expect(load()).toEqual({
      name: 'web-1',
      dataDir: '/home/ann/.local/share/hive',
      bind: { host: '127.0.0.1', port: 4483 },
      advertise: null,
      http: { host: '127.0.0.1', port: 4480 },
      httpTls: 'auto',
      httpAuth: 'auto',
      socket: '/home/ann/.local/share/hive/agent.sock',
      join: [],
      roles: [],
      roleConfig: {},
      dc: 'dc1',
      logLevel: 'info',
      timingFactor: 1,
      maxClockSkew: 60_000,
      secretFile: null,
      tokenFile: null,
      certificateLife: 30 * 86_400_000,
      snapshotEvery: 6 * 3_600_000,
      snapshotKeep: 7,
      socketGroup: null,
    })
    expect(loadConfig({}, {}, () => '', { ...around, uid: 0 }).dataDir).toBe('/var/lib/hive')
  })

  it('lets flags win over variables, and variables over the file', () => {
    const file = 'name = "a"\ndc = "a"\nlog_level = "warn"\n'
    const env = { ...home, HIVE_NAME: 'b', HIVE_DC: 'b', HIVE_CONFIG: 'hive.toml' }
    const config = load({ name: 'c' }, env, { 'hive.toml': file })
    expect(config).toMatchObject({ name: 'c', dc: 'b', logLevel: 'warn' })
  })

  it('reads every setting from each of the three places', () => {
    const expected = {
      name: 'n1',
      dataDir: '/d',
      bind: { host: '::1', port: 1 },
      advertise: { host: 'n1.lan', port: 4483 },
      http: null,
      httpTls: 'on',
      httpAuth: 'on',
      socket: '/s',
      join: ['n2', 'n3:1'],
      roles: ['host'],
      dc: 'ams',
      logLevel: 'silent',
      timingFactor: 2.5,
      maxClockSkew: 90_000,
      secretFile: '/secret',
      tokenFile: '/token',
      certificateLife: 3_600_000,
      snapshotEvery: 1_800_000,
      snapshotKeep: 2,
      socketGroup: 'adm',
    }
    const flags = {
      name: 'n1',
      'data-dir': '/d',
      bind: '[::1]:1',
      advertise: 'n1.lan',
      http: 'off',
      'http-tls': 'on',
      'http-auth': 'on',
      socket: '/s',
      join: ['n2', 'n3:1'],
      role: ['host'],
      dc: 'ams',
      'log-level': 'silent',
      'timing-factor': '2.5',
      'max-clock-skew': '1m30s',
      'secret-file': '/secret',
      'token-file': '/token',
      'certificate-life': '1h',
      'snapshot-every': '30m',
      'snapshot-keep': '2',
      'socket-group': 'adm',
    }
    expect(load(flags)).toMatchObject(expected)
    const env: Record<string, string> = {}
    for (const { flag, env: names } of options) {
      const value = flags[flag as keyof typeof flags]
      if (value !== undefined) env[names[0]!] = [value].flat().join(', ')
    }
    expect(load({}, env)).toMatchObject(expected)
    expect(load({}, { ...home, HIVE_ROLE: 'host' })).toMatchObject({ roles: ['host'] })
    const lines = options.flatMap(({ flag, toml: key }) =>
      key === undefined ? [] : [`${key} = ${JSON.stringify(flags[flag as keyof typeof flags])}`],
    )
    expect(load(...toml(lines.join('\n')))).toMatchObject(expected)
    expect(load(...toml('http = false\ntiming_factor = 2.5'))).toMatchObject({
      http: null,
      timingFactor: 2.5,
    })
  })

  it('takes paths in the file as relative to the file', () => {
    const files = { 'etc/hive.toml': 'data_dir = "data"\n[role.host]\nfiles = ["services"]' }
    const config = load({ config: 'etc/hive.toml' }, home, files)
    expect(config).toMatchObject({
      dataDir: 'etc/data',
      socket: 'etc/data/agent.sock',
      folder: 'etc',
      roleConfig: { host: { files: ['services'] } },
    })
    expect(load({ 'data-dir': 'data' }).dataDir).toBe('data')
  })

  it('lists all problems at once, with key and line', () => {
    const file = `# one of everything
naem = "n1"
bind = "1.2.3.4:99999"
join = ["good", 7, "bad host"]

[role.host]
reload = "often"
fiels = []

[[role.host.service]]
name = "web"
[role.host.service.check]
tcp = "nowhere"
interval = "10s"

[role.hots]
`
    const env = { HOME: '/h', HIVE_LOG_LEVEL: 'loud' }
    expect(refused({ config: 'c.toml', 'timing-factor': '0' }, env, { 'c.toml': file })).toEqual([
      'the configuration has 9 problems:',
      'HIVE_LOG_LEVEL: "loud" must be one of trace, debug, info, warn, error, silent',
      '--timing-factor: "0" must be a number from 0.1 to 100',
      'c.toml line 2: naem: unknown; did you mean name?',
      'c.toml line 3: bind: "1.2.3.4:99999": the port must be 0 to 65535',
      'c.toml line 4: join[1]: "7": only a number; write HOST:PORT',
      'c.toml line 4: join[2]: "bad host": not a host name or IP address',
      'c.toml line 7: role.host.reload: must be a duration such as 10s',
      'c.toml line 8: role.host.fiels: unknown; did you mean files?',
      'c.toml line 16: role.hots: no role of this build: unknown; did you mean host?',
    ])
  })

  it('finds the line of what is wrong in a list of tables', () => {
    const text = `[[role.host.service]]
name = "a"
[[role.host.service]]
name = "b"
[[role.host.service.check]]
tcp = "nowhere"
interval = "10s"
`
    expect(refused(...toml(text))).toEqual([
      'hive.toml line 6: role.host.service[1].Check[0].TCP: must be HOST:PORT',
    ])
  })

  it('says where half-written TOML breaks', () => {
    expect(refused(...toml('name = "n1"\nbind = "127.0'))[0]).toMatch(
      /^hive\.toml line 2: column \d+: /,
    )
    expect(refused(...toml('[role.host'))[0]).toMatch(/^hive\.toml line 1: column \d+: /)
    expect(refused(...toml('name = "a"\nname = "b"'))[0]).toMatch(
      /^hive\.toml line 2: column \d+: /,
    )
  })

  it('says why a file cannot be read', () => {
    expect(refused({ config: 'none.toml' })).toEqual(['none.toml: there is no such file'])
  })

  it('refuses names that are no DNS label', () => {
    for (const name of ['', 'N1', 'a.b', '-a', 'a-', 'x'.repeat(64), 'a b', 'ü']) {
      expect(refused({ name })).toHaveLength(1)
    }
    expect(load({ name: 'x'.repeat(63) }).name).toHaveLength(63)
  })

  it('refuses what cannot be dialled, found or opened', () => {
    expect(refused({ advertise: '0.0.0.0:1' })[0]).toContain('nobody can dial')
    expect(refused({ role: ['hots'] })).toEqual([
      '--role: "hots" is no role of this build: unknown; did you mean host?',
    ])
    expect(refused({ socket: `/${'s'.repeat(107)}` })[0]).toMatch(
      /^--socket: .*longer than 107 bytes/,
    )
    expect(refused({ 'data-dir': `/${'s'.repeat(100)}` })[0]).toMatch(/^--data-dir: /)
    expect(refused({}, {})[0]).toMatch(/^data_dir: is missing/)
    expect(refused({ bind: ['a', 'b'] })).toEqual(['--bind: is given more than once'])
  })

  it('never fails but with problems, whatever the file', () => {
    const key = fc.constantFrom(...options.flatMap(one => one.toml ?? []), 'role', 'x', 'role.host')
    const value = fc.oneof(
      fc.json(),
      fc.constantFrom('"n1"', '[', '"""', "'''a", '{a=1}', '1979-05-27'),
    )
    const line = fc.oneof(
      fc.tuple(key, value).map(([k, v]) => `${k} = ${v}`),
      fc.tuple(key).map(([k]) => `[${k}]`),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), lines => {
        try {
          load(...toml(lines.join('\n')))
        } catch (error) {
          expect(error).toBeInstanceOf(OperatorError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('a node that binds to all addresses', () => {
  const at = (bind: string, addresses: readonly string[], advertise?: string) =>
    loadConfig({ bind, ...(advertise && { advertise }) }, home, () => '', { ...around, addresses })
      .advertise

  it.each([
    ['0.0.0.0', ['10.0.0.7'], '10.0.0.7'],
    ['0.0.0.0', ['10.0.0.7', 'fd00::7'], '10.0.0.7'],
    ['::', ['10.0.0.7', 'fd00::7'], '10.0.0.7'],
    ['[::]', ['fd00::7'], 'fd00::7'],
    ['0:0:0:0:0:0:0:0', ['fd00::7'], 'fd00::7'],
  ])('%s: tells others its only one of %j', (host, addresses, host2) => {
    const bind = host.includes(':') && !host.startsWith('[') ? `[${host}]:5` : `${host}:5`
    expect(at(bind, addresses)).toEqual({ host: host2, port: 5 })
    expect(at(bind, addresses, 'n1.example.com:9')).toEqual({ host: 'n1.example.com', port: 9 })
  })

  it.each([
    ['0.0.0.0', ['10.0.0.7', '192.168.1.7'], /10\.0\.0\.7, 192\.168\.1\.7/],
    ['0.0.0.0', ['fd00::7'], /none yet/],
    ['0.0.0.0', [], /none yet/],
  ])('%s: has to be told which of %j', (bind, addresses, told) => {
    expect(() => at(bind, addresses)).toThrow(/advertise: is needed with bind/)
    expect(() => at(bind, addresses)).toThrow(told)
  })

  it.each(['127.0.0.1', '10.0.0.7', '::1', 'n1.example.com', '00ff::1'])('%s is one', bind => {
    expect(at(bind, [])).toBeNull()
  })
})
