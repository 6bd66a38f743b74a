import { beforeEach, expect, test } from 'vitest'
import { RoleRunners } from '../../src/agent/roles/role-runners.ts'
import { silentTrace } from '../../src/base/trace.ts'
import type { ClusterView } from '../../src/cluster/view.ts'
import type { Roles } from '../../src/roles/registry.ts'
import type { Role } from '../../src/roles/role.ts'
import type { RoleState } from '../../src/state/events.ts'
import type { NodeRecord } from '../../src/state/types.ts'
import { FakeHost, settle } from '../roles/fake-host.ts'

/** What became of a role is reported until the log says the same, however the answers cross. */

const role: Role = {
  name: 'test',
  description: '',
  kind: 'producer',
  provides: [],
  requires: [],
  needsForBootstrap: [],
  parse: () => ({ config: undefined }),
  plan: ({ goal }) => [{ what: goal }],
  apply: async () => {},
}

let host: FakeHost
let runners: RoleRunners
/** Reports under way: how the control plane answers the oldest. */
let reports: { readonly state: string; readonly done: (taken: boolean) => void }[]
beforeEach(() => {
  host = new FakeHost()
  reports = []
  runners = new RoleRunners({
    clock: host.clock,
    trace: silentTrace,
    roles: { byName: new Map([['test', role]]) } as unknown as Roles,
    roleConfig: {},
    hostFor: () => host,
    memoryOf: () => ({}),
    report: (_, state, __, done) => reports.push({ state, done }),
  })
})

/** The node's record says so now. */
function agreed(state: RoleState, phase: NodeRecord['phase'] = 'ready'): void {
  const roles = [{ name: 'test', state, detail: '' }]
  const self = { id: 'n', name: 'n', address: { host: 'h', port: 1 }, dc: 'd', phase, roles }
  runners.update({ self, peers: [] } as unknown as ClusterView)
}

const underWay = () => reports.map(({ state }) => state)
const answer = (taken: boolean) => reports.shift()!.done(taken)

test('a report that was agreed before its answer came does not hide what came after', async () => {
  agreed('assigned')
  await settle()
  expect(underWay()).toEqual(['bootstrapping'])
  agreed('bootstrapping')
  answer(true)
  expect(underWay()).toEqual(['running'])
  answer(true)
  agreed('running')
  expect(underWay()).toEqual([])
})

test('a role that is back where the old view has it is reported all the same', async () => {
  agreed('running')
  await settle()
  expect(underWay()).toEqual(['bootstrapping'])
  // It runs by now, and the view still says so from before.
  answer(true)
  expect(underWay()).toEqual(['running'])
  answer(true)
  agreed('bootstrapping')
  agreed('running')
  expect(underWay().filter(state => state !== 'running')).toEqual([])
})

test('a report that nobody took is repeated', async () => {
  agreed('assigned')
  await settle()
  answer(false)
  expect(underWay()).toEqual([])
  await host.clock.pass(2_000)
  expect(underWay()).toEqual(['running'])
})
