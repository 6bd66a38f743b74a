import type { NodeState, StatusNode, StatusReport } from '../api/types.ts'
import { formatAddress } from '../base/address.ts'
import type { ErrorCode } from '../base/errors.ts'
import { missingVoters } from '../cluster/missing-voters.ts'
import type { ClusterView } from '../cluster/view.ts'
import { quorumOf } from '../cluster/voters.ts'
import type { RaftStatus } from '../raft/types.ts'
import { voterReplacementAfter } from '../state/settings.ts'
import type { State } from '../state/state.ts'
import type { NodeRecord } from '../state/types.ts'
import type { Member } from '../swim/types.ts'
import { decodeMeta } from './membership/member-meta.ts'
import type { Self } from './self.ts'

/** What this node sees with its own eyes: laid over whatever the control plane says. */
export interface Sight {
  readonly self: Self
  readonly members: readonly Member[]
  /** There are more than these. */
  readonly partial: boolean
  readonly notices: readonly string[]
  /** Why this node was not admitted the last time it asked. */
  readonly refused?: ErrorCode | undefined
}

/** From the agreed state and what the leader (or a control node without one) knows of its voters. */
export function controlReport(
  sight: Sight,
  state: State,
  raft: RaftStatus,
  reaches: (node: NodeRecord) => boolean,
  stale: boolean,
): StatusReport {
  const { cluster, voters, nodes } = state
  const leads = raft.rank === 'leader'
  const active = new Set(raft.progress.filter(p => p.recentlyActive).map(p => p.id))
  const answers = (v: string) => {
    const node = nodes.get(v)
    return v === raft.id || (leads ? active.has(v) : node !== undefined && reaches(node))
  }
  const reachable = voters.filter(answers).length
  const missing = missingVoters({
    ...{ voters, observers: state.observers, nodes },
    reachable: new Set([...nodes.values()].filter(n => answers(n.id) || reaches(n)).map(n => n.id)),
    after: voterReplacementAfter(cluster?.settings ?? {}),
    lastMove: state.replacement?.time,
  })
  const nameOf = (id: string | null) => (id === null ? null : (nodes.get(id)?.name ?? id))
  return {
    cluster: {
      name: cluster?.name ?? null,
      tag: cluster?.tag ?? null,
      state: raft.leader === null || reachable < quorumOf(voters.length) ? 'degraded' : 'active',
      epoch: cluster?.epoch ?? 0,
      metaVersion: cluster?.metaVersion ?? 0,
      leader: nameOf(raft.leader),
      term: raft.term,
      commitIndex: raft.commit,
      quorum: { ...quorumFacts(voters.length, reachable), missing },
    },
    nodes: [...nodes.values()]
      .sort(byName)
      .map(n => nodeOf(n, roleInControl(n.id, raft.leader, state))),
    self: sight.self.name,
    stale,
    notices: [...sight.notices, ...replacedNotices(state)],
  }
}

function quorumFacts(voters: number, reachable: number) {
  const needed = voters > 0 ? quorumOf(voters) : 0
  return { voters, needed, reachable, survives: Math.max(0, reachable - needed) }
}

/** Whoever lost its vote while it was away, and is back. */
function replacedNotices({ replacement, nodes, observers }: State): string[] {
  if (!replacement || !observers.includes(replacement.id)) return []
  const node = nodes.get(replacement.id)
  if (node?.phase !== 'ready') return []
  const by = nodes.get(replacement.by)?.name ?? replacement.by
  return [
    `${node.name} observes since ${by} got its vote (event ${replacement.seq}), when it was away; hive control promote ${node.name} lets it vote again`,
  ]
}

function roleInControl(
  id: string,
  leader: string | null,
  state: Pick<State, 'voters' | 'observers'>,
): StatusNode['control'] {
  if (state.voters.includes(id)) return id === leader ? 'leader' : 'voter'
  return state.observers.includes(id) ? 'observer' : 'none'
}

function nodeOf(n: NodeRecord, control: StatusNode['control']): StatusNode {
  return {
    id: n.id,
    name: n.name,
    address: formatAddress(n.address),
    state: n.phase,
    control,
    roles: n.roles.map(r =>
      r.detail
        ? { name: r.name, state: r.state, detail: r.detail }
        : { name: r.name, state: r.state },
    ),
    dc: n.dc,
    version: n.version,
    incarnation: n.incarnation,
  }
}

