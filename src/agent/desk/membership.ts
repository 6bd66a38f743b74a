import { count, fields, flag, optionalCount, text } from '../../base/shape.ts'
import { removalVerdict } from '../../cluster/removal.ts'
import type { Answer } from '../../net/link-types.ts'
import type { NodeDescription } from '../../state/events.ts'
import type { NodeRecord } from '../../state/types.ts'
import type { ControlPlane, Draft } from '../control/control-plane.ts'
import { type Methods, onceOf, refusal } from '../requests.ts'
import { votersThen } from './control.ts'
import { description } from './description.ts'
import { asSettledLeader, type DeskParts, findNode, notLeader, outcomeOf } from './desk.ts'
import { joinDesk } from './join.ts'

/** Who is in: second validation, return, leave. */
export function membershipDesk(parts: DeskParts): Methods {
  return {
    ...joinDesk(parts, digest),

    /** `UNKNOWN_NODE` here makes the node give up its state: nobody says it who might know too little. */
    announce: asSettledLeader(parts, ({ from, body, answer }, plane) => {
      const node = description(fields(body.node, 'node'))
      if (node.id !== from)
        return answer(refusal('BAD_REQUEST', 'a node announces itself and nobody else'))
      const record = plane.state.nodes.get(node.id)
      if (!plane.state.cluster) return answer(notLeader)
      // What it says now would take back what is about to be agreed.
      if (parts.leaving.has(node.id))
        return answer(refusal('BUSY', `${node.name} is about to leave`, 'it asks again'))
      if (record) return returned(plane, record, node, count(body, 'booted'), answer)
      answer(
        refusal(
          'UNKNOWN_NODE',
          `${node.name} is not in the logical topology`,
          'it has to join again',
        ),
      )
    }),

    leave: asSettledLeader(parts, ({ body, answer }, plane) => {
      const wanted = text(body, 'node')
      if (flag(body, 'again') && isOut(plane, wanted))
        return answer({ ok: true, body: { advice: '' } })
      const record = findNode(plane, wanted)
      const { nodes } = plane.state
      const verdict = removalVerdict({
        ...votersThen(parts, plane, record.id),
        ...{ nodes, node: record },
        own: flag(body, 'own'),
        force: flag(body, 'force'),
      })
      if (!verdict.ok) return answer(refusal(verdict.code, verdict.message, verdict.remedy))
      const { advice } = verdict
      const { id } = record
      const [actor, request] = [text(body, 'actor'), onceOf(body)]
      const incarnation = optionalCount(body, 'incarnation') ?? 0
      if (record.incarnation < incarnation) {
        // It has not said yet that it is here again: said later, that would take the leave back.
        const data = { id, incarnation }
        plane.propose({ type: 'NodeReady', data, actor: `node:${record.name}` }, () => {})
      }
      parts.leaving.add(id)
      plane.propose({ type: 'NodeLeaving', data: { id }, actor, request }, outcome => {
        parts.leaving.delete(id)
        answer(outcome.ok ? { ok: true, body: { advice } } : outcomeOf(outcome))
      })
    }),
  }

  function returned(
    plane: ControlPlane,
    record: NodeRecord,
    node: NodeDescription,
    booted: number,
    answer: Answer,
  ): void {
    const drafts = returnDrafts(record, node, booted)
    let left = drafts.length
    if (left === 0) return digest(plane, node.id, answer)
    for (const draft of drafts) {
      plane.propose(draft, outcome => {
        left -= 1
        if (left === 0) outcome.ok ? digest(plane, node.id, answer) : answer(outcomeOf(outcome))
      })
    }
  }

  /** With a certificate for who asks for one and proves its key; it can ask again when that cannot be now. */
  function digest(plane: ControlPlane, id: string, answer: Answer, request?: string): void {
    if (request === undefined) return answer({ ok: true, body: parts.viewOf(id) })
    parts.certify(plane, id, request, outcome => {
      const certified = outcome?.ok ? outcome.body : undefined
      const body = { ...parts.viewOf(id), ...(certified !== undefined && { certified }) }
      answer({ ok: true, body })
    })
  }
}

function isOut({ state }: ControlPlane, nameOrId: string): boolean {
  if (state.nodeByName(nameOrId) ?? state.nodes.get(nameOrId)) return false
  return [...state.tombstones.values()].some(t => t.name === nameOrId || t.id === nameOrId)
}

export function sourceOf(plane: ControlPlane) {
  const { cluster, nodes, voters, observers } = plane.state
  return { cluster, nodes, voters, observers }
}

/** What has to be recorded of a node that is back: where it is now, and that it is ready again. */
function returnDrafts(record: NodeRecord, node: NodeDescription, booted: number): readonly Draft[] {
  const actor = `node:${node.name}`
  const drafts: Draft[] = []
  const moved =
    record.address.host !== node.address.host || record.address.port !== node.address.port
  const news = record.key === undefined && node.key !== undefined ? { key: node.key } : undefined
  if (moved || news || record.version !== node.version || record.dc !== node.dc) {
    const { id, address, version, dc, incarnation } = node
    drafts.push({
      type: 'NodeUpdated',
      data: { id, address, version, dc, incarnation, ...news },
      actor,
    })
  }
  if (record.phase === 'recovering' || record.phase === 'failed' || record.incarnation < booted) {
    drafts.push({ type: 'NodeReady', data: { id: node.id, incarnation: node.incarnation }, actor })
  }
  return drafts
}
