import { describe, expect, test } from 'vitest'
import { admission, compatible, missingRoles } from '../../src/cluster/admission.ts'
import type { NodeDescription } from '../../src/state/events.ts'
import { node, nodesOf } from './nodes.ts'

const needs: Record<string, readonly string[]> = { host: [], dns: ['host'], web: ['dns'] }
const catalog = { requires: (role: string) => needs[role] }
const host = [{ name: 'host', state: 'running', detail: '' }] as never

const joiner = (change: Partial<NodeDescription> = {}): NodeDescription => ({
  id: 'id-new',
  name: 'new',
  address: { host: '10.0.0.9', port: 4483 },
  dc: 'dc1',
  version: '0.1.0',
  incarnation: 1,
  roles: [],
  ...change,
})

describe('second validation', () => {
  const there = nodesOf(node('n1', { roles: host }), node('n2', { phase: 'failed' }))
  test.each([
    ['a new name', joiner(), 'ok'],
    ['a name that another id has', joiner({ name: 'n1' }), 'NAME_TAKEN'],
    ['the name of a failed node', joiner({ name: 'n2' }), 'NAME_TAKEN'],
    ['its own name again', joiner({ id: 'id-n1', name: 'n1' }), 'ok'],
    ['another major version', joiner({ version: '1.0.0' }), 'VERSION_MISMATCH'],
    ['two minor versions on', joiner({ version: '0.3.0' }), 'VERSION_MISMATCH'],
    ['a role that is required and there', joiner({ roles: ['dns'] }), 'ok'],
    ['a role that nobody knows', joiner({ roles: ['host', 'cook'] }), 'UNKNOWN_ROLE'],
    ['a role whose needs run nowhere', joiner({ roles: ['web'] }), 'MISSING_ROLE'],
    ['a role that brings along what it needs', joiner({ roles: ['web', 'dns'] }), 'ok'],
  ])('%s: %s', (_what, described, outcome) => {
    const verdict = admission(there, described, catalog, '0.1.0')
    expect(verdict.ok ? 'ok' : verdict.code).toBe(outcome)
    if (!verdict.ok) {
      expect(verdict.final).toBe(outcome !== 'MISSING_ROLE')
      expect(verdict.remedy).not.toBe('')
    }
  })
})

test('what a node has itself does not count twice, nor what only it had', () => {
  const there = nodesOf(node('n1', { roles: host }))
  expect(missingRoles(there, 'id-n1', ['dns'], catalog).required).toEqual(['host'])
  expect(missingRoles(there, 'id-n1', ['dns', 'host'], catalog).required).toEqual([])
})

test.each([
  ['1.2.3', '1.3.0', true],
  ['1.3.0', '1.2.9', true],
  ['1.2.3', '1.4.0', false],
  ['1.9.0', '2.0.0', false],
  ['0.1.0', '0.1.0-beta', true],
  ['nonsense', '0.1.0', false],
])('%s and %s work together: %s', (a, b, together) => {
  expect(compatible(a, b)).toBe(together)
})
