/** What only a leader has, from its election until it steps down. */
import type { Instant } from '../base/time.ts'
import { Progress } from './progress.ts'
import { Reads } from './reads.ts'
import type { Index, PeerId } from './types.ts'

export class Leadership {
  /** The other members. */
  readonly peers = new Map<PeerId, Progress>()
  readonly reads = new Reads()
  /** The entry that this leader appended first: once committed, all before it is (§5.4.2). */
  readonly noop: Index
  heartbeatAt: Instant
  heartbeatDue = false
  /** The quorum is not judged before. */
  judgeAt: Instant
  /** Bytes of entries proposed in this term and not yet committed. */
  uncommittedBytes = 0
  /** When followers are told what is committed though there is nothing else to say; undefined: they know. */
  tellAt: Instant | undefined
  /** The log's end some time ago, and one election timeout before that: what "caught up" means. */
  mark: Index
  olderMark: Index
  markAt: Instant
  transfer: { readonly to: PeerId; readonly until: Instant; told: boolean } | undefined

  constructor(noop: Index, now: Instant) {
    this.noop = noop
    this.mark = noop
    this.olderMark = noop
    this.markAt = now
    this.heartbeatAt = now
    this.judgeAt = now
  }

  /**
   * Counts `id` among the peers; a new one is probed from `next`. So is one that comes back while it
   * is still being told that it left: it may have thrown away the log that it once acknowledged.
   */
  addPeer(id: PeerId, next: Index, maxInflight: number, now: Instant): void {
    const known = this.peers.get(id)
    if (known !== undefined && known.departsAt === undefined) return
    this.peers.set(id, new Progress(id, next, maxInflight, now))
  }
}
