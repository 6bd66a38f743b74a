import { text } from '../../base/shape.ts'
import { type Methods, refusal } from '../requests.ts'
import { asLeader, type DeskParts } from './desk.ts'

/** What nodes that compare histories ask the control plane. */
export function epochsDesk(parts: DeskParts): Methods {
  return {
    /** The newest that a quorum knows: nothing agreed before the question was asked is missing. */
    refresh: asLeader(parts, ({ from, body, answer }, plane) => {
      const id = text(body, 'id', 36)
      plane.read(index => {
        const view = parts.viewOf(id)
        if (index === null || !view)
          return answer(refusal('NOT_LEADER', 'leadership moved while the read was under way'))
        parts.trace.debug({ from, index }, 'a node compares what it knows')
        answer({ ok: true, body: view })
      })
    }),
  }
}
