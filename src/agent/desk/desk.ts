import { OperatorError } from '../../base/errors.ts'
import { didYouMean } from '../../base/similar.ts'
import type { Clock } from '../../base/time.ts'
import type { Trace } from '../../base/trace.ts'
import type { RoleNeeds } from '../../cluster/admission.ts'
import type { ClusterView } from '../../cluster/view.ts'
import type { Links, RequestOutcome } from '../../net/link-types.ts'
import type { NodeDescription } from '../../state/events.ts'
import type { NodeRecord, Outcome } from '../../state/types.ts'
import type { ClockWatch } from '../control/clock-watch.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { Levels } from '../levels.ts'
import type { Gossip } from '../membership/gossip.ts'
import { excuse, type Method, type PeerRequest, refusal } from '../requests.ts'
import type { Self } from '../self.ts'
import type { Watch } from '../watch.ts'
import type { Enlisted } from './enlisted.ts'

/**
 * What every desk of the leader needs at hand. The desks answer what nodes and operators ask of the
 * control plane: they judge by the rules of `cluster/`, propose, and answer when it is agreed.
 */
export interface DeskParts {
  readonly self: Self
  readonly clock: Clock
  readonly trace: Trace
  readonly links: Links
  readonly gossip: Gossip
  readonly roles: RoleNeeds & {
    needs(role: string): readonly string[]
    /** All that this build has. */
    names(): readonly string[]
  }
  readonly levels: Levels
  readonly enlisted: Enlisted
  /** Of whom it is about to be agreed that they leave. */
  readonly leaving: Set<string>
  /** The leader's, held against those of others. */
  readonly clocks: Pick<ClockWatch, 'isRight' | 'look'>
  /** Bumped with the index of each administrative event. */
  readonly admin: Watch
  /** Undefined: this node is no control node. */
  plane(): ControlPlane | undefined
  /** It is the log at hand, somebody leads, and what comes of it is taken: who waits here for news hears them. */
  hears(plane: ControlPlane): boolean
  /** What that node needs to know, secrets of members included if it is one. */
  viewOf(id: string): ClusterView | undefined
  /** The control plane does not let that one in; kept for whoever asks why. */
  refusedJoin(node: NodeDescription, refused: RequestOutcome & { ok: false }): void
  /** Why a joiner is not who it says, as far as keys tell; undefined: it may be. */
  keyObjection(
    node: NodeDescription,
    before: NodeRecord | undefined,
    request: string | undefined,
  ): string | undefined
  /** A certificate for what the request proves; undefined: nodes have none here. */
  certify(
    plane: ControlPlane,
    id: string,
    request: string,
    done: (outcome: RequestOutcome | undefined) => void,
  ): void
}

/** A method that only the leader answers; it is given the plane, which is sure to lead at that moment. */
export function asLeader(
  parts: Pick<DeskParts, 'plane'>,
  method: (request: PeerRequest, plane: ControlPlane) => void,
): Method {
  return request => {
    const plane = parts.plane()
    if (!plane?.isLeader()) return request.answer(notLeader)
    method(request, plane)
  }
}

/**
 * The same, once the leader is sure to know all that was agreed before the question: a new leader, or one
 * with a slow disk, may have applied less than those who ask.
 */
export function asSettledLeader(
  parts: Pick<DeskParts, 'plane' | 'trace'>,
  method: (request: PeerRequest, plane: ControlPlane) => void,
): Method {
  return asLeader(parts, (request, plane) => {
    plane.read(index => {
      if (index === null) return request.answer(notLeader)
      try {
        method(request, plane)
      } catch (error) {
        request.answer(excuse('request', request.from, error, parts.trace))
      }
    })
  })
}

export const notLeader = refusal('NOT_LEADER', 'this node does not lead', 'ask the leader')

export function outcomeOf(outcome: Outcome): RequestOutcome {
  return outcome.ok
    ? { ok: true, body: { index: outcome.index, value: outcome.value ?? null } }
    : refusal(outcome.code, outcome.message, outcome.remedy)
}

/** By name or id; throws UNKNOWN_NODE. */
export function findNode(plane: ControlPlane, nameOrId: string): NodeRecord {
  const { state } = plane
  const found = state.nodeByName(nameOrId) ?? state.nodes.get(nameOrId)
  if (found) return found
  const names = [...state.nodes.values()].map(n => n.name).sort()
  const meant = didYouMean(nameOrId, names)
  const shown = names.length > 12 ? `${names.slice(0, 12).join(', ')} …` : names.join(', ')
  throw new OperatorError(
    'UNKNOWN_NODE',
    `no node ${nameOrId} in the cluster`,
    meant === undefined ? `there are ${shown}` : `did you mean ${meant}? there are ${shown}`,
  )
}

/** Ids of those that answer this node now, itself included. */
export function reachable(parts: DeskParts, plane: ControlPlane): ReadonlySet<string> {
  const status = plane.status()
  const active = new Set(status.progress.filter(p => p.recentlyActive).map(p => p.id))
  const out = new Set<string>([parts.self.id])
  for (const node of plane.state.nodes.values())
    if (active.has(node.id) || parts.gossip.counts(node)) out.add(node.id)
  return out
}
