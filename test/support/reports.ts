import type { StatusNode, StatusReport } from '../../src/api/types.ts'

/** Status reports for tests of whatever shows them. */

export function nodeNamed(name: string, given: Partial<StatusNode> = {}): StatusNode {
  const number = Number(/\d+$/.exec(name)?.[0] ?? 0)
  return {
    id: `01900000-0000-7000-8000-${String(number).padStart(12, '0')}`,
    name,
    address: `10.0.0.${number}:4483`,
    state: 'ready',
    control: 'none',
    roles: [{ name: 'host', state: 'running' }],
    dc: 'dc1',
    version: '0.1.0',
    incarnation: 1,
    ...given,
  }
}

/** Three control nodes, all well. */
export const healthyReport: StatusReport = {
  cluster: {
    name: 'prod',
    tag: '01900000-aaaa-7000-8000-000000000000',
    state: 'active',
    epoch: 1,
    metaVersion: 2,
    leader: 'n1',
    term: 2,
    commitIndex: 41,
    quorum: { voters: 3, needed: 2, reachable: 3 },
  },
  nodes: [
    nodeNamed('n1', { control: 'leader' }),
    nodeNamed('n2', { control: 'voter' }),
    nodeNamed('n3', { control: 'voter' }),
  ],
  self: 'n1',
  stale: false,
  notices: [],
}

export function reportWith(
  cluster: Partial<StatusReport['cluster']>,
  given: Partial<StatusReport> = {},
): StatusReport {
  return { ...healthyReport, cluster: { ...healthyReport.cluster, ...cluster }, ...given }
}

export const zombieReport: StatusReport = reportWith(
  {
    name: null,
    tag: null,
    state: 'zombie',
    epoch: 0,
    metaVersion: 0,
    leader: null,
    term: 0,
    commitIndex: 0,
    quorum: { voters: 0, needed: 0, reachable: 0 },
  },
  { nodes: ['n1', 'n2', 'n3'].map(name => nodeNamed(name, { state: 'zombie', roles: [] })) },
)

/** One of three voters is gone, a role has failed, a node is being drained. */
export const troubledReport: StatusReport = reportWith(
  {
    quorum: {
      ...{ voters: 3, needed: 2, reachable: 2, survives: 0 },
      missing: [{ name: 'n2', state: 'unreachable', since: null }],
    },
    metaVersion: 5,
  },
  {
    nodes: [
      nodeNamed('n10', { state: 'draining', roles: [{ name: 'host', state: 'draining' }] }),
      nodeNamed('n1', { control: 'leader' }),
      nodeNamed('n2', { control: 'voter', state: 'unreachable', accusers: ['n1', 'n3'] }),
      nodeNamed('n3', {
        control: 'voter',
        roles: [
          { name: 'host', state: 'running' },
          { name: 'dns', state: 'failed', detail: 'cannot bind 0.0.0.0:53: permission denied' },
        ],
      }),
      nodeNamed('n4', { state: 'drained', control: 'observer', dc: 'dc2' }),
    ],
    notices: ['1204 packets of the cluster "test" from 10.0.9.9 were dropped'],
  },
)

export const noQuorumReport: StatusReport = reportWith(
  { state: 'degraded', leader: null, quorum: { voters: 3, needed: 2, reachable: 1 } },
  {
    nodes: [
      nodeNamed('n1', { control: 'voter' }),
      nodeNamed('n2', { control: 'voter', state: 'unreachable' }),
      nodeNamed('n3', { control: 'voter', state: 'unreachable' }),
    ],
    stale: true,
  },
)
