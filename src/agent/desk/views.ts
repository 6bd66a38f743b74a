import type { StatusReport } from '../../api/types.ts'
import { count, optionalCount, optionalText } from '../../base/shape.ts'
import type { Entry } from '../../raft/types.ts'
import { decodeEvent } from '../../state/codec.ts'
import type { LoggedEvent } from '../../state/events.ts'
import { toLogged } from '../../state/logged.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import { type Methods, refusal } from '../requests.ts'
import type { Watch } from '../watch.ts'
import { asLeader, type DeskParts, notLeader } from './desk.ts'

/** Events in one page at most. */
const longestPage = 1_000
const longestWait = 60_000

/** What anybody may look at: the status and the event log, as the leader knows them. */
export function viewsDesk(
  parts: DeskParts & {
    report(plane: ControlPlane, stale: boolean): StatusReport
    applied: Pick<Watch, 'wait'>
    leader(): string | null
  },
): Methods {
  return {
    status: asLeader(parts, ({ answer }, plane) =>
      answer({ ok: true, body: parts.report(plane, false) }),
    ),

    'status-here': ({ answer }) => {
      const plane = parts.plane()
      if (!plane?.state.cluster) return answer(refusal('NOT_LEADER', 'no log is kept here'))
      answer({ ok: true, body: parts.report(plane, true) })
    },

    log: asLeader(parts, ({ body, answer, gone }, plane) => {
      const from = count(body, 'from')
      const limit = Math.min(Math.max(1, count(body, 'limit')), longestPage)
      const type = optionalText(body, 'type', 64)
      const epoch = optionalCount(body, 'epoch')
      const look = () => logPage(plane, { from, limit, type, epoch })
      const page = look()
      const wait = Math.min(optionalCount(body, 'wait') ?? 0, longestWait)
      if (page.events.length > 0 || wait === 0) return answer({ ok: true, body: page })
      const after = Math.max(plane.state.applied, from - 1)
      const done = () => answer(parts.hears(plane) ? { ok: true, body: look() } : notLeader)
      parts.applied.wait(after, wait, done, gone?.())
    }),

    'who-leads': ({ answer }) => answer({ ok: true, body: { leader: parts.leader() } }),
  }
}

export interface LogPage {
  readonly events: readonly LoggedEvent[]
  readonly next: number
  /** The one that counts before `next`. */
  readonly epoch: number
  /** By id, of nodes in these events that are in the cluster no longer. */
  readonly names?: Readonly<Record<string, string>>
}

export interface LogRange {
  readonly from: number
  readonly limit: number
  readonly type?: string | undefined
  /** The one that counted where the caller has read to. */
  readonly epoch?: number | undefined
}

/** From the log while it has the entry, from the kept history of administrative events before that. */
export function logPage(plane: ControlPlane, { from, limit, type, epoch }: LogRange): LogPage {
  const { firstIndex } = plane
  const { applied } = plane.state
  const wanted = (e: LoggedEvent) => type === undefined || e.type === type
  const events: LoggedEvent[] = []
  let next = Math.max(1, rescuedAt(plane, from, epoch) ?? from)
  while (next < firstIndex && events.length < limit) {
    const kept = plane.state.history(next, longestPage)
    for (const event of kept) {
      if (event.seq >= firstIndex || events.length >= limit) break
      if (wanted(event)) events.push(event)
      next = event.seq + 1
    }
    const more = kept.length === longestPage && kept.at(-1)!.seq < firstIndex
    if (events.length < limit && !more) next = firstIndex
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
  const counts = plane.state.epochAt(next - 1)
  return { events, next, epoch: counts, ...namesOfGone(plane.state.tombstones, events) }
}

/**
 * Whoever has read further than a later epoch's beginning, and nothing of that epoch, has read what a rescue then threw
 * away: what came in its place begins there, or a little before, where the survivor made itself the only voter and led.
 */
function rescuedAt({ state }: ControlPlane, from: number, epoch: number | undefined) {
  const began = epoch === undefined ? undefined : state.epochAfter(epoch)
  if (began === undefined || began >= from) return undefined
  const before = state.history(began - mostBefore, mostBefore).filter(({ seq }) => seq < began)
  const led = before.findLast(
    ({ data }) => (data as { readonly cause?: string }).cause === 'rescue',
  )
  return led ? led.seq - 1 : began
}

/** Far more entries than a survivor makes between its rescue and the event that tells of it. */
const mostBefore = 100

/** Nobody else can say what somebody was called who has left. */
function namesOfGone(
  tombstones: ReadonlyMap<string, { readonly name: string }>,
  events: readonly LoggedEvent[],
): Pick<LogPage, 'names'> {
  if (tombstones.size === 0) return {}
  const names: Record<string, string> = {}
  for (const { data } of events) {
    for (const value of Object.values(data as object).flat()) {
      const gone = typeof value === 'string' ? tombstones.get(value) : undefined
      if (gone) names[value] = gone.name
    }
  }
  return Object.keys(names).length > 0 ? { names } : {}
}

/** Writes of values are in the log only, not in the kept history. */
function valueEvent(plane: ControlPlane, entry: Entry): LoggedEvent | undefined {
  if (entry.type !== 'data') return undefined
  const event = decodeEvent(entry.data)
  if ('unknown' in event || (event.type !== 'KvPut' && event.type !== 'KvDelete')) return undefined
  return toLogged({ ...entry, event }, plane.state.epochAt(entry.index), 0)
}
