import type { CaReport, KeysReport } from '../../api/trust-types.ts'
import { type Fields, text } from '../../base/shape.ts'
import type { RequestId } from '../../state/events.ts'
import type { Outcome } from '../../state/types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { type Methods, onceOf, refusal } from '../requests.ts'
import { asSettledLeader, outcomeOf } from './desk.ts'
import type { TrustParts } from './trust.ts'

/** Who asked for it, and as which request. */
export interface Asker {
  readonly actor: string
  readonly request?: RequestId | undefined
}

export interface Rotations {
  createAuthority(plane: ControlPlane, by: Asker, done: (outcome: Outcome) => void): void
  addGossipKey(plane: ControlPlane, by: Asker, done: (outcome: Outcome) => void): void
  /** Names of the nodes that the present step waits for. */
  lacking(plane: ControlPlane): readonly string[]
}

const nothing = refusal(
  'NOT_FOUND',
  'this cluster has no authority: its nodes run without a secret, on this machine alone',
  'to make it one that proves itself: stop all agents, and start them with the same --secret-file',
)

/** What operators ask about authority and gossip keys. */
export function rotationDesk(parts: TrustParts, rotations: Rotations): Methods {
  return {
    'ca-show': asSettledLeader(parts, ({ answer }, plane) => {
      if (plane.state.authorities.size === 0) return answer(nothing)
      answer({ ok: true, body: caReport(parts, plane) })
    }),

    'ca-rotate': asSettledLeader(parts, ({ body, answer }, plane) => {
      if (plane.state.authorities.size === 0) return answer(nothing)
      rotations.createAuthority(plane, askerOf(body), outcome =>
        answer(outcome.ok ? { ok: true, body: caReport(parts, plane) } : outcomeOf(outcome)),
      )
    }),

    'keys-show': asSettledLeader(parts, ({ answer }, plane) => {
      if (plane.state.gossipKeys.keys.length === 0) return answer(nothing)
      answer({ ok: true, body: keysReport(rotations, plane) })
    }),

    /** One that is under way is the one that was asked for. */
    'keys-rotate': asSettledLeader(parts, ({ body, answer }, plane) => {
      const { keys } = plane.state.gossipKeys
      if (keys.length === 0) return answer(nothing)
      if (keys.length > 1) return answer({ ok: true, body: keysReport(rotations, plane) })
      rotations.addGossipKey(plane, askerOf(body), outcome =>
        answer(outcome.ok ? { ok: true, body: keysReport(rotations, plane) } : outcomeOf(outcome)),
      )
    }),
  }
}

function askerOf(body: Fields): Asker {
  return { actor: text(body, 'actor'), request: onceOf(body) }
}

function caReport({ security }: TrustParts, plane: ControlPlane): CaReport {
  const { authorities, certificates, nodes, time } = plane.state
  const newest = [...authorities.keys()].at(-1)
  return {
    authorities: [...authorities.values()].map(ca => ({
      fingerprint: ca.fingerprint,
      created: ca.time,
      notAfter: security.notary.inspect(ca.certificate).notAfter,
      certificate: ca.certificate,
      certifies: ca.fingerprint === newest,
    })),
    certificates: [...certificates.values()]
      .filter(c => nodes.has(c.id) || c.notAfter > time)
      .map(c => ({
        node: nodes.get(c.id)?.name ?? c.id,
        serial: c.serial,
        notBefore: c.notBefore,
        notAfter: c.notAfter,
        authority: c.ca,
        removed: !nodes.has(c.id),
      }))
      .sort((a, b) => (a.node < b.node ? -1 : 1)),
  }
}

function keysReport({ lacking }: Rotations, plane: ControlPlane): KeysReport {
  const { primary, keys } = plane.state.gossipKeys
  const used = keys.find(k => k.id === primary)!
  const settled = keys.length === 1
  return {
    primary,
    keys: keys.map(({ id, addedAt }) => ({
      id,
      state:
        id === primary
          ? 'in use'
          : addedAt > used.addedAt || used.id === 0
            ? 'arriving'
            : 'leaving',
      seq: addedAt,
    })),
    waitsFor: settled ? [] : lacking(plane),
  }
}
