import type { ControlAnswer } from '../../api/types.ts'
import { flag, text } from '../../base/shape.ts'
import { contactOf } from '../../cluster/contact.ts'
import { isLeaving } from '../../cluster/removal.ts'
import {
  demoteVerdict,
  promoteVerdict,
  type VotersNow,
  type VotersVerdict,
} from '../../cluster/voters.ts'
import type { Answer, RequestOutcome } from '../../net/link-types.ts'
import type { ChangeResult } from '../../raft/types.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { type Methods, refusal } from '../requests.ts'
import { asSettledLeader, type DeskParts, findNode, notLeader, reachable } from './desk.ts'

/** A joiner that has not caught up by then is given up; it stays an observer. */
const catchUpPatience = 120_000
const pollPeriod = 100
/** One request to the node that is to carry the log. */
const enrolPatience = 5_000

/** Who votes: learner first, and never a step that could break the quorum. */
export function controlDesk(parts: DeskParts): Methods {
  return {
    promote: asSettledLeader(parts, ({ body, answer }, plane) => {
      const node = findNode(plane, text(body, 'node'))
      const observer = flag(body, 'observer')
      const by = text(body, 'actor')
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
      const asObserver = () => promoteVerdict(votersNow(parts, plane), node.id, true)
      const asVoter = () => promoteVerdict(votersNow(parts, plane), node.id, false)
      const verdict = observer ? asObserver() : asVoter()
      if (!verdict.ok) return answer(refusal(verdict.code, verdict.message, verdict.remedy))
      const asLearner = () => {
        const already = asVoter()
        return already.ok && already.nothing ? already : asObserver()
      }
      const asElector = () => {
        const verdict = asVoter()
        const observes = votersNow(parts, plane).observers.includes(node.id)
        return verdict.ok && !verdict.nothing && !observes ? takenBack : verdict
      }
      const votes = () => plane.state.voters.includes(node.id)
      const carries = () => votes() || plane.state.observers.includes(node.id)
      const wish = { by, decide: observer ? asObserver : asLearner, reached: carries }
      const vote = () => change(parts, plane, { by, decide: asElector, reached: votes }, answer)
      // Somebody else asked for it before: it is in the log, and may not be agreed yet.
      if (verdict.nothing) return observer ? change(parts, plane, wish, answer) : vote()
      // One that observes and has never answered may have missed its enrolment.
      if (now.observers.includes(node.id) && hasAnswered(plane, node.id)) return vote()
      enrol(parts, plane, node.id, outcome => {
        if (!outcome.ok) return answer(outcome)
        change(parts, plane, wish, outcome => {
          parts.enlisted.end(node.id)
          if (outcome.ok && !observer) vote()
          else answer(outcome)
        })
      })
    }),

    demote: asSettledLeader(parts, ({ body, answer }, plane) => {
      const node = findNode(plane, text(body, 'node'))
      const force = flag(body, 'force')
      const decide = () => {
        const then = demoteVerdict(votersThen(parts, plane, node.id), node.id, force)
        return then.ok ? demoteVerdict(votersNow(parts, plane), node.id, force) : then
      }
      const reached = () => ![...plane.state.voters, ...plane.state.observers].includes(node.id)
      change(parts, plane, { by: text(body, 'actor'), decide, reached }, answer)
    }),

    /**
     * Is the one who asks part of the log's configuration, or on its way in or out? `awaited`: it is to be, and waits
     * rightly. Only who is sure may say no.
     */
    carries: asSettledLeader(parts, ({ from, answer }, plane) => {
      const carries = plane.mayCarry(from)
      const view = parts.viewOf(from)
      if (!view) return answer(notLeader)
      answer({ ok: true, body: { carries, awaited: parts.enlisted.has(from), view } })
    }),
  }
}

/** By the latest configuration of the log: a change is taken only once that is agreed. */
export function votersNow(parts: DeskParts, plane: ControlPlane): VotersNow {
  const { nodes } = plane.state
  const { voters, learners } = plane.status().config
  return {
    voters,
    observers: learners,
    reachable: reachable(parts, plane),
    nameOf: id => nodes.get(id)?.name ?? id,
  }
}

/** Without those on their way out, `id` excepted: they vote for a while yet, and are no help to whoever remains. */
export function votersThen(parts: DeskParts, plane: ControlPlane, id: string): VotersNow {
  const now = votersNow(parts, plane)
  return { ...now, voters: now.voters.filter(v => v === id || stays(parts, plane, v)) }
}

function hasAnswered(plane: ControlPlane, id: string): boolean {
  return plane.status().progress.some(p => p.id === id && p.match > 0)
}

