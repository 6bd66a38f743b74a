/**
 * What a leader knows of one follower, and how it therefore sends.
 *
 * - probe: where the logs part is not known; one append at a time, until one is accepted.
 * - replicate: appends are pipelined without waiting, as far as the window allows.
 * - snapshot: what it needs is compacted away; no appends until the snapshot has arrived.
 */
import type { Instant } from '../base/time.ts'
import { Inflights } from './inflights.ts'
import type { Index, PeerId } from './types.ts'

export class Progress {
  readonly id: PeerId
  /** The last entry known to be durable there and equal to ours. */
  match: Index = 0
  /** The next entry to send. */
  next: Index
  state: 'probe' | 'replicate' | 'snapshot' = 'probe'
  /** Probe: one is under way. */
  probing = false
  /** Send an append at the next chance even if there is nothing new: it shows what was lost. */
  nudged = false
  /** The highest commit index that was sent and could be used there. */
  sentCommit: Index = 0
  /** When it last answered; when we began to wait, before that. */
  activeAt: Instant
  /** It has answered in this term. */
  seen = false
  /** The newest heartbeat round that it answered. */
  round = 0
  /** Snapshot: when the driver said that it was all sent. */
  snapshotSentAt: Instant | undefined
  /** It left the configuration, and is only told so until then. */
  departsAt: Instant | undefined
  readonly inflights: Inflights

  constructor(id: PeerId, next: Index, maxInflight: number, now: Instant) {
    this.id = id
    this.next = next
    this.activeAt = now
    this.inflights = new Inflights(maxInflight)
  }

  answered(now: Instant): void {
    this.activeAt = now
    this.seen = true
  }

  activeSince(since: Instant): boolean {
    return this.seen && this.activeAt >= since
  }

  becomeProbe(next: Index): void {
    this.state = 'probe'
    this.next = next
    this.probing = false
    this.snapshotSentAt = undefined
    this.inflights.reset()
  }

  becomeReplicate(): void {
    this.state = 'replicate'
    this.next = this.match + 1
    this.probing = false
    this.snapshotSentAt = undefined
    this.inflights.reset()
  }

  becomeSnapshot(): void {
    this.state = 'snapshot'
    this.probing = false
    this.snapshotSentAt = undefined
    this.inflights.reset()
  }

  /** An append with entries up to `last` leaves. */
  sent(last: Index): void {
    if (this.state === 'probe') {
      this.probing = true
      return
    }
    if (this.state === 'snapshot' || last < this.next) return
    this.next = last + 1
    this.inflights.add(last)
  }

  /** It has everything up to `index`. False: nothing new. */
  accepted(index: Index): boolean {
    const grown = index > this.match
    if (grown) this.match = index
    if (this.next <= index) this.next = index + 1
    this.inflights.freeTo(index)
    return grown
  }

  /**
   * It does not have what we have at `index`; `hint` is the last position that may match.
   * False: an answer to a question of long ago, which changes nothing.
   */
  rejected(index: Index, hint: Index): boolean {
    if (this.state === 'replicate') {
      if (index <= this.match) return false
      this.becomeProbe(this.match + 1)
      return true
    }
    if (this.next - 1 !== index) return false
    this.next = Math.max(Math.min(index, hint + 1), this.match + 1)
    this.probing = false
    return true
  }
}
