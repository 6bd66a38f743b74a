import type { HardState, PeerId, SnapshotMeta } from './types.ts'

/**
 * What every first voter of a new group starts from: an empty log under the same configuration. A
 * node that will be added to a group later starts from `newGroup([])` and learns who votes from the
 * leader's entries. `lineage`: of the group that it will be added to.
 */
export function newGroup(
  voters: readonly PeerId[],
  lineage = 0,
): {
  snapshot: SnapshotMeta
  hardState: HardState
} {
  const config = { voters: [...new Set(voters)], outgoing: [], learners: [], learnersNext: [] }
  return {
    snapshot: { index: 0, term: 0, config },
    hardState: { term: 0, vote: null, commit: 0, ...(lineage !== 0 && { lineage }) },
  }
}
