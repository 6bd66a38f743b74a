import type { StatusReport } from '../../api/types.ts'
import { count, optionalCount, optionalText } from '../../base/shape.ts'
import type { Entry } from '../../raft/types.ts'
import { decodeEvent } from '../../state/codec.ts'
import type { LoggedEvent } from '../../state/events.ts'
import { toLogged } from '../../state/logged.ts'
import type { ControlPlane } from '../control-plane.ts'
import type { Methods } from '../requests.ts'
import type { Watch } from '../watch.ts'
import { asLeader, type DeskParts } from './desk.ts'

/** Events in one page at most. */
const longestPage = 1_000
const longestWait = 60_000

/** What anybody may look at: the status and the event log, as the leader knows them. */
export function viewsDesk(
  parts: DeskParts & {
    report(plane: ControlPlane): StatusReport
    applied: Pick<Watch, 'wait'>
    leader(): string | null
  },
): Methods {
  return {
    status: asLeader(parts, ({ answer }, plane) => answer({ ok: true, body: parts.report(plane) })),

    log: asLeader(parts, ({ body, answer, gone }, plane) => {
      const from = count(body, 'from')
      const limit = Math.min(Math.max(1, count(body, 'limit')), longestPage)
      const type = optionalText(body, 'type', 64)
      const page = logPage(plane, from, limit, type)
      const wait = Math.min(optionalCount(body, 'wait') ?? 0, longestWait)
      if (page.events.length > 0 || wait === 0) return answer({ ok: true, body: page })
      const after = Math.max(plane.state.applied, from - 1)
      const done = () => answer({ ok: true, body: logPage(plane, from, limit, type) })
      parts.applied.wait(after, wait, done, gone?.())
    }),

    'who-leads': ({ answer }) => answer({ ok: true, body: { leader: parts.leader() } }),
  }
}

/** From the log while it has the entry, from the kept history of administrative events before that. */
export function logPage(
  plane: ControlPlane,
  from: number,
  limit: number,
  type?: string,
): { events: readonly LoggedEvent[]; next: number } {
  const { firstIndex } = plane
  const { applied } = plane.state
  const wanted = (e: LoggedEvent) => type === undefined || e.type === type
  const events: LoggedEvent[] = []
  let next = Math.max(1, from)
  if (next < firstIndex) {
    for (const event of plane.state.history(next, longestPage)) {
      if (event.seq >= firstIndex || events.length >= limit) break
      if (wanted(event)) events.push(event)
      next = event.seq + 1
    }
    if (events.length < limit) next = Math.max(next, firstIndex)
  }
  const administrative = new Map(plane.state.history(next, longestPage * 10).map(e => [e.seq, e]))
  while (next <= applied && events.length < limit) {
    const entries = plane.entries(next, Math.min(applied, next + longestPage))
    // A snapshot is being installed: the log before it is gone already, the state is not there yet.
    if (entries.length === 0) break
    for (const entry of entries) {
      if (events.length >= limit) break
      next = entry.index + 1
      const event = administrative.get(entry.index) ?? valueEvent(plane, entry)
      if (event && wanted(event)) events.push(event)
    }
  }
  return { events, next }
}

/** Writes of values are in the log only, not in the kept history. */
function valueEvent(plane: ControlPlane, entry: Entry): LoggedEvent | undefined {
  if (entry.type !== 'data') return undefined
  const event = decodeEvent(entry.data)
  if ('unknown' in event || (event.type !== 'KvPut' && event.type !== 'KvDelete')) return undefined
  return toLogged({ ...entry, event }, plane.state.epochAt(entry.index), 0)
}
