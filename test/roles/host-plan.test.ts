import { describe, expect, it } from 'vitest'
import { type HostConfig, parseHostConfig } from '../../src/roles/host/config.ts'
import { planHost } from '../../src/roles/host/role.ts'
import type { RoleKnown } from '../../src/roles/role.ts'

const self = { id: '1', name: 'n1', address: '10.0.0.1', dc: 'dc1' }

function plan(goal: RoleKnown['goal'], raw: object, memory: RoleKnown['memory'] = {}): string[] {
  const parsed = parseHostConfig(raw)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return planHost({ goal, self, peers: [], memory }, parsed.value).map(step => step.what)
}

const web = { id: 'web', name: 'web', tags: [], address: '', port: 80, meta: {}, checks: [] }

describe('the plan of host', () => {
  it('is short where nothing is configured', () => {
    expect(plan('run', {})).toEqual([
      'show services as their checks find them',
      'accept registrations',
    ])
  })

  it('takes up files before what came through the API', () => {
    const raw = { files: ['a.toml', 'b'], service: [{ name: 'db' }] }
    expect(plan('run', raw, { 'service:web': web, other: 1 })).toEqual([
      'show services as their checks find them',
      'accept registrations',
      'take up service db of the configuration',
      'read services in a.toml, b',
      'read them again every 10 s',
      'take up service web of the API',
    ])
    expect(plan('run', { files: ['a'], reload: '0s' })).not.toContain('read them again every 10 s')
  })

  it('hides services first when the node drains', () => {
    expect(plan('drain', {}, { 'service:web': web })).toEqual([
      'show all services as critical',
      'accept registrations',
      'take up service web of the API',
    ])
  })

  it('withdraws everything at the end', () => {
    expect(plan('stop', { files: ['a'] }, { 'service:web': web })).toEqual([
      'withdraw all services and forget those of the API',
    ])
  })
})

describe('the configuration of host', () => {
  const problems = (raw: unknown) => {
    const parsed = parseHostConfig(raw)
    return 'problems' in parsed
      ? parsed.problems.map(({ key, message }) => `${key}: ${message}`)
      : []
  }

  it('has defaults', () => {
    const none: HostConfig = { files: [], reload: 10_000, services: [] }
    expect(parseHostConfig(undefined)).toEqual({ value: none })
  })

  it('lists all that is wrong', () => {
    expect(problems({ files: 'a', reload: 5, fiels: [] })).toEqual([
      'files: must be a list, not text',
      'reload: must be text, not a number',
      'fiels: unknown; did you mean files?',
    ])
    expect(problems({ reload: '10ms' })).toEqual(['reload: must be 0 or at least 1s'])
    expect(problems('x')).toEqual([': must be an object, not text'])
    expect(
      problems({
        service: [
          { name: 'a', check: [{ tcp: 'x:1' }, { ttl: '1ms' }] },
          { name: 'a', checks: [{ http: 'ftp://x', interval: '1s' }, {}] },
          { name: 'b' },
          { name: 'b' },
          {},
        ],
      }),
    ).toEqual([
      'service[0].Check[0].Interval: must be given, and at least 1s',
      'service[0].Check[1].TTL: must be at least 1s',
      'service[1].Checks[0].HTTP: must be an http:// or https:// URL',
      'service[1].Checks[1]: needs exactly one of TCP, HTTP and TTL',
      'service[3]: the service id "b" is given twice',
      'service[4].Name: is missing; it must be text',
    ])
  })
})