/** What this node itself cannot reach is shown so, whoever wrote the report. */
export function overlaid(report: StatusReport, sight: Sight): StatusReport {
  const members = new Map(sight.members.map(m => [m.id, m]))
  const { id: self, facts } = sight.self
  const names = new Map(report.nodes.map(n => [n.id, n.name]))
  const nameOf = (id: string) =>
    id === sight.self.id ? sight.self.name : (members.get(id)?.name ?? names.get(id) ?? id)
  return {
    ...report,
    self: sight.self.name,
    notices: [
      ...new Set([...sight.notices, ...silentlyDrained(report, members), ...report.notices]),
    ],
    ...(sight.partial && { watches: watched(report, members, sight.self.id) }),
    nodes: report.nodes.map(node => {
      const member = members.get(node.id)
      // Of itself too the latest that it says, which the log may not have.
      if (node.id === self)
        return {
          ...node,
          address: formatAddress(sight.self.address),
          incarnation: Math.max(node.incarnation, facts.incarnation),
        }
      if (!member) return node
      const incarnation = Math.max(node.incarnation, member.incarnation)
      if (member.status !== 'suspect' && member.status !== 'unreachable')
        return { ...node, incarnation }
      const accusers = member.accusers.map(nameOf)
      const hidden = node.state === 'failed' || member.status === 'suspect'
      return {
        ...node,
        incarnation,
        accusers,
        state: hidden ? node.state : ('unreachable' as const),
      }
    }),
  }
}

/** A drained node may well be off; but its state does not say whether it is. */
function silentlyDrained(
  { nodes }: StatusReport,
  members: ReadonlyMap<string, Member>,
): readonly string[] {
  return nodes
    .filter(({ id, state }) => {
      const status = members.get(id)?.status
      const rests = state === 'drained' || state === 'draining'
      return rests && (status === 'failed' || status === 'unreachable')
    })
    .map(({ name, state }) => `${name} is ${state}, and does not answer`)
}

/** Of whom this node has an opinion of its own; the rest is the control plane's word. */
function watched(
  report: StatusReport,
  members: ReadonlyMap<string, Member>,
  self: string,
): readonly string[] {
  return report.nodes.map(node => node.id).filter(id => id === self || members.has(id))
}

/** Nobody of the control plane answers: what this node remembers, marked as such. */
export function ownReport(
  sight: Sight,
  view: ClusterView | undefined,
  state: NodeState,
): StatusReport {
  const { facts } = sight.self
  const voters = view?.voters ?? []
  const reached = new Set(sight.members.filter(m => m.status === 'alive').map(m => m.id)).add(
    sight.self.id,
  )
  const control = { voters, observers: view?.observers ?? [] }
  const members = sight.members.map(m =>
    memberNode(m, facts.cluster ? 'ready' : 'zombie', roleInControl(m.id, null, control)),
  )
  const self: StatusNode = {
    ...describeSelf(sight.self),
    state,
    control: roleInControl(sight.self.id, null, control),
    roles: view?.self?.roles.map(r => ({ name: r.name, state: r.state })) ?? [],
  }
  return {
    cluster: {
      name: facts.cluster?.name ?? null,
      tag: facts.cluster?.tag ?? null,
      state: facts.cluster ? 'degraded' : 'zombie',
      epoch: facts.cluster?.epoch ?? 0,
      metaVersion: facts.cluster?.metaVersion ?? 0,
      leader: null,
      term: 0,
      commitIndex: 0,
      quorum: quorumFacts(voters.length, voters.filter(v => reached.has(v)).length),
    },
    nodes: [self, ...members, ...silentControl(sight, view, control)].sort(byName),
    self: sight.self.name,
    stale: facts.cluster !== undefined,
    ...(sight.refused && !facts.cluster && { refused: sight.refused }),
    notices: sight.partial
      ? [
          ...sight.notices,
          `the cluster has ${view?.size ?? 'more'} nodes; ${sight.self.name} knows these`,
        ]
      : sight.notices,
  }
}

function describeSelf(self: Self): Omit<StatusNode, 'state' | 'control' | 'roles'> {
  const { id, name, address, dc, version, incarnation } = self.describe()
  return { id, name, address: formatAddress(address), dc, version, incarnation }
}

/** Control nodes that this node does not watch: it asked them, and none answered. */
function silentControl(
  sight: Sight,
  view: ClusterView | undefined,
  control: Pick<State, 'voters' | 'observers'>,
): StatusNode[] {
  const shown = new Set([sight.self.id, ...sight.members.map(m => m.id)])
  const silent = view?.control.filter(({ id }) => !shown.has(id)) ?? []
  return silent.map(({ id, name, host, port }) => ({
    ...{ id, name, address: formatAddress({ host, port }), state: 'unreachable' },
    ...{ control: roleInControl(id, null, control), roles: [], dc: '', version: '' },
    incarnation: 0,
  }))
}

function memberNode(m: Member, alive: NodeState, control: StatusNode['control']): StatusNode {
  const meta = decodeMeta(m.meta)
  const state = m.status === 'alive' || m.status === 'suspect' ? alive : m.status
  return {
    id: m.id,
    name: m.name,
    address: formatAddress(m.address),
    state,
    control,
    roles: meta.roles.map(name => ({ name, state: 'assigned' as const })),
    dc: meta.dc,
    version: meta.version,
    incarnation: m.incarnation,
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
