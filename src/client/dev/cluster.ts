import { relative } from 'node:path'
import type { StatusReport } from '../../api/types.ts'
import { OperatorError } from '../../base/errors.ts'
import type { Millis } from '../../base/time.ts'
import { AgentClient } from '../agent-client.ts'
import { DevChild } from './child.ts'
import { lockDir } from './lock.ts'
import { type DevNode, planFor } from './plan.ts'

/** Until all agents see each other and the cluster is active; a slow machine under load needs some of it. */
const startLimit: Millis = 60_000
const pause: Millis = 100

/** A cluster of real agents on this machine, for one person. */
export class DevCluster {
  readonly dir: string
  readonly children: readonly DevChild[]
  readonly #unlock: () => void

  private constructor(dir: string, children: readonly DevChild[], unlock: () => void) {
    this.dir = dir
    this.children = children
    this.#unlock = unlock
  }

  /** Starts all agents; rejects with OperatorError if the directory is in use or damaged. */
  static async start(
    where: string,
    nodes: number | undefined,
    script = process.argv[1]!,
  ): Promise<DevCluster> {
    // The path of a socket is at most 107 bytes long, so the shorter form is used.
    const dir = shorter(where, relative(process.cwd(), where) || '.')
    const unlock = await lockDir(dir)
    try {
      const plan = await planFor(dir, nodes)
      const seed = plan.nodes[0]!
      const children = plan.nodes.map(node => {
        const dataDir = `${dir}/${node.name}`
        return new DevChild(node, dataDir, agentArgs(node, seed, dataDir), script)
      })
      return new DevCluster(dir, children, unlock)
    } catch (error) {
      unlock()
      throw error
    }
  }

  /** Any agent that answers, the first first. */
  get agent(): AgentClient {
    return new AgentClient(this.children.map(child => ({ kind: 'socket', path: child.socket })))
  }

  /** Resolves once the agents are an active cluster. Rejects with what stands in the way. */
  async ready(say: (text: string) => void): Promise<StatusReport> {
    const count = this.children.length
    const zombies = await this.#until(
      report => report.cluster.state !== 'zombie' || report.nodes.length >= count,
    )
    if (zombies.cluster.state === 'zombie') {
      say(`${count} agents see each other; making them a cluster`)
      await this.agent.init({ name: 'dev' })
    }
    return this.#until(isWhole(count))
  }

  /** The agents' end, in good order; their data stays. */
  async stop(): Promise<void> {
    await Promise.all(this.children.map(child => child.stop()))
    this.#unlock()
  }

  async #until(holds: (report: StatusReport) => boolean): Promise<StatusReport> {
    const deadline = performance.now() + startLimit
    let last = 'no agent has answered'
    while (performance.now() < deadline) {
      const dead = this.children.find(child => child.end !== null)
      if (dead) throw died(dead)
      try {
        const report = await this.agent.status()
        if (holds(report)) return report
        last = `${report.nodes.length} of ${this.children.length} nodes are in sight, the cluster is ${report.cluster.state}`
      } catch (error) {
        last = (error as Error).message
      }
      await new Promise(resolve => setTimeout(resolve, pause))
    }
    const message = `the agents were not a cluster after ${startLimit / 1000} s: ${last}`
    throw new OperatorError('TIMEOUT', message, `look at what they said: ${this.dir}/*/agent.log`)
  }
}

export function died(child: DevChild): OperatorError {
  const message = `agent ${child.node.name} ${child.end}; it said:\n${child
    .tail(8)
    .map(line => `  | ${line}`)
    .join('\n')}`
  return new OperatorError('DATA_DIR', message, `all of it: ${child.dataDir}/agent.log`)
}

function isWhole(count: number): (report: StatusReport) => boolean {
  return ({ cluster, nodes }) =>
    cluster.state === 'active' &&
    cluster.leader !== null &&
    nodes.filter(node => node.state === 'ready').length >= count
}

function agentArgs(node: DevNode, seed: DevNode, dataDir: string): string[] {
  const at = (port: number) => `127.0.0.1:${port}`
  const join = node === seed ? [] : ['--join', at(seed.gossip)]
  return [
    '--name',
    node.name,
    '--data-dir',
    dataDir,
    '--bind',
    at(node.gossip),
    '--http',
    at(node.http),
    ...join,
  ]
}

function shorter(a: string, b: string): string {
  return b.length < a.length ? b : a
}
