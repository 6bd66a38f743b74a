import { relative } from 'node:path'
import type { NodeState, StatusReport } from '../../api/types.ts'
import { OperatorError } from '../../base/errors.ts'
import type { Millis } from '../../base/time.ts'
import { AgentClient } from '../agent-client.ts'
import { DevChild } from './child.ts'
import { configFor } from './config-file.ts'
import { lockDir } from './lock.ts'
import { planFor } from './plan.ts'

/** Until all agents see each other; a slow machine under load needs some of it. */
const startLimit: Millis = 60_000
/** Until nobody is on the way any more; after that the view is shown as it is. */
const settleLimit: Millis = 15_000
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
        return new DevChild(node.name, dataDir, configFor(node, seed, dataDir), script)
      })
      return new DevCluster(dir, children, unlock)
    } catch (error) {
      unlock()
      throw error
    }
  }

  /** Any agent that answers, the first first. */
  get agent(): AgentClient {
    return new AgentClient(this.children.map(({ socket }) => ({ kind: 'socket', path: socket })))
  }

  /** Resolves once the agents are a cluster. Rejects with what stands in the way. */
  async ready(say: (text: string) => void): Promise<void> {
    const count = this.children.length
    const first = await this.#until(
      startLimit,
      ({ cluster, nodes }) => cluster.state !== 'zombie' || nodes.length >= count,
    )
    if (first.cluster.state === 'zombie') {
      say(`${count} agents see each other; making them a cluster`)
      await this.agent.init({ name: 'dev' })
    }
    await this.#until(settleLimit, isSettled).catch(() => {})
  }

  /** Starts again who ended. */
  restartEnded(): void {
    for (const child of this.children) child.restart()
  }

  /** The agents' end, in good order; their data stays. */
  async stop(limit?: Millis): Promise<void> {
    await Promise.all(this.children.map(child => child.stop(limit)))
    this.#unlock()
  }

  async #until(limit: Millis, holds: (report: StatusReport) => boolean): Promise<StatusReport> {
    const deadline = performance.now() + limit
    let last = 'no agent has answered'
    while (performance.now() < deadline) {
      const dead = this.children.find(child => child.end !== null)
      if (dead) throw died(dead)
      try {
        const report = await this.agent.status()
        if (holds(report)) return report
        last = `${report.nodes.length} of ${this.children.length} nodes are in sight`
      } catch (error) {
        last = (error as Error).message
      }
      await new Promise(resolve => setTimeout(resolve, pause))
    }
    const message = `the agents were not a cluster after ${limit / 1000} s: ${last}`
    throw new OperatorError('TIMEOUT', message, `see what they said: ${this.dir}/*/agent.log`)
  }
}

function died(child: DevChild): OperatorError {
  const said = child.tail(8).map(line => `\n  | ${line}`)
  const message = `agent ${child.name} ${child.end}; it said:${said.join('')}`
  return new OperatorError('DATA_DIR', message, `all of it: ${child.dataDir}/agent.log`)
}

const onTheWay: readonly NodeState[] = [
  'zombie',
  'validating',
  'recovering',
  'unreachable',
  'failed',
]

function isSettled({ cluster, nodes }: StatusReport): boolean {
  const { reachable, voters } = cluster.quorum
  const whole = cluster.state === 'active' && reachable === voters
  return whole && !nodes.some(node => onTheWay.includes(node.state))
}

function shorter(a: string, b: string): string {
  return b.length < a.length ? b : a
}
