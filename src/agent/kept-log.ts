import type { KeptEvents } from '../api/types.ts'
import type { Entry } from '../raft/types.ts'
import { base64 } from '../state/base64.ts'
import { decodeEvent } from '../state/codec.ts'
import type { LoggedEvent } from '../state/events.ts'
import { toLogged } from '../state/logged.ts'
import { State } from '../state/state.ts'
import { readKeptLog } from '../store/kept-log.ts'
import { checkEventType } from './event-type.ts'

/** The event log of a folder that was set aside, for `hive log --file`: no agent runs for it. */
export function keptEvents(path: string, from: number, type?: string): KeptEvents {
  checkEventType(type)
  const kept = readKeptLog(path)
  const state = State.load(kept.rows)
  const events: LoggedEvent[] = []
  const wanted = (event: LoggedEvent) =>
    event.seq >= from && (type === undefined || event.type === type)
  // What was compacted away is known by what the state remembers of it.
  for (const event of state.history(0, Number.MAX_SAFE_INTEGER)) {
    if (event.seq <= kept.snapshot.index && wanted(event)) events.push(event)
  }
  let time = timeOf(kept.entries.find(e => timeOf(e) > 0))
  for (const entry of kept.entries) {
    const event = entry.type === 'data' ? decodeEvent(entry.data) : undefined
    time = timeOf(entry) || time
    const like = entry.type === 'data' ? { ...entry, type: 'data' as const, event: event! } : entry
    const logged = toLogged(like, state.epochAt(entry.index), time)
    if (logged && wanted(logged)) events.push(whole(logged, event))
  }
  const { cluster, applied } = state
  return {
    cluster: cluster?.name ?? null,
    epoch: cluster?.epoch ?? 0,
    commitIndex: Math.max(kept.commit, applied),
    lastIndex: kept.entries.at(-1)?.index ?? kept.snapshot.index,
    names: Object.fromEntries(
      [...state.tombstones.values(), ...state.nodes.values()].map(({ id, name }) => [id, name]),
    ),
    events,
  }
}

/** Nobody else has these values any more: they are not cut, as the log of a cluster cuts them. */
function whole(
  logged: LoggedEvent,
  event: ReturnType<typeof decodeEvent> | undefined,
): LoggedEvent {
  if (!event || 'unknown' in event || event.type !== 'KvPut') return logged
  const { key, value, flags } = event.data
  return { ...logged, data: { key, value: base64(value), bytes: value.length, flags } }
}

/** 0: raft's own entries have none. */
function timeOf(entry: Entry | undefined): number {
  const event = entry?.type === 'data' ? decodeEvent(entry.data) : undefined
  return event && !('unknown' in event) ? event.time : 0
}
