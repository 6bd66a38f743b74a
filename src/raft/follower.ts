/**
 * What a follower does with what its leader sends (§5.3). Every answer that the leader may count on
 * is a promise: it leaves when all that was taken in before is durable.
 */
import { assert } from '../base/errors.ts'
import type { Core } from './core.ts'
import type { Entry, Index, Message, PeerId, Term } from './types.ts'

type Of<Type extends Message['type']> = Extract<Message, { type: Type }>

export function stepAppend(core: Core, message: Of<'append'>): void {
  const { from, prevIndex, prevTerm, entries } = message
  if (!inSequence(entries, prevIndex, prevTerm, message.term)) return
  core.hear(from)
  core.announce(message.commit)
  // What is committed here the leader has as well: no need to compare.
  if (prevIndex < core.commit) {
    accept(core, from, core.commit)
  } else if (core.log.matches(prevIndex, prevTerm)) {
    take(core, entries)
    const last = prevIndex + entries.length
    core.commitTo(Math.min(message.commit, last))
    accept(core, from, last)
  } else {
    reject(core, from, prevIndex, prevTerm)
  }
}

/** Heartbeats never wait for the disk, and neither do their answers: they promise nothing. */
export function stepHeartbeat(core: Core, message: Of<'heartbeat'>): void {
  core.hear(message.from)
  core.commitTo(message.commit)
  core.outbox.push({
    type: 'heartbeat-response',
    from: core.id,
    to: message.from,
    term: core.term,
    round: message.round,
  })
}

/** The driver has received all chunks of a snapshot. */
export function stepSnapshot(core: Core, message: Of<'snapshot'>): void {
  const { from, snapshot } = message
  core.hear(from)
  if (core.log.matches(snapshot.index, snapshot.term)) {
    // The entries are here already; only that they are committed may be new.
    core.commitTo(snapshot.index)
  } else if (snapshot.index > core.commit) {
    core.log.restore(snapshot)
    core.disk.restored(snapshot)
    core.commit = snapshot.index
    core.handedOut = snapshot.index
  }
  accept(core, from, core.commit)
}

/** Whether `entries` can follow an entry of `term` at `index` in a leader's log of `newest` term. */
function inSequence(entries: readonly Entry[], index: Index, term: Term, newest: Term): boolean {
  for (const entry of entries) {
    if (entry.index !== ++index || entry.term < term) return false
    term = entry.term
  }
  return term <= newest
}

/** Adds what is not there yet; what contradicts it goes, as the leader's word is final. */
function take(core: Core, entries: readonly Entry[]): void {
  const { log, disk } = core
  const known = log.countKnown(entries)
  const first = entries[known]
  if (first === undefined) return
  if (first.index <= log.lastIndex) {
    assert(first.index > core.commit, `entry ${first.index} is committed and contradicted`)
    log.truncate(first.index)
    disk.truncated(first.index)
  }
  for (let i = known; i < entries.length; i++) log.push(entries[i]!)
}

function accept(core: Core, to: PeerId, index: Index): void {
  core.promises.push({
    type: 'append-response',
    from: core.id,
    to,
    term: core.term,
    index,
    rejected: false,
    hintIndex: 0,
    hintTerm: 0,
  })
}

/**
 * Says where the leader should look next: before this log's end, and before all later terms. This
 * promises nothing, so it does not wait for the disk.
 */
function reject(core: Core, to: PeerId, index: Index, term: Term): void {
  const hintIndex = core.log.lastWithTermAtMost(Math.min(index, core.log.lastIndex), term)
  core.outbox.push({
    type: 'append-response',
    from: core.id,
    to,
    term: core.term,
    index,
    rejected: true,
    hintIndex,
    hintTerm: core.log.term(hintIndex) ?? 0,
  })
}
