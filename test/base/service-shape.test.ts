import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseService } from '../../src/base/service-shape.ts'

function problems(raw: unknown): string[] {
  const parsed = parseService(raw)
  return 'problems' in parsed ? parsed.problems.map(({ key, message }) => `${key}: ${message}`) : []
}

describe("Consul's service registration", () => {
  it('is read as its Go client writes it', () => {
    const raw = {
      ID: 'web-1',
      Name: 'web',
      Tags: ['v1'],
      Port: 8080,
      Address: '10.0.0.1',
      Meta: { team: 'a' },
      EnableTagOverride: false,
      Check: null,
      Checks: [
        { HTTP: 'http://10.0.0.1:8080/', Interval: '10s', Timeout: '2s', Method: '' },
        {
          CheckID: 'mine',
          TCP: '10.0.0.1:8080',
          Interval: '1m',
          FailuresBeforeCritical: 3,
          Status: 'warning',
        },
      ],
    }
    expect(parseService(raw)).toEqual({
      value: {
        id: 'web-1',
        name: 'web',
        tags: ['v1'],
        address: '10.0.0.1',
        port: 8080,
        meta: { team: 'a' },
        checks: [
          {
            id: 'service:web-1:1',
            name: "Service 'web' check",
            kind: 'http',
            url: 'http://10.0.0.1:8080/',
            method: 'GET',
            interval: 10_000,
            timeout: 2000,
          },
          {
            id: 'mine',
            name: "Service 'web' check",
            kind: 'tcp',
            target: '10.0.0.1:8080',
            interval: 60_000,
            timeout: 10_000,
            failuresNeeded: 3,
            initial: 'warning',
          },
        ],
      },
    })
  })

  it('is read as files and other clients write it', () => {
    const check = { check_id: 'c', ttl: '15s', deregister_critical_service_after: '90m' }
    expect(parseService({ name: 'web', check })).toEqual({
      value: {
        id: 'web',
        name: 'web',
        tags: [],
        address: '',
        port: 0,
        meta: {},
        checks: [
          {
            id: 'c',
            name: "Service 'web' check",
            kind: 'ttl',
            ttl: 15_000,
            timeout: 10_000,
            deregisterAfter: 5_400_000,
          },
        ],
      },
    })
  })

  it('says everything that is wrong with it', () => {
    expect(problems({ Port: '80', Tags: 'v1', Check: { Script: 'x', TTL: 'soon' } })).toEqual([
      'Name: is missing; it must be text',
      'Tags: must be a list, not text',
      'Port: must be a number, not text',
      'Check.TTL: must be a duration such as 10s or 1m30s',
      expect.stringContaining('Check.Script: unknown; '),
    ])
    const two = { CheckID: 'a', TTL: '10s' }
    expect(problems({ Name: 'w', Checks: [two, two] })).toEqual([
      'Checks[1].CheckID: "a" is given twice',
    ])
    expect(problems({ Name: 'w', Check: { TCP: 'localhost', Interval: '10s' } })).toEqual([
      'Check.TCP: must be HOST:PORT',
    ])
    expect(
      problems({ Name: 'w', Check: { TCP: 'a:1', HTTP: 'http://a', Interval: '10s' } }),
    ).toEqual(['Check: needs exactly one of TCP, HTTP and TTL'])
    expect(problems(undefined)).toEqual([': is missing; it must be an object'])
  })

  it('is right or wrong, but never breaks anything', () => {
    const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('10s', 'a:1', 'http://a'))
    const key = fc.constantFrom(
      'Name',
      'ID',
      'check',
      'Checks',
      'TTL',
      'Port',
      'Meta',
      '__proto__',
      'interval',
    )
    const level = fc.dictionary(key, value)
    const raw = fc.oneof(
      fc.jsonValue(),
      level,
      fc.tuple(level, level).map(([a, b]) => ({ ...a, check: b })),
    )
    fc.assert(
      fc.property(raw, some => {
        const parsed = parseService(some)
        if ('value' in parsed) expect(parseService({ ...(some as object) })).toEqual(parsed)
      }),
      { numRuns: 500 },
    )
  })
})
