import { describe, expect, test } from 'vitest'
import { drainFinished, drainSteps, drainVerdict } from '../../src/cluster/drain.ts'
import { node, nodesOf } from './nodes.ts'

const role = (name: string, state: string) => ({ name, state, detail: '' })
const draining = (states: readonly string[], deadline: number | null = null) =>
  node('n1', {
    phase: 'draining',
    drainDeadline: deadline,
    roles: states.map((s, i) => role(`r${i}`, s)) as never,
  })

describe('a drain is finished', () => {
  test.each([
    ['when every role has handed off', ['drained', 'stopped'], 'id-n2', true, null, 'yes'],
    ['when a role never ran', ['assigned'], 'id-n2', true, null, 'yes'],
    ['not while one works', ['drained', 'draining'], 'id-n2', true, null, 'no'],
    ['not while one has failed to', ['failed'], 'id-n2', true, null, 'no'],
    ['not while it leads', ['drained'], 'id-n1', true, null, 'no'],
    ['when nobody is there to hand anything off', ['running'], 'id-n2', false, null, 'yes'],
    ['by force at its deadline', ['draining'], 'id-n2', true, 1_000, 'forced'],
    ['not before its deadline', ['draining'], 'id-n2', true, 1_001, 'no'],
  ])('%s', (_when, states, leader, answers, deadline, outcome) => {
    expect(drainFinished(draining(states, deadline), leader, answers, 1_000)).toBe(outcome)
  })

  test('only if it was one', () => {
    expect(drainFinished(node('n1'), null, false, 0)).toBe('no')
  })
})

describe('the verdict', () => {
  const facts = (change: object) => ({
    node: node('n1'),
    nodes: nodesOf(node('n1'), node('n2'), node('n3', { phase: 'drained' })),
    leader: 'id-n2',
    voters: ['id-n1', 'id-n2', 'id-n3'],
    reachable: new Set(['id-n1', 'id-n2', 'id-n3']),
    requiredBy: () => [],
    ...change,
  })
  const lines = (change: object) =>
    drainVerdict(facts(change)).lines.map(l => `${l.level}: ${l.text}`)

  test('says that the vote stays', () => {
    expect(lines({})).toEqual(['ok: keeps its vote: 3 of 3 voters answer, 2 needed'])
  })

  test('says who leads next: nobody that rests', () => {
    expect(lines({ leader: 'id-n1' })).toContain('ok: leads: leadership moves to n2')
    const [, line] = lines({ leader: 'id-n1', reachable: new Set(['id-n1', 'id-n3']) })
    expect(line).toBe('warn: leads, and no other voter can take over: leadership stays here')
  })

  test('refuses the last of a role that others need', () => {
    const last = node('n1', { roles: [role('dns', 'running')] as never })
    const verdict = drainVerdict(facts({ node: last, requiredBy: () => ['web'] }))
    expect(verdict.allowed).toBe(false)
    expect(verdict.lines.at(-1)).toEqual({
      level: 'refuse',
      text: 'last dns node, and web needs one',
    })
    expect(drainVerdict(facts({ node: last })).allowed).toBe(true)
  })

  test.each([
    ['runs elsewhere', 'ready', 'running', true],
    ['is only assigned elsewhere', 'ready', 'assigned', false],
    ['runs on a node that drains', 'draining', 'running', false],
    ['ran on a node that failed', 'failed', 'running', false],
  ] as const)('counts a role that %s: %s', (_what, phase, state, allowed) => {
    const last = node('n1', { roles: [role('dns', 'running')] as never })
    const other = node('n2', { phase, roles: [role('dns', state)] as never })
    const nodes = nodesOf(last, other)
    const verdict = drainVerdict(facts({ node: last, nodes, requiredBy: () => ['web'] }))
    expect(verdict.allowed).toBe(allowed)
  })

  test('says what a dead node cannot do', () => {
    expect(lines({ reachable: new Set(['id-n2', 'id-n3']) })[0]).toMatch(
      /^warn: n1 does not answer/,
    )
  })
})

test('steps go one after the other, leadership first', () => {
  const states = (leader: string, answers = true) =>
    drainSteps(draining(['drained', 'draining', 'draining']), leader, answers).map(s => s.state)
  expect(states('id-n1')).toEqual(['running', 'done', 'waiting', 'waiting'])
  expect(states('id-n2')).toEqual(['done', 'done', 'running', 'waiting'])
  expect(states('id-n2', false)).toEqual(['done', 'done', 'done', 'done'])
})

test('what a deadline cut off is not called done', () => {
  const node = { ...draining(['drained', 'draining', 'draining']), phase: 'drained' as const }
  const states = (answers: boolean) => drainSteps(node, 'id-n2', answers).map(s => s.state)
  expect(states(true)).toEqual(['done', 'done', 'failed', 'failed'])
  expect(states(false)).toEqual(['done', 'done', 'done', 'done'])
})
