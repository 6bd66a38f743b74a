import type { Millis } from '../base/time.ts'
import { quorumOf } from './voters.ts'

/**
 * Is the leader's clock wrong? What it stamps, events and certificates, is believed to be the time; and by the time what is old
 * is forgotten. No clock is right by itself: it is wrong when a quorum of control nodes agree with each other, and not with it.
 *
 * `offsets`: what the clocks of other voters show beyond its own. Returns by how much it is behind; 0: nothing is known against it.
 */
export function wrongBy(offsets: readonly Millis[], voters: number, limit: Millis): Millis {
  const off = offsets.filter(o => Math.abs(o) > limit).sort((a, b) => a - b)
  const middle = off[Math.floor(off.length / 2)] ?? 0
  const agree = off.filter(o => Math.abs(o - middle) <= limit)
  return agree.length >= quorumOf(voters) ? middle : 0
}
