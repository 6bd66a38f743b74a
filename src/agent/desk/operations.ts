import type { DrainProgress, NodeState } from '../../api/types.ts'
import { count, flag, optionalCount, text, texts } from '../../base/shape.ts'
import { rolesVerdict } from '../../cluster/admission.ts'
import { drainSteps, drainVerdict } from '../../cluster/drain.ts'
import { roleStates } from '../../state/events.ts'
import type { NodeRecord } from '../../state/types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { type Methods, onceOf, refusal } from '../requests.ts'
import {
  asLeader,
  asSettledLeader,
  type DeskParts,
  findNode,
  notLeader,
  outcomeOf,
  reachable,
} from './desk.ts'

/** A held answer about a drain waits at most so long, ms. */
const longestWait = 60_000

/** It is so already: nothing is written. */
const nothingToDo = { ok: true, body: { index: null } } as const

/** What operators ask for: drain, roles. */
export function operationsDesk(parts: DeskParts): Methods {
  /** Asked for and not agreed yet: nobody takes over from another by then. */
  const begun = new Set<string>()

  return {
    drain: asSettledLeader(parts, ({ body, answer }, plane) => {
      const node = findNode(plane, text(body, 'node'))
      const actor = text(body, 'actor')
      const verdict = { node: node.name, ...drainVerdict(drainFacts(parts, plane, node, begun)) }
      const report = () => {
        // What it was asked together with may have taken the node out.
        if (!plane.state.nodes.has(node.id)) return answer(hasLeft(node))
        answer({ ok: true, body: progress(parts, plane, node.id, verdict) })
      }
      const request = onceOf(body)
      if (flag(body, 'dryRun')) return report()
      if (flag(body, 'cancel')) {
        if (![node.phase, node.before].some(phase => phase === 'draining' || phase === 'drained')) {
          if (flag(body, 'again')) return report()
          return answer(refusal('REFUSED', `${node.name} is not draining, it is ${node.phase}`))
        }
        return plane.propose(
          { type: 'NodeDrainCancelled', data: { id: node.id }, actor, request },
          outcome => (outcome.ok ? report() : answer(outcomeOf(outcome))),
        )
      }
      if (!verdict.allowed && !flag(body, 'force')) {
        const why = verdict.lines.filter(l => l.level === 'refuse').map(l => l.text)
        return answer(
          refusal(
            'REFUSED',
            `${node.name}: ${why.join('; ')}`,
            'assign the role elsewhere first, or use --force',
          ),
        )
      }
      const patience = optionalCount(body, 'deadline')
      // One that is under way may still be given an end.
      const ends = node.phase === 'draining' && patience !== undefined && !flag(body, 'again')
      if ((node.phase === 'draining' || node.phase === 'drained') && !ends) return report()
      const deadline = patience === undefined ? null : parts.clock.wall() + patience
      const data = { id: node.id, deadline, reason: text(body, 'reason') }
      begun.add(node.id)
      plane.propose({ type: 'NodeDraining', data, actor, request }, outcome => {
        begun.delete(node.id)
        if (outcome.ok) report()
        else answer(outcomeOf(outcome))
      })
    }),

    'drain-progress': asSettledLeader(parts, ({ body, answer, gone }, plane) => {
      const node = findNode(plane, text(body, 'node'))
      const wait = Math.min(count(body, 'wait'), longestWait)
      const done = () => {
        if (!parts.hears(plane)) return answer(notLeader)
        if (!plane.state.nodes.has(node.id)) return answer(hasLeft(node))
        answer({ ok: true, body: progress(parts, plane, node.id) })
      }
      const index = count(body, 'index')
      // One that this history has not come to was lost with a quorum: what comes may stay below it.
      if (index > parts.admin.current) return done()
      parts.admin.wait(index, wait, done, gone?.())
    }),

    'role-assign': asSettledLeader(parts, ({ body, answer }, plane) => {
      const node = findNode(plane, text(body, 'node'))
      const roles = texts(body, 'roles', 64)
      const has = node.roles.map(r => r.name)
      if (roles.every(role => has.includes(role))) return answer(nothingToDo)
      const all = [...roles, ...has]
      const verdict = rolesVerdict(plane.state.nodes, node, all, parts.roles)
      if (!verdict.ok) return answer(refusal(verdict.code, verdict.message, verdict.remedy))
      const [actor, request] = [text(body, 'actor'), onceOf(body)]
      plane.propose({ type: 'RoleAssigned', data: { id: node.id, roles }, actor, request }, o =>
        answer(outcomeOf(o)),
      )
    }),

    'role-unassign': asSettledLeader(parts, ({ body, answer }, plane) => {
      const node = findNode(plane, text(body, 'node'))
      const roles = texts(body, 'roles', 64)
      const foreign = roles.filter(r => !node.roles.some(have => have.name === r))
      if (foreign.length > 0 && !flag(body, 'again')) {
        return answer(
          refusal(
            'UNKNOWN_ROLE',
            `${node.name} does not have the role ${foreign.join(', ')}`,
            `it has ${node.roles.map(r => r.name).join(', ') || 'none'}`,
          ),
        )
      }
      const [actor, request] = [text(body, 'actor'), onceOf(body)]
      plane.propose({ type: 'RoleUnassigned', data: { id: node.id, roles }, actor, request }, o =>
        answer(outcomeOf(o)),
      )
    }),

    'role-report': asLeader(parts, ({ from, body, answer }, plane) => {
      const state = roleStates.find(s => s === body.state)
      if (!state) return answer(refusal('BAD_REQUEST', 'state is not one of a role'))
      plane.propose(
        {
          type: 'RoleReported',
          data: {
            id: from,
            role: text(body, 'role', 64),
            state,
            detail: text(body, 'detail', 512),
          },
          actor: `node:${plane.state.nodes.get(from)?.name ?? from}`,
        },
        o => answer(outcomeOf(o)),
      )
    }),
  }
}

function hasLeft({ name }: NodeRecord) {
  return refusal('UNKNOWN_NODE', `${name} left the cluster`)
}

function drainFacts(
  parts: DeskParts,
  plane: ControlPlane,
  node: NodeRecord,
  begun: ReadonlySet<string>,
) {
  const { voters } = plane.state
  const nodes = new Map(plane.state.nodes)
  for (const id of begun) {
    const other = nodes.get(id)
    if (other) nodes.set(id, { ...other, phase: 'draining' })
  }
  const inUse = new Set([...nodes.values()].flatMap(n => n.roles.map(r => r.name)))
  return {
    node,
    nodes,
    leader: plane.leader(),
    voters,
    reachable: reachable(parts, plane),
    requiredBy: (role: string) => [...inUse].filter(r => parts.roles.requires(r)?.includes(role)),
  }
}

export function progress(
  parts: DeskParts,
  plane: ControlPlane,
  id: string,
  verdict?: DrainProgress['verdict'],
): DrainProgress {
  const node = plane.state.nodes.get(id)!
  const answers = node.phase !== 'failed' && reachable(parts, plane).has(id)
  return {
    node: node.name,
    state: node.phase === 'ready' && !answers ? 'unreachable' : (node.phase as NodeState),
    ...(verdict ? { verdict } : {}),
    steps:
      node.phase === 'draining' || node.phase === 'drained'
        ? drainSteps(node, plane.leader(), answers)
        : [],
    index: parts.admin.current,
  }
}
