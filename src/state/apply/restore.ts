import type { EventData } from '../events.ts'
import { utf8Length } from '../kv-key.ts'
import { stateLimits } from '../limits.ts'
import { readEntries, type StagedEntry } from '../restoring.ts'
import { begin as beginEpoch } from './epoch.ts'
import { type At, done, type Parts, type Ruling, refused, repeated } from './ruling.ts'

/**
 * A snapshot comes back: its keys are staged piece by piece, and one event puts them in the place of the keys
 * that are, with its settings. What the cluster is made of (nodes, roles, voters, authorities, keys of gossip,
 * history) is not the snapshot's to say, and stays.
 */

/** A later one takes the place of one that is under way. */
export function begin(parts: Parts, data: EventData['RestoreBegun'], at: At): Ruling {
  if (parts.restoring.restore?.id === data.id) return repeated(at)
  parts.restoring.begin({ ...data, parts: 0, keys: 0, moved: at.time })
  return { ...done(at), happened: false }
}

export function add(parts: Parts, data: EventData['RestoreAdded'], at: At): Ruling {
  const { restore } = parts.restoring
  if (restore?.id !== data.id) return notUnderWay()
  if (data.part < restore.parts) return repeated(at)
  if (data.part > restore.parts) {
    return refused('REFUSED', `piece ${data.part} of the restore came after ${restore.parts}`)
  }
  const entries = readEntries(data.entries)
  const bad = entries.find(entry => !fits(entry))
  if (bad !== undefined) {
    return refused('TOO_LARGE', `${bad.key.slice(0, 64)} of the snapshot is over a limit`)
  }
  parts.restoring.add(entries, at.time)
  return { ...done(at), happened: false }
}

export function drop(parts: Parts, data: EventData['RestoreDropped'], at: At): Ruling {
  if (parts.restoring.restore?.id !== data.id) return repeated(at)
  parts.restoring.drop()
  return { ...done(at), happened: false }
}

export function finish(parts: Parts, data: EventData['SnapshotRestored'], at: At): Ruling {
  const { restore, staged } = parts.restoring
  if (restore?.id !== data.id) return notUnderWay()
  if (restore.parts !== data.parts || restore.keys !== data.keys) {
    return refused(
      'REFUSED',
      `${restore.parts} pieces with ${restore.keys} keys have come, not ${data.parts} with ${data.keys}`,
    )
  }
  const changes = parts.kv.replace(staged, at.index)
  const cluster = parts.cluster.get('cluster')!
  const same = JSON.stringify(restore.settings) === JSON.stringify(cluster.settings)
  beginEpoch(parts, at, {
    ...cluster,
    epoch: cluster.epoch + 1,
    metaVersion: cluster.metaVersion + (same ? 0 : 1),
    settings: restore.settings,
  })
  parts.restoring.drop()
  return done(at, { epoch: cluster.epoch + 1, ...changes })
}

function notUnderWay(): Ruling {
  return refused(
    'REFUSED',
    'this restore is not under way: another began, or it was dropped because nothing came',
    'begin it again',
  )
}

function fits({ key, value }: StagedEntry): boolean {
  return utf8Length(key) <= stateLimits.kvKeyBytes && value.length <= stateLimits.kvValueBytes
}
