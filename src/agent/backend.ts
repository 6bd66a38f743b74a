import type {
  Backend,
  ControlAnswer,
  DrainProgress,
  InitAnswer,
  KvQuery,
  KvRead,
  RoleReport,
  ServiceDefinition,
  ServiceReport,
  StatusReport,
} from '../api/types.ts'
import { formatAddress } from '../base/address.ts'
import { OperatorError } from '../base/errors.ts'
import type { Clock } from '../base/time.ts'
import type { Outcome } from '../state/types.ts'
import type { Agent } from './agent.ts'
import { restoreSnapshot, takeSnapshot } from './control/snapshot-backend.ts'
import { readPages } from './desk/kv-pages.ts'
import { settingsOf } from './desk/settings.ts'
import { logPage } from './desk/views.ts'
import { joinCluster, leaveCluster } from './entrance/membership-backend.ts'
import { askWitnesses } from './entrance/witness.ts'
import { checkEventType } from './event-type.ts'
import { inNoCluster, requireCluster } from './no-cluster.ts'
import { errorOf, settled } from './settled.ts'
import { overlaid } from './status.ts'
import { createToken, withToken } from './trust/tokens.ts'

/** How long an operator waits for the control plane before hearing that nobody decides. */
const patience = 10_000
/** The status is wanted now, from whoever has it. */
const statusPatience = 1_200
/** A rotation begins when every control node has what it needs for it. */
const rotationPatience = 10_000

/** The API's wishes, carried out by the agent's parts: promises at the edge, callbacks within. */
export function backendOf(agent: Agent, clock: Clock): Backend {
  const ask = <T>(method: string, body: unknown, wait = 0, signal?: AbortSignal): Promise<T> =>
    settled<T>(done => {
      requireCluster(agent.self)
      agent.authority.ask(method, body, patience, done, wait, signal)
    })
  const write = <T>(
    method: string,
    body: Record<string, unknown>,
    blob?: Uint8Array,
    wait?: number,
  ): Promise<T> =>
    settled<T>(done => {
      requireCluster(agent.self)
      agent.authority.write(method, body, patience, done, blob, wait)
    })

  return {
    status: () => status(agent),

    init: asked =>
      new Promise<InitAnswer>((resolve, reject) => {
        agent.initiation.run(asked, outcome =>
          outcome.ok ? resolve(outcome.answer) : reject(outcome.error),
        )
      }).then(answer => withToken(agent, clock, ask, answer, asked.actor)),

    join: async ({ address, token }) => joinCluster(agent, clock, address, token),

    drain: request =>
      write<DrainProgress>('drain', { ...request, deadline: request.deadline ?? undefined }),
    drainProgress: ({ signal, ...request }) =>
      ask<DrainProgress>('drain-progress', request, request.wait, signal),
    assignRoles: async request => ({
      seq: (await write<{ index: number | null }>('role-assign', { ...request })).index,
    }),
    unassignRoles: async request => ({
      seq: (await write<{ index: number }>('role-unassign', { ...request })).index,
    }),
    roles: async () => rolesOf(agent, await status(agent)),
    log: request => log(agent, clock, request),
    leave: request => leaveCluster(agent, clock, request, () => status(agent)),
    reset: async () => ({ setAside: agent.reset() }),
    promote: request => longAsk<ControlAnswer>(agent, 'promote', request),
    doctor: ({ node }) =>
      new Promise((resolve, reject) => {
        agent.doctor.consult(node, o => (o.ok ? resolve(o.answer) : reject(o.error)))
      }),
    why: question => agent.inquiries.why(question),
    recoverPlan: ({ voters }) =>
      new Promise((resolve, reject) => {
        agent.rescuers.plan(voters, o => (o.ok ? resolve(o.answer) : reject(o.error)))
      }),
    recoverApply: request =>
      new Promise((resolve, reject) => {
        agent.rescuers.apply(request, o => (o.ok ? resolve(o.answer) : reject(o.error)))
      }),
    recoverYield: async () => ({ setAside: agent.yield() }),
    settings: async () => settingsOf(agent.view()?.cluster.settings ?? {}),
    changeSettings: async request => ({
      seq: (await write<{ index: number }>('settings-change', { ...request })).index,
    }),
    demote: request => longAsk<ControlAnswer>(agent, 'demote', request),

    snapshot: async request => {
      requireCluster(agent.self)
      return takeSnapshot(agent, request)
    },
    snapshots: () =>
      new Promise((resolve, reject) =>
        agent.scheduled.list(list => (list instanceof Error ? reject(list) : resolve(list))),
      ),
    restoreSnapshot: request => restoreSnapshot(agent, request),

    kvRead: query =>
      new Promise<KvRead>((resolve, reject) => {
        const { plane } = agent
        const heldUntil = clock.now() + waitOf(query)
        const elsewhere = (): void => {
          const wait = Math.max(0, Math.ceil(heldUntil - clock.now()))
          readElsewhere(agent, { ...query, wait }, resolve, reject)
        }
        if (!plane || (query.consistency !== 'stale' && !plane.isLeader())) return elsewhere()
        // Leadership may move while the quorum is asked: then the next leader is.
        agent.kv.read(plane, query, read => (read ? resolve(read) : elsewhere()))
      }),

    kvPut: ({ key, value, flags, cas, actor }) => {
      const { plane } = agent
      const put = { key, flags, cas, actor }
      const elsewhere = () => write<{ index: number }>('kv-put', put, value).then(taken, casFailed)
      if (!plane?.isLeader()) return elsewhere()
      return new Promise((resolve, reject) => {
        agent.kv.put(plane, put, value, o => {
          // It says for certain that nothing happened here: the next leader may be asked.
          if (!o.ok && o.code === 'NOT_LEADER') elsewhere().then(resolve, reject)
          else settleWrite(o, resolve, reject)
        })
      })
    },

    kvDelete: ({ key, recurse, cas, actor }) =>
      write<{ index: number }>('kv-delete', { key, recurse, cas, actor }).then(taken, casFailed),

    registerService: async (definition: ServiceDefinition) => services(agent).register(definition),
    deregisterService: async (id: string) => services(agent).deregister(id),
    services: async (): Promise<readonly ServiceReport[]> => services(agent).list(),
    reportCheck: async report => services(agent).reportCheck(report),

    ca: () => ask('ca-show', {}),
    rotateCa: request => write('ca-rotate', { ...request }, undefined, rotationPatience),
    keys: () => ask('keys-show', {}),
    rotateKeys: request => write('keys-rotate', { ...request }),
    tokens: () => ask('token-list', {}),
    createToken: request => createToken(agent.security, ask, request),
    revokeToken: request => ask('token-revoke', request),
    joinRequests: () => ask('join-requests', {}),
    admitNode: request => ask('join-admit', request),
    refuseNode: request => ask('join-refuse', request),

    leaderAddress: () => {
      const leader = agent.leader()
      const contact = agent.view()?.control.find(c => c.id === leader)
      return contact ? formatAddress(contact) : ''
    },
    peerAddresses: () => agent.view()?.control.map(formatAddress) ?? [],
  }
}