/** The node makes room for the log before it is counted anywhere; if it does, it is enlisted until the caller ends that. */
export function enrol(parts: DeskParts, plane: ControlPlane, id: string, done: Answer): void {
  const { enlisted, links } = parts
  enlisted.begin(id)
  links.request(id, 'enrol', invitation(plane), enrolPatience, outcome => {
    if (outcome.ok) return done(outcome)
    enlisted.end(id)
    const name = plane.state.nodes.get(id)?.name ?? id
    done(refusal(outcome.code, `${name} cannot carry the log: ${outcome.message}`, outcome.remedy))
  })
}

/** Which group a node is to make room for, and who is in it: the same tag is not enough after a rescue. */
export function invitation(plane: ControlPlane) {
  const { cluster, voters, nodes } = plane.state
  const { tag, epoch, metaVersion, events } = cluster!
  const control = voters
    .map(v => nodes.get(v))
    .filter(n => n !== undefined)
    .map(contactOf)
  return { tag, epoch, metaVersion, events, term: plane.term, lineage: plane.lineage, control }
}

interface Wish {
  /** Who asked for it. */
  readonly by: string
  decide(): VotersVerdict
  /** Is it agreed and applied here? Other changes may come on top of it. */
  reached(): boolean
}

/**
 * Proposes what `decide` says until it is taken (another change may be under way, a learner still be
 * catching up), then waits until it is in force. Decided anew each time: what changed meanwhile must stand,
 * and may forbid this.
 */
export function change(parts: DeskParts, plane: ControlPlane, wish: Wish, answer: Answer): void {
  const deadline = parts.clock.now() + catchUpPatience
  const attempt = (): void => {
    if (!plane.isLeader()) return answer(moved)
    const verdict = wish.decide()
    if (!verdict.ok) return answer(refusal(verdict.code, verdict.message, verdict.remedy))
    if (verdict.nothing) return settled(parts, plane, wish, deadline, answer)
    const { voters, observers } = verdict
    const carry = plane.carriers
    const added = [...voters, ...observers].filter(id => !carry.has(id))
    const out = added.find(id => !stays(parts, plane, id))
    if (out !== undefined) return answer(onItsWayOut(plane, out))
    const old = added.find(id => parts.levels.tooOld(id, plane))
    if (old !== undefined) return answer(overtaken(plane, old))
    // Newer events may be proposed already: who is added behind them might not read them.
    const waits = added.length > 0 && parts.levels.due(plane) !== undefined
    const result: ChangeResult = waits
      ? { ok: false, why: 'change-pending' }
      : plane.changeConfig({ voters, learners: observers }, wish.by)
    if (result.ok) return settled(parts, plane, wish, deadline, answer)
    if (!mayPass(result))
      return answer(
        refusal(
          'REFUSED',
          `the change was refused: ${result.why}`,
          'look at hive status and try again',
        ),
      )
    if (parts.clock.now() >= deadline) {
      return answer(
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

/** In the cluster, and not about to leave it. */
export function stays(parts: DeskParts, { state }: ControlPlane, id: string): boolean {
  const node = state.nodes.get(id)
  return node !== undefined && !isLeaving(node) && !parts.leaving.has(id)
}

/** Behind the event that it left by, it would carry the log for ever, and nobody could name it. */
function onItsWayOut(plane: ControlPlane, id: string): RequestOutcome {
  const name = plane.state.nodes.get(id)?.name ?? id
  return refusal(
    'REFUSED',
    `${name} leaves the cluster`,
    'only a node that stays can carry the log',
  )
}

/** It was invited before newer events were agreed. */
function overtaken(plane: ControlPlane, id: string): RequestOutcome {
  const name = plane.state.nodes.get(id)?.name ?? id
  return refusal(
    'VERSION_MISMATCH',
    `${name} cannot carry the log: it runs an older hive, which cannot read all that is agreed`,
    `upgrade ${name}, then try again`,
  )
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
  wish: Wish,
  deadline: number,
  answer: Answer,
): void {
  if (wish.reached()) return report(plane, answer)
  if (!plane.isLeader()) return answer(moved)
  const verdict = wish.decide()
  if (verdict.ok && !verdict.nothing) return answer(takenBack)
  if (parts.clock.now() >= deadline) {
    return answer(
      refusal(
        'TIMEOUT',
        'the change is under way but not yet in force',
        'hive status shows when it is',
      ),
    )
  }
  parts.clock.after(pollPeriod, () => settled(parts, plane, wish, deadline, answer))
}

function report(plane: ControlPlane, answer: Answer): void {
  const { state } = plane
  const nameOf = (id: string) => state.nodes.get(id)?.name ?? id
  const body: ControlAnswer = {
    voters: state.voters.map(nameOf),
    observers: state.observers.map(nameOf),
    metaVersion: state.cluster?.metaVersion ?? 0,
  }
  answer({ ok: true, body })
}

/** A change that came after this one says otherwise. */
const takenBack = {
  ok: false,
  code: 'REFUSED',
  message: 'who carries the log was changed again meanwhile',
  remedy: 'hive log shows by whom',
} as const satisfies VotersVerdict

const moved = refusal('NOT_LEADER', 'leadership moved during the change', 'try again')
