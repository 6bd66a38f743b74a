/**
 * Raft: what have we agreed, and in which order. This is the door; `README.md` tells the idea and
 * the driver's duties. Everything that happens comes in here with the time at which it happened, and
 * everything that should be done goes out by `ready`.
 */
import type { Machine } from '../base/machine.ts'
import type { Random } from '../base/random.ts'
import type { EpochMillis, Instant } from '../base/time.ts'
import { Core } from './core.ts'
import { campaignPreVote, countOwnVote, suspectLeader } from './election.ts'
import { advanceCommit, judgeAt, propose, resign, tickLeader } from './leader.ts'
import { changeConfig } from './membership.ts'
import { maxReads } from './reads.ts'
import { releaseHeld, takeReady } from './ready.ts'
import { marked, rescue } from './rescue.ts'
import { showStatus } from './status.ts'
import { step } from './step.ts'
import { transferLeadership } from './transfer.ts'
import type {
  ChangeResult,
  ConfigChange,
  Done,
  Entry,
  Index,
  Initial,
  Message,
  PeerId,
  ProposeResult,
  RaftConfig,
  RaftStatus,
  Ready,
  SnapshotMeta,
} from './types.ts'

export { defaults } from './defaults.ts'
export { newGroup } from './new-group.ts'

export class Raft implements Machine<Message, Ready, Done> {
  readonly #core: Core

  /** `wall`: dates the entries that raft itself makes, for those who read the log. */
  constructor(
    config: RaftConfig,
    initial: Initial,
    random: Random,
    now: Instant,
    wall?: () => EpochMillis,
  ) {
    this.#core = new Core(config, initial, random, now, wall)
  }

  tick(now: Instant): void {
    const core = this.#core
    const due = this.wakeAt()
    core.now = now
    const late = due !== undefined && now - due > core.config.heartbeat
    if (core.leadership !== undefined) {
      tickLeader(core, core.leadership, late)
    } else if (now < core.electionAt) {
      return
    } else if (late && !core.excused) {
      // Perhaps the leader's messages lie unread because this process stood still: read them first.
      core.excused = true
      core.electionAt = now + core.config.heartbeat
    } else if (core.promotable) {
      campaignPreVote(core)
    } else {
      core.leader = null
      core.resetElectionTimer()
    }
  }

  step(message: Message, now: Instant): void {
    this.#core.now = now
    step(this.#core, message)
  }

  ready(): Ready | undefined {
    return takeReady(this.#core)
  }

  advance(done: Done, now: Instant): void {
    const core = this.#core
    core.now = now
    if ('applied' in done) {
      core.applied = Math.max(core.applied, Math.min(done.applied, core.handedOut))
      return
    }
    if (core.failed) return
    const installed = core.disk.persisted(done.persisted)
    if (installed !== undefined) core.applied = Math.max(core.applied, installed.index)
    releaseHeld(core, done.persisted)
    countOwnVote(core)
    if (core.leadership !== undefined) advanceCommit(core, core.leadership)
  }

  wakeAt(): Instant | undefined {
    const core = this.#core
    const lead = core.leadership
    if (lead === undefined) {
      return core.promotable || core.leader !== null ? core.electionAt : undefined
    }
    if (lead.peers.size === 0) return undefined
    const transferred = lead.transfer?.until ?? Number.POSITIVE_INFINITY
    const told = lead.tellAt ?? Number.POSITIVE_INFINITY
    return Math.min(lead.heartbeatAt, judgeAt(core, lead), transferred, told)
  }

  /** Appends entries of type data, one for each of `datas`; all or none. */
  propose(datas: readonly Uint8Array[], now: Instant): ProposeResult {
    this.#core.now = now
    return propose(this.#core, datas)
  }

  /**
   * Starts a change of voters or learners. It is in force at once, and over when the entries that it
   * makes are committed; until then the next one is refused with `change-pending`. A new voter must
   * be a learner that has caught up.
   */
  changeConfig(change: ConfigChange, now: Instant): ChangeResult {
    this.#core.now = now
    return changeConfig(this.#core, change)
  }

  /** Hands leadership to a voter within an election timeout, if all goes well. False: cannot. */
  transferLeadership(to: PeerId, now: Instant): boolean {
    this.#core.now = now
    return transferLeadership(this.#core, to)
  }

  /**
   * Asks for the index at which a linearizable read may be served; it comes back in `reads`, or in
   * `readsRefused`. False: not leader, or too many reads wait for a quorum already.
   */
  readIndex(context: number, now: Instant): boolean {
    const core = this.#core
    core.now = now
    const lead = core.leadership
    if (lead === undefined || lead.reads.size >= maxReads) return false
    if (core.commit < lead.noop) lead.reads.askEarly(context)
    else lead.reads.ask(context, core.commit)
    return true
  }

  /**
   * The driver has strong evidence that the leader's process is gone (its port refuses). Only a hint
   * for a quicker election; a wrong one costs some messages.
   */
  suspectLeader(now: Instant): void {
    this.#core.now = now
    if (!this.#core.failed) suspectLeader(this.#core)
  }

  /**
   * A lost quorum: this node goes on alone, from its own log and in a lineage of its own, and leads as
   * soon as that is durable. Others are added as learners, each from an empty group of that lineage.
   * Only an operator can say that the others are lost. False: not needed, or not possible (rescue.ts).
   */
  rescue(lineage: number, now: Instant): boolean {
    this.#core.now = now
    return rescue(this.#core, lineage)
  }

  /** The disk failed: from now on this node promises nothing to anybody. There is no way back. */
  stepDown(now: Instant): void {
    const core = this.#core
    core.now = now
    if (core.failed) return
    if (core.leadership !== undefined) resign(core, core.leadership)
    core.failed = true
    core.why = 'disk'
    core.becomeFollower(core.term, null)
    core.promises = []
    core.held = []
  }

  /**
   * The snapshot that `ready` asked for has left, message and all; or could not be sent. It may be
   * asked for again.
   */
  snapshotSent(to: PeerId, ok: boolean, now: Instant): void {
    this.#core.now = now
    const peer = this.#core.leadership?.peers.get(to)
    if (peer?.state !== 'snapshot') return
    if (ok) {
      peer.snapshotSentAt = now
      return
    }
    peer.becomeProbe(peer.match + 1)
    // Not at once again: with its next answer.
    peer.probing = true
  }

  /** The message that completes a snapshot for `to`; undefined: not leader any more. */
  snapshotMessage(to: PeerId, snapshot: SnapshotMeta): Message | undefined {
    const { leadership, id, term } = this.#core
    if (leadership === undefined) return undefined
    const message: Message = { type: 'snapshot', from: id, to, term, snapshot }
    return marked(this.#core, [message])[0]
  }

  /** The driver has compacted the log on disk through `meta.index`, which it has applied. */
  compacted(meta: SnapshotMeta): void {
    this.#core.log.compact(Math.min(meta.index, this.#core.handedOut))
  }

  /** See `RaftStatus.informed`. */
  get informed(): boolean {
    return this.#core.informed
  }

  status(): RaftStatus {
    return showStatus(this.#core)
  }

  /** The log's entries from `from` to `to`, both included, as far as they are in memory. */
  entries(from: Index, to: Index): readonly Entry[] {
    return this.#core.log.slice(from, to)
  }
}
