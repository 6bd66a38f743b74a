import { count, fields, text } from '../../base/shape.ts'
import { type Methods, refusal, requestOf } from '../requests.ts'
import { asLeader, asSettledLeader, type DeskParts, outcomeOf } from './desk.ts'

/** What brings a snapshot back, step by step: each is one agreed event. */
export function restoresDesk(parts: DeskParts): Methods {
  return {
    'restore-begin': asSettledLeader(parts, ({ body, answer }, plane) => {
      const settings = fields(body.settings, 'settings') as Record<string, string>
      const under = plane.state.restore
      if (under && under.id !== body.id) {
        return answer(
          refusal(
            'BUSY',
            'another restore is under way',
            'wait for it; one that nobody goes on with is dropped after 2 minutes',
          ),
        )
      }
      plane.propose(
        {
          type: 'RestoreBegun',
          data: {
            id: text(body, 'id', 64),
            tag: text(body, 'tag', 64),
            name: text(body, 'name', 255),
            index: count(body, 'index'),
            taken: count(body, 'taken'),
            settings,
          },
          actor: text(body, 'actor', 255),
          request: requestOf(body),
        },
        o => answer(outcomeOf(o)),
      )
    }),

    'restore-add': asLeader(parts, ({ body, blob, answer }, plane) => {
      const data = { id: text(body, 'id', 64), part: count(body, 'part'), entries: blob }
      const [actor, request] = [text(body, 'actor', 255), requestOf(body)]
      plane.propose({ type: 'RestoreAdded', data, actor, request }, o => answer(outcomeOf(o)))
    }),

    'restore-drop': asLeader(parts, ({ body, answer }, plane) => {
      const data = { id: text(body, 'id', 64), reason: text(body, 'reason', 1024) }
      const [actor, request] = [text(body, 'actor', 255), requestOf(body)]
      plane.propose({ type: 'RestoreDropped', data, actor, request }, o => answer(outcomeOf(o)))
    }),

    'restore-finish': asLeader(parts, ({ body, answer }, plane) => {
      plane.propose(
        {
          type: 'SnapshotRestored',
          data: {
            id: text(body, 'id', 64),
            parts: count(body, 'parts'),
            keys: count(body, 'keys'),
            name: text(body, 'name', 255),
            index: count(body, 'index'),
            taken: count(body, 'taken'),
          },
          actor: text(body, 'actor', 255),
          request: requestOf(body),
        },
        o => answer(outcomeOf(o)),
      )
    }),
  }
}
