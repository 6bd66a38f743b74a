import type { EpochMillis } from '../base/time.ts'
import { base64 } from './base64.ts'
import type { EventData, LoggedEvent } from './events.ts'
import type { EntryLike } from './types.ts'

/** Bytes of a value that the event log shows; the rest is one `hive kv get` away. */
const shownBytes = 192

/**
 * An entry as people see it. `epoch` is the one that counted there (`State.epochAt`); `time` is that of
 * the event before, for raft's own entries: an older build wrote none into them, and none goes back behind it. Undefined for what is no event to people: the joint half of a
 * voters' change, and an event that this build cannot read.
 */
export function toLogged(
  entry: EntryLike,
  epoch: number,
  time: EpochMillis,
): LoggedEvent | undefined {
  const at = { seq: entry.index, term: entry.term, epoch }
  if (entry.type === 'noop') {
    const { term, leader, cause } = entry
    const data = { term, ...(leader !== undefined && { leader, cause }) }
    return { ...at, time: dated(entry, time), actor: 'raft', type: 'LeaderElected', data }
  }
  if (entry.type === 'config') {
    if (entry.config.outgoing.length > 0) return undefined
    const voters = [...entry.config.voters].sort()
    const observers = [...entry.config.learners].sort()
    const data = { voters, observers }
    const actor = entry.by ?? 'raft'
    return { ...at, time: dated(entry, time), actor, type: 'VotersChanged', data }
  }
  const { event } = entry
  if ('unknown' in event) return undefined
  const { type, actor } = event
  const data =
    type === 'KvPut'
      ? shownPut(event.data)
      : type === 'RestoreAdded'
        ? { id: event.data.id, part: event.data.part, bytes: event.data.entries.length }
        : withoutSecrets(event.data)
  return { ...at, time: event.time, actor, type, data }
}

function dated(entry: { readonly time?: EpochMillis }, before: EpochMillis): EpochMillis {
  return Math.max(entry.time ?? 0, before)
}

/** What is sealed is of no use to people, and nobody shall collect it from a log. */
function withoutSecrets(data: object): object {
  const { sealed, sealedKey, ...shown } = data as Record<string, unknown>
  return sealed === undefined && sealedKey === undefined ? data : shown
}

/** Value in base64, cut when long (`cut`); `bytes` is its full size. */
function shownPut(data: EventData['KvPut']) {
  const { key, value, flags, cas } = data
  const bytes = value.length
  return {
    key,
    value: base64(value.subarray(0, shownBytes)),
    ...(bytes > shownBytes && { cut: true }),
    bytes,
    flags,
    ...(cas !== undefined && { cas }),
  }
}
