import { type Contender, type Contest, compared, inPairs, interleaved } from './contest.ts'
import type { Figure } from './figures.ts'
import { writeEach } from './load.ts'
import type { Bench, Room } from './room.ts'
import { getEtcd, getKv, putEtcd, putKv } from './targets.ts'

/** Reads that see every write acknowledged before, asked of the leader: each costs a round of the voters. */
export const get: Bench = {
  name: 'get',
  summary: 'linearizable reads, three members, beside etcd and Consul (?consistent)',
  run: room => inPairs(room, contest => measure(room, contest)),
}

async function measure(room: Room, { hive, etcd, consul }: Contest): Promise<Figure[]> {
  const contenders: Contender[] = []
  const add = async (name: string, write: typeof putKv, read: typeof putKv, url: string) => {
    // All keys exist before any is read.
    await writeEach(write(url))
    contenders.push({ name, target: read(url) })
  }
  await add('hive', putKv, getKv, (await hive.leader()).url)
  if (etcd) await add('etcd', putEtcd, getEtcd, (await etcd.leader()).url)
  const consistent = (url: string) => getKv(url, '?consistent')
  if (consul) await add('consul', putKv, consistent, (await consul.leader()).url)
  const figures: Figure[] = []
  for (const clients of [1, 64]) {
    const windows = await interleaved(room, contenders, clients)
    const what = `${clients} client${clients > 1 ? 's' : ''}`
    const goals = { etcd: clients === 64 ? { perSecond: 2 } : {} }
    figures.push(...compared('get', what, windows, goals))
  }
  return figures
}
