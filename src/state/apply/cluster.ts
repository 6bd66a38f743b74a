import { type EventData, ungatedEvents } from '../events.ts'
import { newNode } from './admission.ts'
import { type At, done, type Parts, type Ruling, refused, repeated } from './ruling.ts'

/** The first event. A second one of the same cluster is a retry; any other would be another cluster. */
export function initialise(parts: Parts, data: EventData['ClusterInitialised'], at: At): Ruling {
  const cluster = parts.cluster.get('cluster')
  if (cluster !== undefined) {
    if (cluster.tag === data.tag && cluster.name === data.name) return repeated(at)
    return refused(
      'ALREADY_INITIALISED',
      `already initialised as «${cluster.name}», tag ${cluster.tag}`,
      'to join it, give `hive join` an address; to start anew, `hive reset` first',
    )
  }
  const { tag, name, version, settings, events } = data
  parts.cluster.set('cluster', {
    ...{ tag, name, epoch: 1, metaVersion: 1, version, settings },
    ...(events !== undefined && { events }),
  })
  parts.meta.note('epochs', [{ epoch: 1, from: at.index }])
  for (const description of [...data.control].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    // A list that names one node twice would break the invariant that names are unique.
    if (parts.nodes.named(description.name) !== undefined) continue
    if (parts.nodes.get(description.id) !== undefined) continue
    parts.nodes.set(description.id, { ...newNode(description, at), phase: 'ready' })
  }
  if (parts.meta.fact('control') === undefined) {
    const voters = [...parts.nodes.all.keys()].sort()
    parts.meta.note('control', { voters, observers: [] })
  }
  return done(at, { tag, name })
}

/** Never back: what was proposed since may need it. */
export function upgrade(parts: Parts, data: EventData['ClusterUpgraded'], at: At): Ruling {
  const cluster = parts.cluster.get('cluster')!
  if (data.events <= (cluster.events ?? ungatedEvents)) return repeated(at)
  parts.cluster.set('cluster', { ...cluster, events: data.events })
  return done(at)
}

export function changeSettings(parts: Parts, data: EventData['SettingsChanged'], at: At): Ruling {
  const cluster = parts.cluster.get('cluster')!
  const settings = new Map(Object.entries(cluster.settings))
  for (const [key, value] of Object.entries(data.settings)) {
    if (value === '') settings.delete(key)
    else settings.set(key, value)
  }
  const sorted = Object.fromEntries([...settings].sort(([a], [b]) => (a < b ? -1 : 1)))
  if (JSON.stringify(sorted) === JSON.stringify(cluster.settings)) return repeated(at)
  parts.cluster.set('cluster', { ...cluster, settings: sorted })
  raiseMetaVersion(parts)
  return done(at)
}

/** At each change of the control plane's own configuration (design §2). */
export function raiseMetaVersion(parts: Parts): void {
  const cluster = parts.cluster.get('cluster')
  if (cluster === undefined) return
  parts.cluster.set('cluster', { ...cluster, metaVersion: cluster.metaVersion + 1 })
}
