import { isVoter } from './config-change.ts'
import type { Core } from './core.ts'
import type { RaftStatus } from './types.ts'

export function showStatus(core: Core): RaftStatus {
  const { id, rank, term, vote, leader, commit, applied, log, now, lineage } = core
  const since = now - core.config.electionTimeout
  const peers = [...(core.leadership?.peers.values() ?? [])]
  return {
    id,
    rank,
    term,
    vote,
    leader,
    commit,
    applied,
    informed: core.informed,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    config: log.config,
    lineage,
    progress: peers.map(peer => ({
      id: peer.id,
      match: peer.match,
      next: peer.next,
      state: peer.state,
      recentlyActive: peer.activeSince(since),
      learner: !isVoter(log.config, peer.id),
    })),
  }
}
