import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask } from './http.ts'
import { type Cluster, Member } from './member.ts'
import { freePorts } from './ports.ts'
import { start, until, which } from './processes.ts'

/** Undefined: etcd is not installed. Its own defaults: heartbeat 100 ms, election 1000 ms. */
export async function startEtcd(dir: string): Promise<Cluster | undefined> {
  const etcd = which('etcd')
  if (!etcd) return undefined
  const ports = await freePorts(6)
  const peers = [0, 1, 2].map(i => `http://127.0.0.1:${ports[i]}`)
  const clients = [0, 1, 2].map(i => `http://127.0.0.1:${ports[3 + i]}`)
  mkdirSync(dir, { recursive: true })
  const cluster = peers.map((url, i) => `m${i}=${url}`).join(',')
  const launch = (i: number) => () =>
    start(
      etcd,
      [
        ...['--name', `m${i}`, '--data-dir', join(dir, `m${i}`)],
        ...['--listen-peer-urls', peers[i]!, '--initial-advertise-peer-urls', peers[i]!],
        ...['--listen-client-urls', clients[i]!, '--advertise-client-urls', clients[i]!],
        ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
        ...['--initial-cluster-token', `bench-${ports[0]}`],
        ...['--log-level', 'error', '--logger', 'zap'],
      ],
      { log: join(dir, `m${i}.log`) },
    )
  const members = clients.map((url, i) => new Member(url, launch(i)))
  const statusOf = async (member: Member) => {
    const answer = await ask(`${member.url}/v3/maintenance/status`, { method: 'POST', body: '{}' })
    return JSON.parse(answer.text) as { header: { member_id: string }; leader?: string }
  }
  return started({
    name: 'etcd',
    members,
    leader: () =>
      until('etcd has a leader', 20_000, async () => {
        for (const member of members) {
          if (!member.alive) continue
          const { header, leader } = await statusOf(member)
          if (leader !== undefined && header.member_id === leader) return member
        }
        return undefined
      }),
    whole: async () => {
      await until('etcd is whole', 30_000, async () => {
        const seen = await Promise.all(members.map(statusOf))
        return seen.every(s => s.leader !== undefined && s.leader !== '0') ? true : undefined
      })
    },
    stop: async () => void (await Promise.all(members.map(member => member.end()))),
  })
}

/** Where `consul` is: on the path, or below $PEERS_DIR. */
function consulPath(): string | undefined {
  const fetched = join(process.env.PEERS_DIR ?? '', 'consul/root/usr/bin/consul')
  return which('consul') ?? (process.env.PEERS_DIR && existsSync(fetched) ? fetched : undefined)
}

/** Undefined: Consul is not installed. `raft_multiplier` 1 is its setting for speed. */
export async function startConsul(dir: string): Promise<Cluster | undefined> {
  const consul = consulPath()
  if (!consul) return undefined
  const ports = await freePorts(12)
  const joins = [0, 1, 2].map(i => `127.0.0.1:${ports[i * 4 + 2]}`)
  const members = [0, 1, 2].map(i => {
    const data = join(dir, `c${i}`)
    mkdirSync(data, { recursive: true })
    const file = join(dir, `c${i}.json`)
    const [http, server, serfLan, dns] = ports.slice(i * 4, i * 4 + 4)
    const config = {
      node_name: `c${i}`,
      server: true,
      bootstrap_expect: 3,
      data_dir: data,
      bind_addr: '127.0.0.1',
      client_addr: '127.0.0.1',
      log_level: 'err',
      disable_host_node_id: true,
      ports: { http, server, serf_lan: serfLan, serf_wan: -1, dns, grpc: -1 },
      retry_join: joins,
      retry_interval: '1s',
      performance: { raft_multiplier: 1 },
      limits: { http_max_conns_per_client: 2000, rpc_max_conns_per_client: 2000 },
      disable_update_check: true,
      connect: { enabled: false },
    }
    writeFileSync(file, JSON.stringify(config))
    const log = join(dir, `c${i}.log`)
    const launch = () => start(consul, ['agent', `-config-file=${file}`], { log })
    return { member: new Member(`http://127.0.0.1:${http}`, launch), server: String(server) }
  })
  const leaderOf = async (url: string) => {
    const answer = await ask(`${url}/v1/status/leader`)
    return answer.status === 200 ? (JSON.parse(answer.text) as string).split(':').at(-1)! : ''
  }
  return started({
    name: 'consul',
    members: members.map(({ member }) => member),
    leader: () =>
      until('consul has a leader', 20_000, async () => {
        const port = await leaderOf(members.find(m => m.member.alive)!.member.url)
        return members.find(m => m.server === port && m.member.alive)?.member
      }),
    whole: async () => {
      await until('consul is whole', 30_000, async () => {
        const seen = await Promise.all(members.map(m => leaderOf(m.member.url)))
        return seen.every(port => port !== '' && port === seen[0]) ? true : undefined
      })
    },
    stop: async () => void (await Promise.all(members.map(({ member }) => member.end()))),
  })
}

async function started(cluster: Cluster): Promise<Cluster> {
  await cluster.leader()
  await cluster.whole()
  return cluster
}
