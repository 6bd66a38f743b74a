/**
 * What a leader does: it takes office, counts answers, moves the commit index, and leaves office
 * when it cannot reach a quorum. Sending is next door in `replication.ts`.
 */
import { isJoint, isVoter, leave, members } from './config-change.ts'
import type { Core } from './core.ts'
import { Leadership } from './leadership.ts'
import { entryBytes } from './log.ts'
import { appendConfig, dismissDeparted } from './membership.ts'
import type { Progress } from './progress.ts'
import { quorumReached } from './quorum.ts'
import { sendAppends } from './replication.ts'
import { handOver, retryTransfer } from './transfer.ts'
import type { Index, Message, ProposeResult } from './types.ts'

type Of<Type extends Message['type']> = Extract<Message, { type: Type }>

export function becomeLeader(core: Core): void {
  const { log, config, now } = core
  const lead = new Leadership(log.lastIndex + 1, now)
  lead.heartbeatAt = now + config.heartbeat
  lead.markAt = now + config.electionTimeout
  core.rank = 'leader'
  core.leader = core.id
  core.leadership = lead
  core.hurried = 0
  core.excused = false
  for (const id of members(log.config)) {
    if (id !== core.id) lead.addPeer(id, log.lastIndex + 1, config.maxInflight, now)
  }
  core.why = core.cause
  const { id: leader, cause, term } = core
  log.push({ index: log.lastIndex + 1, term, type: 'noop', leader, cause, ...core.date() })
}

/** Appends entries, which leave and are written with the next `ready`. */
export function propose(core: Core, datas: readonly Uint8Array[]): ProposeResult {
  const lead = core.leadership
  if (lead === undefined) return { ok: false, why: 'not-leader' }
  if (lead.transfer !== undefined) return { ok: false, why: 'transferring' }
  const { log, term } = core
  const first = log.lastIndex + 1
  let index = first
  let bytes = 0
  const entries = datas.map(data => {
    const entry = { index: index++, term, type: 'data' as const, data }
    bytes += entryBytes(entry)
    return entry
  })
  const { uncommittedBytes } = lead
  // One batch always fits when nothing else waits, however large.
  if (uncommittedBytes > 0 && uncommittedBytes + bytes > core.config.maxUncommittedBytes) {
    return { ok: false, why: 'full' }
  }
  lead.uncommittedBytes += bytes
  log.append(entries)
  return { ok: true, first, term }
}

export function stepAppendResponse(core: Core, message: Of<'append-response'>): void {
  const lead = core.leadership
  const peer = lead?.peers.get(message.from)
  if (lead === undefined || peer === undefined) return
  peer.answered(core.now)
  if (message.rejected) stepRejection(core, peer, message)
  else if (message.index <= core.log.lastIndex) stepAcceptance(core, lead, peer, message.index)
}

function stepAcceptance(core: Core, lead: Leadership, peer: Progress, index: Index): void {
  const grown = peer.accepted(index)
  switch (peer.state) {
    case 'probe':
      // Less than it told us before is an answer from long ago.
      if (index >= peer.match) peer.becomeReplicate()
      break
    case 'snapshot':
      if (peer.match >= core.log.snapshot.index) peer.becomeReplicate()
      break
    case 'replicate':
      break
    default:
      peer.state satisfies never
  }
  if (!grown) return
  if (index > core.commit) advanceCommit(core, lead)
  handOver(core, lead, peer)
}

function stepRejection(core: Core, peer: Progress, message: Of<'append-response'>): void {
  const { log, now, config } = core
  const { index, hintIndex, hintTerm } = message
  const hint = hintTerm > 0 ? log.lastWithTermAtMost(hintIndex, hintTerm) : hintIndex
  if (peer.state !== 'snapshot') {
    peer.rejected(index, hint)
    return
  }
  // It may still be installing what we sent; after a while it must be lost.
  const sentAt = peer.snapshotSentAt
  if (sentAt === undefined || now < sentAt + installPatience * config.electionTimeout) return
  peer.becomeProbe(peer.match + 1)
}

