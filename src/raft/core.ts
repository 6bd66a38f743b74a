/**
 * The state of one raft node, and the few moves that every rank shares. The rules live beside it:
 * `step` sorts messages by term and rank; follower, election and leader say what each rank does.
 */
import { assert } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { EpochMillis, Instant } from '../base/time.ts'
import { isVoter } from './config-change.ts'
import { Disk } from './disk.ts'
import type { Leadership } from './leadership.ts'
import { Log } from './log.ts'
import type {
  ElectionCause,
  Index,
  Initial,
  Message,
  OfficeLost,
  PeerId,
  RaftConfig,
  Rank,
  Ready,
  Term,
} from './types.ts'

export class Core {
  readonly config: RaftConfig
  readonly id: PeerId
  readonly log: Log
  readonly disk: Disk
  readonly random: Random
  readonly #wall: (() => EpochMillis) | undefined
  now: Instant

  rank: Rank = 'follower'
  term: Term
  vote: PeerId | null
  /** Which rescue the group goes back to; 0: none. Only messages of the same one are heard. */
  lineage: number
  leader: PeerId | null = null
  commit: Index
  /** How far the leader of a term said that all is agreed, be it in this log or not. */
  announced: { readonly term: Term; readonly commit: Index } | undefined
  /** The last entry given to the driver to apply. */
  handedOut: Index
  /** The last entry that the driver says it has applied. */
  applied: Index
  /** The disk failed: nothing may be promised any more. */
  failed = false

  /** When a node that hears no leader campaigns. */
  electionAt: Instant = 0
  /** When a leader was last heard. */
  heardAt: Instant = Number.NEGATIVE_INFINITY
  /** Elections still to be repeated quickly, because somebody has evidence that the leader is gone. */
  hurried = 0
  /** The timer went off late, and was given one more chance: this process stood still, not the others. */
  excused = false
  /** The ballots of the campaign under way. */
  readonly ballots = new Map<PeerId, boolean>()
  campaignedAt: Instant = Number.NEGATIVE_INFINITY
  /** Present while leader. */
  leadership: Leadership | undefined

  /** Messages that may leave at once. */
  outbox: Message[] = []
  /** Messages that promise something: they wait until all that was decided before is durable. */
  promises: Message[] = []
  /** Promises that wait for a batch which was handed out without them. */
  held: { readonly after: number; readonly message: Message }[] = []
  readsServed: { readonly context: number; readonly index: Index }[] = []
  readsRefused: number[] = []
  snapshotsWanted: PeerId[] = []
  rankTold: Ready['rank']
  /** Why this node stood for election the last time. */
  cause: ElectionCause = 'timeout'
  /** What the next change of rank came from. */
  why: ElectionCause | OfficeLost | undefined

  constructor(
    config: RaftConfig,
    initial: Initial,
    random: Random,
    now: Instant,
    wall?: () => EpochMillis,
  ) {
    const { hardState, snapshot, entries, applied } = initial
    this.config = config
    this.id = config.id
    this.random = random
    this.#wall = wall
    this.now = now
    this.log = new Log(snapshot, entries)
    this.disk = new Disk(hardState, this.log.lastIndex)
    this.term = hardState.term
    this.vote = hardState.vote
    this.lineage = hardState.lineage ?? 0
    // The commit index on disk may lag; what was applied or compacted was committed.
    this.commit = Math.max(hardState.commit, snapshot.index, applied)
    this.handedOut = Math.max(applied, snapshot.index)
    this.applied = this.handedOut
    assert(this.commit <= this.log.lastIndex, 'the log on disk ends before what was committed')
    assert(this.log.lastTerm <= this.term, 'the log on disk has a later term than the hard state')
    this.rankTold = { rank: this.rank, term: this.term, leader: this.leader }
    this.resetElectionTimer()
  }

  /**
   * May campaign. Also a node that its own latest configuration leaves out, as long as that is not
   * known to be committed: it may be the only one whose log is complete enough to be elected, and
   * can then lead the others through the change without counting itself (thesis §4.2.2).
   */
  get promotable(): boolean {
    return !this.failed && this.log.someConfigSince(this.commit, isVoter, this.id)
  }

  /**
   * Hears a leader, so that nobody needs another one (§4.2.3, §6.2 of the thesis): (pre-)votes are
   * refused for the least time in which that leader's other followers would not campaign either.
   */
  get hearsLeader(): boolean {
    if (this.rank === 'leader') return true
    return this.leader !== null && this.now < this.heardAt + this.config.electionTimeout
  }

  /** Somewhere in [T, 2T), so that one node usually campaigns alone (§9.3). */
  resetElectionTimer(): void {
    const timeout = this.config.electionTimeout
    this.electionAt = this.now + timeout + this.random.next() * timeout
    this.excused = false
  }

  /** For an entry of raft's own. */
  date(): { readonly time?: EpochMillis } {
    return this.#wall === undefined ? {} : { time: this.#wall() }
  }

  /** Follows `leader`, or nobody yet, in `term`, which is not older than the present one. */
  becomeFollower(term: Term, leader: PeerId | null): void {
    assert(term >= this.term, 'terms never decrease')
    if (term > this.term) this.vote = null
    this.term = term
    const led = this.leadership
    if (led !== undefined) {
      led.reads.abandon(this.readsRefused)
      this.leadership = undefined
      this.heardAt = Number.NEGATIVE_INFINITY
    }
    if (led !== undefined || leader !== null) this.resetElectionTimer()
    this.rank = 'follower'
    this.leader = leader
    this.ballots.clear()
  }

  /** The leader of this term was heard: whatever we were, we follow it. */
  hear(leader: PeerId): void {
    assert(this.rank !== 'leader', 'one leader in a term')
    this.becomeFollower(this.term, leader)
    this.heardAt = this.now
    this.hurried = 0
  }

  /** The leader's own commit index, which may be far beyond the end of this log. */
  announce(commit: Index): void {
    const before = this.announced?.term === this.term ? this.announced.commit : 0
    this.announced = { term: this.term, commit: Math.max(before, commit) }
  }

  /**
   * Everything agreed before the last word of this term's leader is known here to be agreed: not of a log that
   * still arrives, and whose every beginning looks complete.
   */
  get informed(): boolean {
    if (this.log.term(this.commit) !== this.term) return false
    if (this.leadership !== undefined) return true
    const { announced } = this
    return this.leader !== null && announced?.term === this.term && this.commit >= announced.commit
  }

  /** Everything up to `index`, which is in our log, is committed. */
  commitTo(index: Index): void {
    if (index <= this.commit) return
    assert(index <= this.log.lastIndex, 'what is committed is in the log: was some of it lost?')
    this.commit = index
  }
}
