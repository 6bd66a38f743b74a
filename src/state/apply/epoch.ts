import type { EventData } from '../events.ts'
import { tombstoneGrace } from '../settings.ts'
import type { ClusterRecord } from '../types.ts'
import { isFailed } from './health.ts'
import { type At, change, done, type Parts, type Ruling, refused, repeated } from './ruling.ts'

/** When history is thrown away, the epoch rises in the same event: nobody can have one without the other. */

/**
 * Only what is older than the grace period may be forgotten, by the log's clock: the times that leaders
 * gave their events, this one included.
 */
export function collect(parts: Parts, data: EventData['TombstonesCollected'], at: At): Ruling {
  const cluster = parts.cluster.get('cluster')!
  const { epoch, through } = data
  if (epoch <= cluster.epoch) return repeated(at)
  if (epoch !== cluster.epoch + 1 || through >= at.index) {
    return refused('REFUSED', `epoch ${epoch} does not follow ${cluster.epoch}`)
  }
  const grace = tombstoneGrace(cluster.settings)
  const due = [...parts.tombstones.all.values()].filter(t => t.leftAt <= through)
  const young = due.find(t => at.time - t.time < grace)
  if (young !== undefined) {
    return refused('REFUSED', `${young.name} left too short a time ago to be forgotten`)
  }
  if (due.length === 0) return repeated(at)
  for (const { id } of due) parts.tombstones.delete(id)
  parts.kv.forgetGraves(through)
  begin(parts, at, { ...cluster, epoch, horizon: Math.max(cluster.horizon ?? 0, through) })
  return done(at, { epoch, forgotten: due.length })
}

/** The log of one survivor is the cluster's from here on, whatever the lost control nodes knew beside it. */
export function recover(parts: Parts, data: EventData['ClusterRecovered'], at: At): Ruling {
  const cluster = parts.cluster.get('cluster')!
  const { epoch, lineage } = data
  if (cluster.lineage === lineage) return repeated(at)
  if (epoch <= cluster.epoch) {
    return refused('REFUSED', `epoch ${epoch} is not newer than ${cluster.epoch}`)
  }
  const metaVersion = Math.max(cluster.metaVersion + 1, data.metaVersion)
  // What others believe of this cluster may come from the lost side: all of it is beyond the horizon.
  begin(parts, at, { ...cluster, epoch, metaVersion, lineage, horizon: at.index })
  for (const id of data.lost) {
    const node = parts.nodes.get(id)
    if (node === undefined || isFailed(node)) continue
    change(parts, at, node, { phase: 'failed', before: node.phase, failedAt: at.time })
  }
  return done(at, { epoch, lineage })
}

export function begin(parts: Parts, at: At, cluster: ClusterRecord): void {
  parts.cluster.set('cluster', cluster)
  const before = parts.meta.fact('epochs') ?? []
  parts.meta.note('epochs', [...before, { epoch: cluster.epoch, from: at.index }])
}