async function status(agent: Agent): Promise<StatusReport> {
  const sight = agent.reports.sight()
  if (!agent.self.facts.cluster) return agent.reports.own(sight)
  if (agent.plane?.isLeader())
    return overlaid(agent.reports.control(agent.plane, false, sight), sight)
  return new Promise(resolve => {
    agent.authority.ask('status', {}, statusPatience, outcome => {
      if (outcome.ok) return resolve(overlaid(outcome.body as StatusReport, sight))
      const { plane } = agent
      if (plane?.state.cluster) return resolve(overlaid(agent.reports.control(plane, true), sight))
      const control = agent.view()?.control.map(({ id }) => id) ?? []
      askWitnesses<StatusReport>(
        agent.links,
        control,
        { method: 'status-here', body: {} },
        report => report.cluster.commitIndex,
        best => {
          const report = best && { ...best, toldBy: best.self }
          resolve(overlaid(report ?? agent.reports.own(), sight))
        },
      )
    })
  })
}

type LogRequest = Parameters<Backend['log']>[0]
type LogPage = Awaited<ReturnType<Backend['log']>>

/** Without a leader, a control node shows what it has: that is when people look. */
async function log(
  agent: Agent,
  clock: Clock,
  { signal, ...request }: LogRequest,
): Promise<LogPage> {
  requireCluster(agent.self)
  checkEventType(request.type)
  const { plane } = agent
  if (plane && plane.leader() === null) {
    const page = logPage(plane, request)
    if (page.events.length > 0 || !request.wait) return page
    return new Promise(resolve => clock.after(Math.min(request.wait!, 1000), () => resolve(page)))
  }
  return settled<LogPage>(done =>
    agent.authority.ask('log', request, patience, done, request.wait, signal),
  )
}

function rolesOf(agent: Agent, report: StatusReport): readonly RoleReport[] {
  return agent.roleCatalog.map(({ name, description, provides, requires }) => ({
    name,
    description,
    provides,
    requires,
    nodes: report.nodes.flatMap(node =>
      node.roles
        .filter(r => r.name === name)
        .map(r => ({ node: node.name, state: r.state, detail: r.detail ?? '' })),
    ),
  }))
}

/** A change of voters waits for a node to catch up. */
function longAsk<T>(agent: Agent, method: string, body: unknown): Promise<T> {
  return settled<T>(done => {
    requireCluster(agent.self)
    agent.authority.ask(method, body, patience, done, 120_000)
  })
}

function services(agent: Agent) {
  if (!agent.services) {
    throw new OperatorError(
      'UNKNOWN_ROLE',
      'services are held by the host role, which this node does not have',
      `hive role assign ${agent.self.name} host`,
    )
  }
  return agent.services
}

function readElsewhere(
  agent: Agent,
  query: KvQuery,
  resolve: (read: KvRead) => void,
  reject: (error: Error) => void,
): void {
  // Perhaps in the middle of a crank, where nobody may throw: it led before its init was agreed, and does no longer.
  if (!agent.self.facts.cluster) return reject(inNoCluster(agent.self.name))
  readPages(query, ({ signal, ...asked }, done) => {
    agent.authority.ask('kv-read', asked, patience, done, waitOf(asked), signal)
  }).then(resolve, reject)
}

/** How long a read may be held, ms. */
function waitOf({ index, wait }: Pick<KvQuery, 'index' | 'wait'>): number {
  return index === undefined ? 0 : (wait ?? 300_000)
}

function settleWrite(
  outcome: Outcome,
  resolve: (answer: { ok: boolean; index: number }) => void,
  reject: (error: Error) => void,
): void {
  if (outcome.ok) return resolve({ ok: true, index: outcome.index })
  if (outcome.code === 'CAS_FAILED') return resolve({ ok: false, index: 0 })
  reject(errorOf(outcome))
}

const taken = ({ index }: { index: number }) => ({ ok: true, index })

function casFailed(error: unknown): { ok: boolean; index: number } {
  if (error instanceof OperatorError && error.code === 'CAS_FAILED') return { ok: false, index: 0 }
  throw error
}
