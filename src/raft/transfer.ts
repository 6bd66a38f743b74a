/**
 * Handing leadership over (thesis §3.10): the leader takes no more proposals, brings the other up to
 * date, and tells it to stand for election at once. If that takes longer than an election timeout,
 * it carries on as leader.
 */
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import type { Progress } from './progress.ts'
import type { PeerId } from './types.ts'

/** False: not leader, or `to` is not a voter that could take over. */
export function transferLeadership(core: Core, to: PeerId): boolean {
  const lead = core.leadership
  const peer = lead?.peers.get(to)
  if (lead === undefined || peer === undefined) return false
  if (!core.log.config.voters.includes(to)) return false
  if (lead.transfer?.to === to) return true
  lead.transfer = { to, until: core.now + core.config.electionTimeout, told: false }
  handOver(core, lead, peer)
  return true
}

/** Tells `peer`, if leadership is on its way to it and it has everything. */
export function handOver(core: Core, lead: Leadership, peer: Progress): void {
  const { transfer } = lead
  if (core.leadership !== lead) return
  if (transfer?.to !== peer.id || transfer.told || peer.match < core.log.lastIndex) return
  transfer.told = true
  core.outbox.push({ type: 'timeout-now', from: core.id, to: peer.id, term: core.term })
}

/** It still answers our heartbeats: perhaps it was not told after all. */
export function retryTransfer(core: Core, lead: Leadership, peer: Progress): void {
  if (lead.transfer?.to !== peer.id) return
  lead.transfer.told = false
  handOver(core, lead, peer)
}
