import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { MissingVoter, StatusReport } from '../../src/api/types.ts'
import { formatTime } from '../../src/client/event-text.ts'
import { type Painter, paintLine, plain } from '../../src/client/paint.ts'
import { renderStatus } from '../../src/dashboard/plain.ts'
import { healthOf, linesOf, viewOf } from '../../src/dashboard/view.ts'
import { expectGolden } from '../support/golden.ts'
import {
  healthyReport,
  nodeNamed,
  noQuorumReport,
  reportWith,
  troubledReport,
  zombieReport,
} from '../support/reports.ts'

/** Tones in words, so that a golden file shows what would be coloured. */
const tagged: Painter = (text, tone) =>
  tone === 'plain' || text.trim() === '' ? text : `${tone}(${text.trimEnd()})`

const reports: Record<string, StatusReport> = {
  healthy: healthyReport,
  troubled: troubledReport,
  'no-quorum': noQuorumReport,
  zombies: zombieReport,
  refused: {
    ...zombieReport,
    refused: 'NAME_TAKEN',
    notices: [
      'not admitted: NAME_TAKEN: the name n1 is taken by another node; take another --name',
    ],
  },
  slice: reportWith(
    {},
    {
      nodes: [1, 2, 3, 4, 5, 6].map(i =>
        nodeNamed(`n${i}`, { control: i === 1 ? 'leader' : i < 4 ? 'voter' : 'none' }),
      ),
      self: 'n5',
      watches: ['n1', 'n2', 'n3', 'n5'].map(name => nodeNamed(name).id),
    },
  ),
  'long-names': reportWith(
    { name: 'a-cluster-with-a-name-that-somebody-thought-about' },
    {
      nodes: [
        nodeNamed('database-server-of-the-third-floor-1', {
          address: '[2001:db8:85a3::8a2e:370:7334]:4483',
          dc: 'frankfurt-north',
          version: '0.1.0-rc.12+build.2026',
          roles: ['host', 'dns', 'nginx', 'dbserver', 'arbitrator'].map(name => ({
            name,
            state: 'running' as const,
          })),
        }),
        nodeNamed('n2', { name: 'evil\u001b[2J\nname' }),
      ],
      notices: ['one '.repeat(40).trim()],
    },
  ),
}

describe.each(Object.entries(reports))('%s', (name, report) => {
  test.each([80, 120])('at %d columns', width => {
    const text = linesOf(viewOf(report, width)).map(line => paintLine(line, plain))
    expectGolden(join(import.meta.dirname, 'testdata', `${name}-${width}.txt`), text.join('\n'))
    for (const line of text) expect(line.length).toBeLessThanOrEqual(width)
  })

  test('what is coloured', () => {
    const text = renderStatus(report, 200, tagged)
    expectGolden(join(import.meta.dirname, 'testdata', `${name}-tones.txt`), text)
  })
})

describe('health', () => {
  const node = (given: object) => reportWith({}, { nodes: [nodeNamed('n1', given)] })

  test.each([
    ['a healthy cluster', healthyReport, 'healthy'],
    ['drained on purpose', node({ state: 'drained' }), 'healthy'],
    ['a zombie', zombieReport, 'degraded'],
    ['a failed node', node({ state: 'failed' }), 'degraded'],
    ['an unreachable node', node({ state: 'unreachable' }), 'degraded'],
    ['a failed role', node({ roles: [{ name: 'dns', state: 'failed' }] }), 'degraded'],
    ['an election', reportWith({ state: 'degraded', leader: null }), 'degraded'],
    ['a voter away', reportWith({ quorum: { voters: 3, needed: 2, reachable: 2 } }), 'degraded'],
    ['no quorum', noQuorumReport, 'no quorum'],
    [
      'no quorum, not noticed yet',
      reportWith({ quorum: { voters: 3, needed: 2, reachable: 1 } }),
      'no quorum',
    ],
  ] as const)('%s', (_, report, health) => expect(healthOf(report)).toBe(health))
})

describe('a control node that is dead', () => {
  const since = 1_790_000_000_000
  const told = (missing: MissingVoter, reachable = 2, voters = 3) => {
    const needed = Math.floor(voters / 2) + 1
    const quorum = { voters, needed, reachable, missing: [missing] }
    return renderStatus(reportWith({ quorum }), 400, plain)
  }
  const dead = { name: 'n3', state: 'failed', since } as const

  test('is named, with the time, and with what to do', () => {
    expect(told(dead)).toContain(
      `! control node n3: failed, since ${formatTime(since)}; start it again, or replace it: hive control promote NODE, then hive node remove n3`,
    )
  })

  test('that is about to be replaced says by whom and when', () => {
    expect(told({ ...dead, heir: 'n4', heirFrom: since + 60_000 })).toContain(
      `n4 gets its vote after ${formatTime(since + 60_000)}, if it is not back by then`,
    )
  })

  test('comes with what may still be lost', () => {
    expect(told(dead)).toContain('2 of 3 control nodes answer, 2 are needed; none may be lost any')
    expect(told(dead, 4, 5)).toContain('4 of 5 control nodes answer, 3 are needed; 1 more may be')
  })
})