/** Election timeouts in which a follower should have installed a snapshot that was sent. */
const installPatience = 8

export function stepHeartbeatResponse(core: Core, message: Of<'heartbeat-response'>): void {
  const lead = core.leadership
  const peer = lead?.peers.get(message.from)
  if (lead === undefined || peer === undefined) return
  peer.answered(core.now)
  if (message.round > peer.round && message.round <= lead.reads.round) peer.round = message.round
  peer.probing = false
  if (peer.match < core.log.lastIndex) {
    if (peer.inflights.full) peer.inflights.freeFirst()
    peer.nudged = true
  } else {
    retryTransfer(core, lead, peer)
  }
}

/** Commits what a quorum has, if it is of this term; older entries only along with it (§5.4.2). */
export function advanceCommit(core: Core, lead: Leadership): void {
  const { log, disk, commit } = core
  const reached = quorumReached(log.config, id =>
    id === core.id ? disk.durable : (lead.peers.get(id)?.match ?? 0),
  )
  if (reached <= commit || log.term(reached) !== core.term) return
  core.commitTo(reached)
  for (let i = Math.max(commit, lead.noop) + 1; i <= reached; i++) {
    const entry = log.at(i)!
    if (entry.type === 'data') lead.uncommittedBytes -= entryBytes(entry)
  }
  if (commit < lead.noop) lead.reads.admitEarly(reached)
  settleConfig(core, lead)
}

/** A committed joint configuration is left; a leader whom the final one leaves out resigns (§6). */
function settleConfig(core: Core, lead: Leadership): void {
  const { config, configIndex } = core.log
  if (configIndex > core.commit) return
  if (isJoint(config)) {
    const joint = core.log.at(configIndex)
    // An entry that was compacted away meanwhile took the name of who asked along.
    const by = joint?.type === 'config' ? joint.by : undefined
    appendConfig(core, lead, leave(config), by)
    advanceCommit(core, lead)
  } else if (!isVoter(config, core.id)) {
    resign(core, lead)
  }
}

/** Tells the others what is committed, hands over to the best of them, and follows. */
export function resign(core: Core, lead: Leadership): void {
  lead.tellAt = core.now
  sendAppends(core, lead)
  const since = core.now - core.config.electionTimeout
  let best: Progress | undefined
  for (const id of core.log.config.voters) {
    const peer = lead.peers.get(id)
    if (peer?.activeSince(since) && peer.match > (best?.match ?? -1)) best = peer
  }
  if (best !== undefined) {
    core.outbox.push({ type: 'timeout-now', from: core.id, to: best.id, term: core.term })
  }
  core.why = 'resigned'
  core.becomeFollower(core.term, null)
}

/** @param late the timer went off much later than asked: this process itself stood still */
export function tickLeader(core: Core, lead: Leadership, late: boolean): void {
  const { now, config } = core
  if (now >= lead.heartbeatAt) {
    lead.heartbeatDue = true
    lead.heartbeatAt = now + config.heartbeat
  }
  if (now >= lead.markAt) {
    lead.olderMark = lead.mark
    lead.mark = core.log.lastIndex
    lead.markAt = now + config.electionTimeout
  }
  if (lead.transfer !== undefined && now >= lead.transfer.until) lead.transfer = undefined
  dismissDeparted(core, lead)
  if (now < judgeAt(core, lead)) {
    core.excused = false
  } else if (late && !core.excused) {
    core.excused = true
    lead.judgeAt = now + config.heartbeat
  } else if (now >= lead.judgeAt) {
    core.why = 'no-quorum'
    core.becomeFollower(core.term, null)
  }
}

/** When a quorum will not have answered for an election timeout (thesis §6.2, check-quorum). */
export function judgeAt(core: Core, lead: Leadership): number {
  const heard = quorumReached(core.log.config, id =>
    id === core.id ? Number.POSITIVE_INFINITY : (lead.peers.get(id)?.activeAt ?? 0),
  )
  return Math.max(heard + core.config.electionTimeout, lead.judgeAt)
}
