import { quorumOf } from './voters.ts'

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
