/**
 * Changing who votes, on the leader's side. A configuration is in force from the moment it is in the
 * log (thesis §4.1), so there is nothing to apply, and a truncated one is simply not there any more.
 */
import { enter, isJoint, isVoter, members } from './config-change.ts'
import type { Core } from './core.ts'
import type { Leadership } from './leadership.ts'
import type { ChangeResult, ConfigChange, Configuration, PeerId } from './types.ts'

/** Election timeouts for which somebody who left is still told so. */
const farewell = 4

export function appendConfig(
  core: Core,
  lead: Leadership,
  config: Configuration,
  by: string | undefined,
): void {
  const { log, now } = core
  const next = log.lastIndex + 1
  const asked = by === undefined ? {} : { by }
  log.push({ index: next, term: core.term, type: 'config', config, ...core.date(), ...asked })
  const present = members(config)
  for (const id of present) {
    if (id !== core.id) lead.addPeer(id, next, core.config.maxInflight, now)
  }
  for (const peer of lead.peers.values()) {
    if (!present.has(peer.id)) peer.departsAt ??= now + farewell * core.config.electionTimeout
  }
}

/** Forgets those who left, once they know it or cannot be told. */
export function dismissDeparted(core: Core, lead: Leadership): void {
  const { configIndex } = core.log
  for (const peer of lead.peers.values()) {
    if (peer.departsAt === undefined) continue
    const told = peer.match >= configIndex && peer.sentCommit >= configIndex
    if (told || core.now >= peer.departsAt) lead.peers.delete(peer.id)
  }
}

export function isChanging(core: Core): boolean {
  return isJoint(core.log.config) || core.log.configIndex > core.commit
}

/** Whether `id` could vote without holding the others up. */
export function isCaughtUp(core: Core, lead: Leadership, id: PeerId): boolean {
  if (id === core.id) return true
  const peer = lead.peers.get(id)
  // The last round of replication took less than an election timeout or two (thesis §4.2.1).
  return (
    peer !== undefined &&
    peer.departsAt === undefined &&
    peer.activeSince(core.now - core.config.electionTimeout) &&
    peer.match >= lead.olderMark
  )
}

export function changeConfig(core: Core, change: ConfigChange): ChangeResult {
  const lead = core.leadership
  if (lead === undefined) return { ok: false, why: 'not-leader' }
  if (change.voters.length === 0) return { ok: false, why: 'no-voters' }
  if (lead.transfer !== undefined) return { ok: false, why: 'transferring' }
  if (isChanging(core)) return { ok: false, why: 'change-pending' }
  const { config } = core.log
  for (const id of change.voters) {
    if (!isVoter(config, id) && !isCaughtUp(core, lead, id)) {
      return { ok: false, why: 'not-caught-up' }
    }
  }
  appendConfig(core, lead, enter(config, change), change.by)
  return { ok: true, index: core.log.lastIndex, term: core.term }
}
