import { type Contender, type Contest, compared, inPairs, interleaved } from './contest.ts'
import type { Figure } from './figures.ts'
import type { Cluster } from './member.ts'
import { cpuMillisOf, memoryOf } from './processes.ts'
import type { Bench, Room } from './room.ts'
import { putEtcd, putKv } from './targets.ts'

/** Writes of 100 bytes that three members agree on and have on disk, asked of the leader. */
export const put: Bench = {
  name: 'put',
  summary: 'replicated writes of 100 bytes, three members, beside etcd and Consul',
  run: room => inPairs(room, contest => measure(room, contest)),
}

const clientCounts = [1, 16, 64, 256]

const goals = {
  1: { etcd: { p50: 1 } },
  64: { etcd: { perSecond: 1.5 } },
  256: { etcd: { perSecond: 1.5 } },
} as Readonly<Record<number, Readonly<Record<string, { perSecond?: number; p50?: number }>>>>

async function measure(room: Room, contest: Contest): Promise<Figure[]> {
  const { hive, etcd, consul } = contest
  const contenders: Contender[] = [{ name: 'hive', target: putKv((await hive.leader()).url) }]
  if (etcd) contenders.push({ name: 'etcd', target: putEtcd((await etcd.leader()).url) })
  if (consul) contenders.push({ name: 'consul', target: putKv((await consul.leader()).url) })
  const figures: Figure[] = []
  const cpuBefore = contest.all.map(cpuOf)
  for (const clients of clientCounts) {
    const windows = await interleaved(room, contenders, clients)
    const what = `${clients} client${clients > 1 ? 's' : ''}`
    figures.push(...compared('put', what, windows, goals[clients] ?? {}))
  }
  const spent = contest.all.map((cluster, i) => cpuOf(cluster) - cpuBefore[i]!)
  for (const [i, cluster] of contest.all.entries()) {
    room.say(`${cluster.name} used ${(spent[i]! / 1000).toFixed(1)} s of CPU in all of its windows`)
  }
  return [...figures, ...memoryAfter(contest)]
}

function cpuOf({ members }: Cluster): number {
  return members.reduce((sum, { pid }) => sum + cpuMillisOf(pid), 0)
}

function memoryAfter({ hive, etcd, consul }: Contest): Figure[] {
  const rss = (cluster: Cluster) =>
    cluster.members.map(({ pid }) => memoryOf(pid)?.rss ?? Number.NaN)
  const base = {
    bench: 'put',
    what: 'RSS of a member after that',
    unit: 'MiB',
    better: 'less',
    hive: rss(hive),
  } as const
  if (!etcd && !consul) return [base]
  return [etcd, consul].flatMap(peer => {
    if (!peer) return []
    const goal = peer === etcd ? { goal: 1 } : {}
    return [{ ...base, peer: { name: peer.name, values: rss(peer) }, ...goal }]
  })
}
