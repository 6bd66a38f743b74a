import type { Backend, DrainProgress } from '../../src/api/types.ts'
import { type ErrorCode, OperatorError } from '../../src/base/errors.ts'
import type { FakeBackend } from '../api/fake-backend.ts'
import {
  healthyReport,
  nodeNamed,
  noQuorumReport,
  reportWith,
  troubledReport,
  zombieReport,
} from '../support/reports.ts'

/** How the agent is that the commands of a conversation meet. */

const events: Awaited<ReturnType<Backend['log']>>['events'] = [
  event(1, 'LeaderElected', { id: nodeNamed('n1').id, term: 2 }, `node:${nodeNamed('n1').id}`),
  event(2, 'ClusterInitialised', {
    name: 'prod',
    control: ['n1', 'n2', 'n3'].map(name => ({
      ...nodeNamed(name),
      address: { host: '10.0.0.1', port: 4483 },
    })),
  }),
  event(3, 'NodeAdmitted', { node: { ...nodeNamed('n4'), address: { host: '::1', port: 4483 } } }),
  event(4, 'NodeReady', { id: nodeNamed('n4').id, incarnation: 1 }, `node:${nodeNamed('n4').id}`),
  event(5, 'KvPut', { key: 'app/colour', value: 'Ymx1ZQ==', flags: 0 }),
  event(6, 'NodeDraining', {
    id: nodeNamed('n4').id,
    deadline: null,
    reason: 'new\u001b[2Jkernel',
  }),
  event(9, 'NodeFailed', {
    id: nodeNamed('n2').id,
    incarnation: 1,
    accusers: [nodeNamed('n1').id, '0190ffff-0000-7000-8000-000000000009'],
  }),
  event(10, 'VotersChanged', { voters: [nodeNamed('n1').id, nodeNamed('n3').id] }),
]

export const stages: Readonly<Record<string, (backend: FakeBackend) => void>> = {
  'a healthy cluster': b => answer(b, 'status', healthyReport),
  'a cluster in trouble': b => answer(b, 'status', troubledReport),
  'a cluster without a quorum': b => answer(b, 'status', noQuorumReport),
  'a cluster that elects a leader': b =>
    answer(b, 'status', reportWith({ state: 'degraded', leader: null })),
  'three zombies': b => answer(b, 'status', zombieReport),
  'a log': b => {
    answer(b, 'status', healthyReport)
    const log: Backend['log'] = async ({ from, limit, type }) => {
      const some = events.filter(e => e.seq >= from && (type === undefined || e.type === type))
      const page = some.slice(0, limit)
      return { events: page, next: (page.at(-1)?.seq ?? 10) + 1 }
    }
    Object.assign(b, { log })
  },
  'init chooses three of four': b =>
    answer(b, 'init', {
      tag: healthyReport.cluster.tag!,
      name: 'prod',
      control: ['n1', 'n2', 'n3'],
      why: '3 of the 4 nodes present: the largest odd number',
      join: 'hive agent --join 10.0.0.1:4483',
      repeated: false,
    }),
  'join is refused for ever': b =>
    answer(b, 'join', { state: 'trying', cluster: null, detail: 'NAME_TAKEN: n2 is in use' }),
  'a drain of three steps': b => {
    let step = 0
    const at = (n: number): DrainProgress => ({ ...drain(n), verdict })
    const begin: Backend['drain'] = async request => {
      b.calls.push({ method: 'drain', request: { ...request, actor: '' } })
      step = 0
      const unchanged = request.dryRun || request.cancel
      return unchanged ? { ...at(0), state: 'ready', steps: [] } : at(0)
    }
    Object.assign(b, { drain: begin, drainProgress: async () => drain(++step) })
  },
  'a drain that is refused': b =>
    answer(b, 'drain', {
      node: 'n1',
      state: 'ready',
      verdict: {
        node: 'n1',
        allowed: false,
        lines: [{ level: 'refuse', text: 'n1 is the last node that can answer names' }],
      },
      steps: [],
      index: 1,
    }),
  'two services': b =>
    b.registered.push(
      {
        id: 'db1',
        name: 'db',
        tags: ['primary'],
        address: '::1',
        port: 3306,
        meta: {},
        checks: ['c1', 'c2'].map(id => ({ id, name: id, timeout: 1, kind: 'ttl', ttl: 1000 })),
        status: 'critical',
        checkStates: [
          { id: 'c1', name: 'ping', status: 'passing', output: '' },
          { id: 'c2', name: 'tcp', status: 'critical', output: 'connect\nECONNREFUSED' },
        ],
      },
      {
        id: 'web',
        name: 'web',
        tags: [],
        address: '',
        port: 80,
        meta: {},
        checks: [],
        status: 'passing',
        checkStates: [],
      },
    ),
  'two roles': b =>
    answer(b, 'roles', [
      {
        name: 'dns',
        description: 'answers names',
        provides: ['dns'],
        requires: ['host'],
        nodes: [],
      },
      {
        name: 'host',
        description: 'registers services and checks them',
        provides: ['host'],
        requires: [],
        nodes: [
          { node: 'n1', state: 'running', detail: '' },
          { node: 'n2', state: 'failed', detail: 'services.toml: line 3: unknown key' },
        ],
      },
    ]),
}

/** `CODE: what happened; what to do` */
export function failWith(backend: FakeBackend, text: string): void {
  const [, code, message, remedy] = /^(\w+): (.*?)(?:; (.*))?$/.exec(text)!
  backend.failure = new OperatorError(code as ErrorCode, message!, remedy)
}

const verdict: DrainProgress['verdict'] = {
  node: 'n1',
  allowed: true,
  lines: [
    { level: 'ok', text: '3 of 3 voters stay; 2 are needed' },
    { level: 'warn', text: 'leadership moves to n2' },
  ],
}

/** Leadership first, then each role. */
function drain(done: number): DrainProgress {
  const what = ['leadership', 'role dns', 'role host']
  const detail = ['moved to n2', 'ttl passed', 'connections 0']
  return {
    node: 'n1',
    state: done < what.length ? 'draining' : 'drained',
    steps: what.map((name, i) => ({
      what: name,
      state: i < done ? 'done' : i === done ? 'running' : 'waiting',
      detail: i < done ? detail[i]! : '',
    })),
    index: done + 1,
  }
}

function event(seq: number, type: string, data: unknown, actor = 'root@h1') {
  const time = Date.UTC(2026, 10, 21, 8, 11, seq)
  return { seq, term: 2, epoch: 1, time, actor, type, data } as (typeof events)[number]
}

/** Answers from now on, and keeps what was asked. */
function answer<M extends keyof Backend>(
  backend: FakeBackend,
  method: M,
  value: Awaited<ReturnType<Backend[M]>>,
): void {
  const target = backend as unknown as Record<string, (request: unknown) => Promise<unknown>>
  target[method] = async request => {
    backend.calls.push({ method, request })
    if (backend.failure) throw backend.failure
    return value
  }
}
