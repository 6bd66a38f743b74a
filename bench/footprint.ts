import type { Figure } from './figures.ts'
import { HiveCluster } from './hive.ts'
import type { Cluster } from './member.ts'
import { startEtcd } from './peers.ts'
import { cpuMillisOf, memoryOf, sleep } from './processes.ts'
import { type Bench, type Room, subdir } from './room.ts'
import { SerfCluster } from './serf.ts'

/** What an agent costs that has nothing to do: three of hive, of etcd and of serf, one after the other. */
export const footprint: Bench = {
  name: 'footprint',
  summary: 'memory and CPU of an idle agent, beside etcd and serf',
  async run(room) {
    const hive = await idle(room, await HiveCluster.start(room.script, subdir(room, 'hive'), 3))
    const etcd = await startEtcd(subdir(room, 'etcd'))
    const etcdIdle = etcd && (await idle(room, etcd))
    const serf = await SerfCluster.start(3)
    const serfIdle = serf && (await idle(room, { members: serf.agents, stop: () => serf.stop() }))
    const figure = (key: keyof Idle, what: string, unit: string, goal?: number): Figure[] => {
      const base = { bench: 'footprint', what, unit, better: 'less', hive: hive[key] } as const
      const peers = [
        { name: 'etcd', values: etcdIdle?.[key] ?? [] },
        { name: 'serf', values: serfIdle?.[key] ?? [] },
      ].filter(({ values }) => values.length > 0)
      return [
        { ...base, ...(goal !== undefined && { goal }) },
        ...peers.map(peer => ({ ...base, peer })),
      ]
    }
    return [
      ...figure('rss', 'RSS of an idle agent', 'MiB', 90),
      ...figure('pss', 'PSS of an idle agent', 'MiB'),
      ...figure('cpu', 'CPU of an idle agent', '%'),
    ]
  },
}

interface Idle {
  readonly rss: number[]
  readonly pss: number[]
  /** Per cent of one core. */
  readonly cpu: number[]
}

type Idlers = Pick<Cluster, 'stop'> & { readonly members: readonly { readonly pid: number }[] }

async function idle(room: Room, cluster: Idlers): Promise<Idle> {
  const { members } = cluster
  try {
    await sleep(room.quick ? 2000 : 10_000)
    const span = room.quick ? 2000 : 20_000
    const before = members.map(({ pid }) => cpuMillisOf(pid))
    await sleep(span)
    const cpu = members.map(({ pid }, i) => ((cpuMillisOf(pid) - before[i]!) / span) * 100)
    const memories = members.map(({ pid }) => memoryOf(pid))
    const of = (key: 'rss' | 'pss') => memories.flatMap(m => (m ? [m[key]] : []))
    return { rss: of('rss'), pss: of('pss'), cpu }
  } finally {
    await cluster.stop()
  }
}
