/** Gathers what a node wants done into one `Ready`. */
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import { quorumReached } from './quorum.ts'
import { sendAppends, sendHeartbeats } from './replication.ts'
import { marked } from './rescue.ts'
import type { Entry, Message, Persist, Ready } from './types.ts'

/** Entries handed out to be applied in one go, so that a long restart does not hold everything up. */
const maxCommitEntries = 4096

const none: readonly never[] = []

export function takeReady(core: Core): Ready | undefined {
  if (core.leadership !== undefined) lead(core, core.leadership)
  const { log, disk } = core
  const persist = core.failed ? undefined : disk.take(log, core)
  const sendAfter = marked(core, takePromises(core, persist))
  const send = marked(core, takeAll(core.outbox))
  const commit = takeCommitted(core)
  const rank = takeRank(core)
  const reads = takeAll(core.readsServed)
  const readsRefused = takeAll(core.readsRefused)
  const snapshots = takeAll(core.snapshotsWanted)
  const idle =
    persist === undefined &&
    rank === undefined &&
    send.length + commit.length + reads.length + readsRefused.length + snapshots.length === 0
  if (idle) return undefined
  return {
    ...(persist !== undefined ? { persist } : undefined),
    send,
    sendAfter,
    commit,
    reads,
    readsRefused,
    snapshots,
    ...(rank !== undefined ? { rank } : undefined),
  }
}

function lead(core: Core, lead: Leadership): void {
  const { reads } = lead
  if (lead.heartbeatDue || reads.wantsRound) sendHeartbeats(core, lead)
  sendAppends(core, lead)
  if (reads.size === 0) return
  const round = quorumReached(core.log.config, id =>
    id === core.id ? reads.round : (lead.peers.get(id)?.round ?? 0),
  )
  reads.confirm(round, core.readsServed)
}

/**
 * What must leave after `persist`. Without one, promises wait for the batch that is under way, if
 * any: it holds what they promise.
 */
function takePromises(core: Core, persist: Persist | undefined): readonly Message[] {
  const promises = takeAll(core.promises)
  if (persist !== undefined || promises.length === 0) return promises
  if (core.disk.busy) {
    for (const message of promises) core.held.push({ after: core.disk.lastId, message })
  } else {
    for (const message of promises) core.outbox.push(message)
  }
  return none
}

/** Batches up to `id` are durable: what waited for them may leave. */
export function releaseHeld(core: Core, id: number): void {
  let done = 0
  for (const { after, message } of core.held) {
    if (after > id) break
    core.outbox.push(message)
    done++
  }
  if (done > 0) core.held.splice(0, done)
}

/**
 * What is committed, from where the last one ended. A leader does not wait for its own disk when a quorum of the
 * others has it; anybody does for a snapshot that is not installed yet, and a follower for what it has promised.
 */
function takeCommitted(core: Core): readonly Entry[] {
  const { disk, log } = core
  const ahead = core.leadership !== undefined && disk.durable >= log.snapshot.index
  const here = ahead ? log.lastIndex : disk.durable
  const end = Math.min(core.commit, here, core.handedOut + maxCommitEntries)
  if (end <= core.handedOut) return none
  const entries = core.log.slice(core.handedOut + 1, end)
  core.handedOut = end
  return entries
}

function takeRank(core: Core): Ready['rank'] {
  const told = core.rankTold
  const { rank, term, leader } = core
  if (told?.rank === rank && told.term === term && told.leader === leader) return undefined
  const { why } = core
  core.rankTold = { rank, term, leader, ...(why !== undefined && { why }) }
  core.why = undefined
  return core.rankTold
}

function takeAll<T>(from: T[]): readonly T[] {
  return from.length === 0 ? none : from.splice(0)
}
