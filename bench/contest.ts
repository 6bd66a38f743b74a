import type { Figure } from './figures.ts'
import { HiveCluster } from './hive.ts'
import { loadWindow, type Target, type Window } from './load.ts'
import type { Cluster } from './member.ts'
import { startConsul, startEtcd } from './peers.ts'
import { type Room, subdir } from './room.ts'

/** hive and peers that agree on writes, three members each, all up at once. */
export interface Contest {
  readonly hive: HiveCluster
  readonly etcd: Cluster | undefined
  readonly consul: Cluster | undefined
  readonly all: readonly Cluster[]
}

const peers = { etcd: startEtcd, consul: startConsul } as const
type PeerName = keyof typeof peers

/** Starts hive and those of the peers that are there, hands them over, and ends them whatever happens. */
export async function withContest<T>(
  room: Room,
  run: (contest: Contest) => Promise<T>,
  wanted: readonly PeerName[] = ['etcd', 'consul'],
): Promise<T> {
  const all: Cluster[] = []
  const found: { [name in PeerName]?: Cluster } = {}
  try {
    for (const name of wanted) {
      const cluster = await peers[name](subdir(room, name))
      if (cluster) all.push((found[name] = cluster))
      else room.say(`${name} is neither on the path nor below $PEERS_DIR: no comparison with it`)
    }
    const hive = await HiveCluster.start(room.script, subdir(room, 'hive'), 3)
    all.push(hive)
    return await run({ hive, etcd: found.etcd, consul: found.consul, all })
  } finally {
    for (const cluster of all) await cluster.stop()
  }
}

/** hive beside one peer after the other: a third cluster would take its share of the cores while it waits. */
export async function inPairs(
  room: Room,
  run: (contest: Contest) => Promise<Figure[]>,
): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const name of Object.keys(peers) as PeerName[]) {
    const apart = { ...room, dir: subdir(room, `beside-${name}`) }
    const beside = (contest: Contest) =>
      contest[name] || figures.length === 0 ? run(contest) : Promise.resolve([])
    figures.push(...(await withContest(apart, beside, [name])))
  }
  return figures
}

export interface Contender {
  readonly name: string
  readonly target: Target
}

/** Windows of all contenders in turn, so that what disturbs the machine disturbs all alike. */
export async function interleaved(
  room: Room,
  contenders: readonly Contender[],
  clients: number,
): Promise<Map<string, Window[]>> {
  const windows = new Map<string, Window[]>(contenders.map(({ name }) => [name, []]))
  for (let i = 0; i < room.repeats; i++) {
    for (const { name, target } of contenders) {
      const window = await loadWindow(room.dir, target, clients, room.seconds)
      windows.get(name)!.push(window)
      const { perSecond, p50, p99, errors } = window
      room.say(
        `${name} with ${clients}: ${perSecond.toFixed(0)}/s, p50 ${p50} ms, p99 ${p99} ms` +
          (errors > 0 ? `, ${errors} ERRORS` : ''),
      )
    }
  }
  return windows
}

export interface Goals {
  readonly perSecond?: number
  readonly p50?: number
  readonly p99?: number
}

/** Figures of hive beside each peer, for one number of clients. */
export function compared(
  bench: string,
  what: string,
  windows: Map<string, Window[]>,
  goals: Readonly<Record<string, Goals>>,
): Figure[] {
  const own = windows.get('hive')!
  const errors = own.reduce((sum, { errors }) => sum + errors, 0)
  const figures: Figure[] = []
  for (const [peer, theirs] of windows) {
    if (peer === 'hive' && windows.size > 1) continue
    for (const [measure, unit, better] of measures) {
      const goal = goals[peer]?.[measure]
      figures.push({
        bench,
        what: `${what}${measure === 'perSecond' ? '' : `, ${measure}`}`,
        unit,
        better,
        hive: own.map(window => window[measure]),
        ...(peer !== 'hive' && { peer: { name: peer, values: theirs.map(w => w[measure]) } }),
        ...(goal !== undefined && { goal }),
        ...(errors > 0 && { note: `${errors} errors` }),
      })
    }
  }
  return figures
}

const measures = [
  ['perSecond', '/s', 'more'],
  ['p50', 'ms', 'less'],
  ['p99', 'ms', 'less'],
] as const
