import type { EpochMillis, Millis } from '../base/time.ts'
import type { Tombstone } from '../state/types.ts'
import { quorumOf } from './voters.ts'

/**
 * Up to which event deletions may be forgotten: all tombstones up to there are older than the grace period.
 * Undefined: nothing may.
 */
export function collectable(
  tombstones: readonly Pick<Tombstone, 'leftAt' | 'time'>[],
  grace: Millis,
  now: EpochMillis,
): number | undefined {
  let through: number | undefined
  for (const { leftAt, time } of [...tombstones].sort((a, b) => a.leftAt - b.leftAt)) {
    if (now - time < grace) break
    through = leftAt
  }
  return through
}

/**
 * A node is refused by somebody of a newer epoch of its own cluster. Does it give in: set aside what it knows
 * and bootstrap anew? Only alone. A side that still has a quorum goes on deciding, and may be the cluster
 * that people work with while the newer epoch is somebody's rehearsal on a copy of a disk: it gives in when
 * an operator says so, never because a stranger claims a larger number.
 */
export interface Side {
  /** Control nodes of the node's own epoch, as far as it knows; itself among them if it is one. */
  readonly control: readonly string[]
  /** Those that it is linked with, itself included. */
  readonly reached: ReadonlySet<string>
}

export function givesIn({ control, reached }: Side): boolean {
  return control.filter(id => reached.has(id)).length < quorumOf(control.length)
}

/** Whether somebody is of the history that a returning node looks for, or of one that came after it. */
export function isHome(
  wanted: { readonly epoch: number; readonly lineage: number },
  theirs: { readonly epoch: number; readonly lineage?: number },
): boolean {
  if (theirs.epoch !== wanted.epoch) return theirs.epoch > wanted.epoch
  return (theirs.lineage ?? 0) === wanted.lineage
}

/** A cluster at a moment of its history. */
export interface History {
  readonly tag: string
  readonly epoch: number
  readonly lineage?: number | undefined
}

/** Of one cluster, and no rescue between them: one may know more than the other, and nothing that the other contradicts. */
export function isOneHistory(
  a: Pick<History, 'tag' | 'lineage'> | undefined,
  b: Pick<History, 'tag' | 'lineage'> | undefined,
): boolean {
  return a !== undefined && a.tag === b?.tag && (a.lineage ?? 0) === (b.lineage ?? 0)
}

/** Two ends that may go on as they met: at one epoch of one history, or one of them of none. */
export function agreesWith(ours: History, theirs: History | undefined): boolean {
  return theirs === undefined || (theirs.epoch === ours.epoch && isOneHistory(ours, theirs))
}
