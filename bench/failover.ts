import { type Contest, withContest } from './contest.ts'
import type { Figure } from './figures.ts'
import { ask } from './http.ts'
import type { Cluster } from './member.ts'
import { sleep } from './processes.ts'
import type { Bench, Room } from './room.ts'

/** The leader dies by kill -9: how long until a survivor acknowledges a write? */
export const failover: Bench = {
  name: 'failover',
  summary: 'kill -9 of the leader until the first acknowledged write, beside etcd and Consul',
  run: room => withContest(room, contest => measure(room, contest)),
}

/** A write is tried on every survivor so often, ms, whatever became of those before. */
const period = 10
const patience = 30_000

async function measure(room: Room, contest: Contest): Promise<Figure[]> {
  const millis = new Map<string, number[]>(contest.all.map(({ name }) => [name, []]))
  const trials = room.quick ? 1 : Math.max(5, room.repeats)
  for (let i = 0; i < trials; i++) {
    for (const cluster of contest.all) {
      const took = await trial(cluster, write(cluster.name, i))
      millis.get(cluster.name)!.push(took)
      room.say(`${cluster.name}: first write acknowledged ${took.toFixed(0)} ms after the kill`)
    }
  }
  const hive = millis.get('hive')!
  const base = {
    bench: 'failover',
    what: 'kill -9 of the leader',
    unit: 'ms',
    better: 'less',
  } as const
  const peers = contest.all.filter(({ name }) => name !== 'hive')
  if (peers.length === 0) return [{ ...base, hive }]
  return peers.map(({ name }) => ({
    ...base,
    hive,
    peer: { name, values: millis.get(name)! },
    ...(name === 'etcd' && { goal: 1 }),
  }))
}

type Write = (url: string) => Promise<boolean>

function write(cluster: string, i: number): Write {
  const key = Buffer.from(`failover/${i}`).toString('base64')
  const [method, path, body] =
    cluster === 'etcd'
      ? (['POST', '/v3/kv/put', `{"key":"${key}","value":"${key}"}`] as const)
      : (['PUT', `/v1/kv/failover/${i}`, `value ${Date.now()}`] as const)
  return async url => {
    const answer = await ask(url + path, { method, body, timeout: 2000 })
    return answer.status === 200 && answer.text !== 'false'
  }
}

async function trial(cluster: Cluster, attempt: Write): Promise<number> {
  await cluster.whole()
  // A moment in which everybody hears a heartbeat.
  await sleep(1500)
  const leader = await cluster.leader()
  const survivors = cluster.members.filter(member => member !== leader)
  const from = performance.now()
  await leader.kill()
  const until = await new Promise<number>((resolve, reject) => {
    const timer = setInterval(() => {
      if (performance.now() - from > patience) {
        clearInterval(timer)
        reject(new Error(`${cluster.name} took no write within ${patience} ms`))
      }
      for (const { url } of survivors) attempt(url).then(taken, () => {})
    }, period)
    const taken = (ok: boolean) => {
      if (!ok) return
      clearInterval(timer)
      resolve(performance.now())
    }
  })
  leader.restart()
  await cluster.whole()
  return until - from
}
