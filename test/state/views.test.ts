import { expect, test } from 'vitest'
import { controlOf, nodesByRole, rolesMissing } from '../../src/state/views.ts'
import { describeNode, initialisedBench } from './support.ts'

test('who votes, who listens, who does neither', () => {
  const bench = initialisedBench()
  const config = { voters: ['id-n1', 'id-n2'], outgoing: [], learners: ['id-n4'], learnersNext: [] }
  bench.entry({ type: 'config', config })
  const of = (name: string) => controlOf(bench.state, `id-${name}`)
  expect(['n1', 'n2', 'n3', 'n4', 'n9'].map(of)).toEqual([
    'voter',
    'voter',
    'none',
    'observer',
    'none',
  ])
})

test('nodes of a role, by name, whatever their phase', () => {
  const bench = initialisedBench()
  bench.apply('NodeAdmitted', { node: describeNode('a0', { roles: ['dns'] }) })
  for (const id of ['id-n3', 'id-n1']) bench.apply('RoleAssigned', { id, roles: ['dns'] })
  bench.apply('NodeFailed', { id: 'id-n3', incarnation: 1, accusers: [] })
  expect(nodesByRole(bench.state, 'dns').map(node => node.name)).toEqual(['a0', 'n1', 'n3'])
  expect(nodesByRole(bench.state, 'nginx')).toEqual([])
})

test('a required role is missing where nobody can be counted on for it', () => {
  const bench = initialisedBench()
  const missing = () => rolesMissing(bench.state, ['host', 'dns'])
  expect(missing()).toEqual(['host', 'dns'])
  bench.apply('RoleAssigned', { id: 'id-n1', roles: ['host'] })
  bench.apply('RoleAssigned', { id: 'id-n2', roles: ['dns'] })
  expect(missing()).toEqual([])
  bench.apply('RoleReported', { id: 'id-n2', role: 'dns', state: 'failed', detail: 'port in use' })
  expect(missing()).toEqual(['dns'])
  bench.apply('RoleReported', { id: 'id-n2', role: 'dns', state: 'running', detail: '' })
  expect(missing()).toEqual([])
  bench.apply('NodeDraining', { id: 'id-n2', deadline: null, reason: '' })
  expect(missing()).toEqual([])
  bench.apply('NodeDrained', { id: 'id-n2', forced: false })
  expect(missing()).toEqual(['dns'])
  bench.apply('NodeFailed', { id: 'id-n1', incarnation: 1, accusers: [] })
  expect(missing()).toEqual(['host', 'dns'])
})
