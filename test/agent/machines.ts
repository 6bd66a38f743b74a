import { Agent } from '../../src/agent/agent.ts'
import type { Backend } from '../../src/api/types.ts'
import { Cluster, type SimulatedNode } from '../sim/cluster.ts'
import { Simulation } from '../sim/simulation.ts'
import { Trace } from '../sim/trace.ts'

interface Answer<T> {
  settled: { readonly value: T } | { readonly error: Error } | undefined
}

/** Whole agents on simulated machines, without any trouble but what a test makes itself. */
export class Machines {
  readonly simulation: Simulation
  readonly cluster: Cluster
  readonly #agents = new Map<string, Agent>()

  constructor(seed = 1) {
    this.simulation = new Simulation(seed, new Trace(40))
    this.cluster = new Cluster(this.simulation, (parts, node) => {
      const agent = new Agent({ ...parts, version: '0.1.0', roleCatalog: [] })
      this.#agents.set(node.name, agent)
      return {
        start: () => agent.start(),
        stop: done => agent.stop(done),
        backend: agent.backend,
        raftStatus: () => agent.plane?.status(),
        get state() {
          return agent.plane?.state
        },
        swimMembers: () => agent.gossip.members(),
      }
    })
  }

  /** Nodes that know the first one as their seed, started. */
  start(...names: string[]): void {
    for (const name of names) {
      const [first] = this.cluster.nodes
      this.boot(this.cluster.addNode(name, { join: first ? [`${first.machine.ip}:4483`] : [] }))
    }
  }

  boot(node: SimulatedNode): void {
    this.cluster.start(node)
  }

  kill(name: string): void {
    this.cluster.crash(this.cluster.node(name), 'kill')
  }

  agent(name: string): Agent {
    return this.#agents.get(name)!
  }

  disk(name: string) {
    return this.cluster.node(name).disk
  }

  /** Runs on until it is so; throws when it is not within `patience`, ms of cluster time. */
  async until(what: string, so: () => boolean, patience = 30_000): Promise<void> {
    const { simulation } = this
    if (so()) return
    await simulation.run(simulation.now + patience, so)
    if (!so()) throw new Error(`not within ${patience} ms: ${what}\n${this.#story()}`)
  }

  async pass(ms: number): Promise<void> {
    await this.simulation.run(this.simulation.now + ms)
  }

  /** An operator's command, and its answer. */
  async ask<T>(name: string, command: (backend: Backend) => Promise<T>, patience = 150_000) {
    const answer = this.call(name, command)
    await this.until(`${name} answers`, () => answer.settled !== undefined, patience)
    const { settled } = answer
    if ('error' in settled!) throw settled.error
    return settled!.value
  }

  /** An operator's command that is not waited for. */
  call<T>(name: string, command: (backend: Backend) => Promise<T>): Answer<T> {
    const answer: Answer<T> = { settled: undefined }
    this.simulation.enter(this.cluster.node(name).process!.life, () => {
      command(this.agent(name).backend).then(
        value => {
          answer.settled = { value }
        },
        (error: Error) => {
          answer.settled = { error }
        },
      )
    })
    return answer
  }

  /** These found each other, and then the cluster was made, with `control` voting. */
  async initialise(names: readonly string[], control = names): Promise<void> {
    await this.until('all have met', () =>
      names.every(n => this.agent(n).gossip.members().length >= names.length - 1),
    )
    await this.ask(names[0]!, b => b.init({ name: 'prod', control, actor: 'test' }))
    await this.until('all are ready', () => names.every(n => this.phase(n) === 'ready'))
  }

  phase(name: string): string | undefined {
    return this.agent(name).view()?.self?.phase
  }

  leader(): string {
    const found = this.cluster.running().find(n => this.agent(n.name).plane?.isLeader())
    if (!found) throw new Error('nobody leads')
    return found.name
  }

  #story(): string {
    return this.simulation.trace.lines.join('\n')
  }
}
