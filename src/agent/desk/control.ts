import type { ControlAnswer } from '../../api/types.ts'
import { flag, text } from '../../base/shape.ts'
import { contactOf } from '../../cluster/contact.ts'
import { demoteVerdict, promoteVerdict, type VotersNow } from '../../cluster/voters.ts'
import type { ChangeResult } from '../../raft/types.ts'
import type { ControlPlane } from '../control-plane.ts'
import { type Methods, type PeerRequest, refusal } from '../requests.ts'
import { asSettledLeader, type DeskParts, findNode, reachable } from './desk.ts'

/** A joiner that has not caught up by then is given up; it stays an observer. */
const catchUpPatience = 120_000
const pollPeriod = 100
/** One request to the node that is to carry the log. */
const enrolPatience = 5_000

/** Who votes: learner first, and never a step that could break the quorum. */
export function controlDesk(parts: DeskParts): Methods {
  return {
    promote: asSettledLeader(parts, (request, plane) => {
      const { body, answer } = request
      const node = findNode(plane, text(body, 'node'))
      const observer = flag(body, 'observer')
      const now = votersNow(parts, plane)
      if (node.phase !== 'ready' && !now.voters.includes(node.id)) {
        return answer(
          refusal(
            'REFUSED',
            `${node.name} is ${node.phase}`,
            'only a node that is ready can carry the log',
          ),
        )
      }
      const verdict = promoteVerdict(now, node.id, observer)
      if (!verdict.ok) return answer(refusal(verdict.code, verdict.message, verdict.remedy))
      if (verdict.nothing) return report(parts, plane, answer)
      const alreadyObserves = now.observers.includes(node.id)
      if (alreadyObserves) return change(parts, plane, request, verdict.voters, verdict.observers)
      enrol(parts, plane, node.id, outcome => {
        if (!outcome.ok) return answer(outcome)
        const asLearner = { voters: now.voters, observers: [...now.observers, node.id] }
        if (observer) return change(parts, plane, request, asLearner.voters, asLearner.observers)
        change(
          parts,
          plane,
          {
            ...request,
            answer: o => {
              if (!o.ok) return answer(o)
              change(parts, plane, request, verdict.voters, verdict.observers)
            },
          },
          asLearner.voters,
          asLearner.observers,
        )
      })
    }),

    demote: asSettledLeader(parts, (request, plane) => {
      const node = findNode(plane, text(request.body, 'node'))
      const verdict = demoteVerdict(votersNow(parts, plane), node.id, flag(request.body, 'force'))
      if (!verdict.ok) return request.answer(refusal(verdict.code, verdict.message, verdict.remedy))
      if (verdict.nothing) return report(parts, plane, request.answer)
      change(parts, plane, request, verdict.voters, verdict.observers)
    }),
  }
}

function votersNow(parts: DeskParts, plane: ControlPlane): VotersNow {
  const { voters, observers, nodes } = plane.state
  return {
    voters,
    observers,
    reachable: reachable(parts, plane),
    nameOf: id => nodes.get(id)?.name ?? id,
  }
}

/** The node makes room for the log before it is counted anywhere. */
function enrol(
  parts: DeskParts,
  plane: ControlPlane,
  id: string,
  done: PeerRequest['answer'],
): void {
  const { cluster, voters, nodes } = plane.state
  const control = voters
    .map(v => nodes.get(v))
    .filter(n => n !== undefined)
    .map(contactOf)
  parts.links.request(
    id,
    'enrol',
    { tag: cluster!.tag, control, term: plane.term },
    enrolPatience,
    outcome =>
      done(
        outcome.ok
          ? outcome
          : refusal(
              outcome.code,
              `${nodes.get(id)?.name ?? id} cannot carry the log: ${outcome.message}`,
              outcome.remedy,
            ),
      ),
  )
}

/** Proposes the configuration until it is taken (a learner may still be catching up), then waits until it is in force. */
function change(
  parts: DeskParts,
  plane: ControlPlane,
  request: Pick<PeerRequest, 'answer'>,
  voters: readonly string[],
  learners: readonly string[],
): void {
  const deadline = parts.clock.now() + catchUpPatience
  const attempt = (): void => {
    if (!plane.isLeader())
      return request.answer(
        refusal('NOT_LEADER', 'leadership moved during the change', 'try again'),
      )
    const result = plane.changeConfig({ voters, learners })
    if (result.ok) return settled(parts, plane, voters, learners, deadline, request)
    if (!mayPass(result))
      return request.answer(
        refusal(
          'REFUSED',
          `the change was refused: ${result.why}`,
          'look at hive status and try again',
        ),
      )
    if (parts.clock.now() >= deadline) {
      return request.answer(
        refusal(
          'TIMEOUT',
          'the new node did not catch up in time; it stays an observer',
          'try again when it has caught up',
        ),
      )
    }
    parts.clock.after(pollPeriod, attempt)
  }
  attempt()
}

function mayPass(result: ChangeResult & { ok: false }): boolean {
  return (
    result.why === 'change-pending' ||
    result.why === 'not-caught-up' ||
    result.why === 'transferring'
  )
}

function settled(
  parts: DeskParts,
  plane: ControlPlane,
  voters: readonly string[],
  learners: readonly string[],
  deadline: number,
  request: Pick<PeerRequest, 'answer'>,
): void {
  const now = plane.status().config
  const inForce =
    now.outgoing.length === 0 && same(now.voters, voters) && same(now.learners, learners)
  if (inForce) return report(parts, plane, request.answer)
  if (parts.clock.now() >= deadline) {
    return request.answer(
      refusal(
        'TIMEOUT',
        'the change is under way but not yet in force',
        'hive status shows when it is',
      ),
    )
  }
  parts.clock.after(pollPeriod, () => settled(parts, plane, voters, learners, deadline, request))
}

function report(_parts: DeskParts, plane: ControlPlane, answer: PeerRequest['answer']): void {
  const { config } = plane.status()
  const nameOf = (id: string) => plane.state.nodes.get(id)?.name ?? id
  const body: ControlAnswer = {
    voters: config.voters.map(nameOf),
    observers: config.learners.map(nameOf),
    metaVersion: plane.state.cluster?.metaVersion ?? 0,
  }
  answer({ ok: true, body })
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every(id => b.includes(id))
}
