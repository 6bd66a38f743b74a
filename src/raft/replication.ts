/**
 * What a leader sends, decided once per `ready`: all that was proposed since the last one leaves in
 * one message per follower, and a commit index that moved goes with it, or alone when there is
 * nothing else to say for `commitDelay`. The leader's own disk is not waited for (thesis §10.2.1).
 */
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import type { Progress } from './progress.ts'
import type { Entry } from './types.ts'

export function sendAppends(core: Core, lead: Leadership): void {
  const tellAt = lead.tellAt ?? core.now + (core.config.commitDelay ?? 0)
  const tell = core.now >= tellAt
  let untold = false
  for (const peer of lead.peers.values()) untold = sendAppendsTo(core, peer, tell) || untold
  lead.tellAt = untold ? tellAt : undefined
}

/** @returns whether there is a commit index that it has not been told, and that may wait. */
function sendAppendsTo(core: Core, peer: Progress, tell: boolean): boolean {
  let untold = false
  const { log } = core
  switch (peer.state) {
    case 'snapshot':
      // Has it arrived? Its answer may be lost, so after it was sent one asks with each heartbeat.
      if (peer.nudged && peer.snapshotSentAt !== undefined) {
        sendAppend(core, peer, log.snapshot.index, [])
      }
      break
    case 'probe':
      if (!peer.probing) sendNext(core, peer)
      break
    case 'replicate': {
      let sent = false
      while (peer.next <= log.lastIndex && !peer.inflights.full) {
        sent = sendNext(core, peer)
        if (!sent) break
      }
      const news = Math.min(core.commit, peer.next - 1) > peer.sentCommit
      if (sent || peer.next <= log.snapshot.index) break
      if (peer.nudged || (news && tell)) sendAppend(core, peer, peer.next - 1, [])
      else untold = news
      break
    }
    default:
      peer.state satisfies never
  }
  peer.nudged = false
  return untold
}

/** Sends the entries from `next` on, as many as one message takes. False: it needs a snapshot. */
function sendNext(core: Core, peer: Progress): boolean {
  const { log, config } = core
  if (peer.next <= log.snapshot.index) {
    // One that does not answer would only tie up a snapshot; it gets one when it is back.
    if (!peer.activeSince(core.now - config.electionTimeout)) {
      peer.probing = true
      return false
    }
    peer.becomeSnapshot()
    core.snapshotsWanted.push(peer.id)
    return false
  }
  sendAppend(core, peer, peer.next - 1, log.chunk(peer.next, config.maxAppendBytes))
  return true
}

function sendAppend(core: Core, peer: Progress, prevIndex: number, entries: readonly Entry[]) {
  const last = prevIndex + entries.length
  core.outbox.push({
    type: 'append',
    from: core.id,
    to: peer.id,
    term: core.term,
    prevIndex,
    prevTerm: core.log.term(prevIndex)!,
    commit: core.commit,
    entries,
  })
  peer.sent(last)
  peer.sentCommit = Math.max(peer.sentCommit, Math.min(core.commit, last))
}

/**
 * A commit index beyond what the follower is known to have could not be used there; and what one that leaves has
 * acknowledged, it may have set aside by now, with an empty log in its place. Appends say it, which are compared first.
 */
export function sendHeartbeats(core: Core, lead: Leadership): void {
  lead.heartbeatDue = false
  lead.reads.startRound()
  for (const peer of lead.peers.values()) {
    core.outbox.push({
      type: 'heartbeat',
      from: core.id,
      to: peer.id,
      term: core.term,
      commit: peer.departsAt === undefined ? Math.min(peer.match, core.commit) : 0,
      round: lead.reads.round,
    })
  }
}
