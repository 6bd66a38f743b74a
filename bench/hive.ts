import { join } from 'node:path'
import type { StatusReport } from '../src/api/types.ts'
import { ask, askJson } from './http.ts'
import { type Cluster, Member } from './member.ts'
import { freePorts } from './ports.ts'
import { type Started, start, until } from './processes.ts'

/** One agent of the cluster under test: a real process. */
export class HiveNode extends Member {
  readonly name: string

  constructor(name: string, url: string, launch: () => Started) {
    super(url, launch)
    this.name = name
  }

  status(timeout = 3000): Promise<StatusReport> {
    return askJson<StatusReport>(`${this.url}/v1/hive/status`, { timeout })
  }
}

export class HiveCluster implements Cluster {
  readonly name = 'hive'
  readonly members: readonly HiveNode[]

  private constructor(nodes: readonly HiveNode[]) {
    this.members = nodes
  }

  /** Agents on loopback, initialised; resolves once all are ready and know of each other. */
  static async start(script: string, dir: string, count: number): Promise<HiveCluster> {
    const ports = await freePorts(count * 2)
    const seed = `127.0.0.1:${ports[0]}`
    const nodes: HiveNode[] = []
    for (let i = 0; i < count; i++) {
      const name = `n${i + 1}`
      const gossip = `127.0.0.1:${ports[i * 2]}`
      const http = `127.0.0.1:${ports[i * 2 + 1]}`
      const data = join(dir, name)
      const args = ['agent', '--name', name, '--data-dir', data, '--bind', gossip, '--http', http]
      if (i > 0) args.push('--join', seed)
      args.push('--log-level', 'warn')
      const log = join(dir, `${name}.log`)
      const launch = () => start(process.execPath, [script, ...args], { log })
      nodes.push(new HiveNode(name, `http://${http}`, launch))
    }
    const cluster = new HiveCluster(nodes)
    await until('all agents see each other', 60_000, async () => {
      const report = await nodes[0]!.status()
      return report.nodes.length >= count ? report : undefined
    })
    const init = `${nodes[0]!.url}/v1/hive/init`
    const { status, text } = await ask(init, {
      method: 'POST',
      body: '{"name":"bench"}',
      timeout: 20_000,
    })
    if (status !== 200) throw new Error(`hive init: ${status} ${text}`)
    await cluster.whole()
    return cluster
  }

  /** Resolves once every node that runs says that all nodes are ready and the quorum is whole. */
  async whole(): Promise<void> {
    await until('the cluster is whole', 60_000, async () => {
      for (const node of this.members) {
        const { cluster, nodes, stale } = await node.status()
        const settled =
          nodes.length === this.members.length && nodes.every(n => n.state === 'ready')
        const { voters, reachable } = cluster.quorum
        if (stale || !settled || cluster.state !== 'active' || reachable !== voters)
          return undefined
      }
      return true
    })
  }

  async leader(): Promise<HiveNode> {
    return until('there is a leader', 20_000, async () => {
      const { cluster } = await this.members.find(n => n.alive)!.status()
      return this.members.find(n => n.name === cluster.leader && n.alive)
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(node => node.end()))
  }
}
