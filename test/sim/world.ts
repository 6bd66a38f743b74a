import type { AgentParts as RealParts } from '../../src/agent/agent.ts'
import type { Backend, NodeState, StatusReport } from '../../src/api/types.ts'
import { utf8 } from '../../src/base/utf8.ts'
import type { Hello } from '../../src/net/handshake.ts'
import type { DialFailure } from '../../src/net/link-types.ts'
import { createLinks } from '../../src/net/links.ts'
import type { Credentials } from '../../src/net/security/credentials.ts'
import type { NodeFacts } from '../../src/store/types.ts'
import { wholeAgent } from './agent-variant.ts'
import { Caller, type CallResult } from './caller.ts'
import { newLife, SimulatedClock } from './clock.ts'
import { Cluster, gossipPort, type SimulatedNode } from './cluster.ts'
import { until } from './scenario.ts'
import { Simulation } from './simulation.ts'
import { SimulatedSockets } from './sockets.ts'
import { Trace } from './trace.ts'

/** What agents do by themselves is seen within this, ms. */
const patience = 60_000
const traceLines = 120

/**
 * A few machines and whole agents on them, in one process and without a wall clock: for stories that are
 * told step by step. What is random comes from the seed.
 */
export class World {
  readonly simulation: Simulation
  readonly cluster: Cluster
  readonly caller: Caller
  readonly #lines = new Trace(traceLines)

  /** `more`: what an agent is made with beyond what machines lend it. */
  constructor(seed = 1, more: (name: string) => Partial<RealParts> = () => ({})) {
    this.simulation = new Simulation(seed, this.#lines)
    this.cluster = new Cluster(this.simulation, (parts, node) => wholeAgent(parts, more(node.name)))
    this.caller = new Caller(this.cluster)
  }

  /** A machine whose agent starts at once. */
  add(name: string, join: readonly string[] = [], roles: readonly string[] = []): SimulatedNode {
    const node = this.cluster.addNode(name, { join, roles })
    this.cluster.start(node)
    return node
  }

  node(name: string): SimulatedNode {
    return this.cluster.node(name)
  }

  start(...names: string[]): void {
    for (const name of names) this.cluster.start(this.node(name))
  }

  kill(...names: string[]): void {
    for (const name of names) this.cluster.crash(this.node(name), 'kill')
  }

  /** Only those in the same group hear each other. */
  split(...groups: readonly (readonly string[])[]): void {
    const machines = groups.map(names => names.map(name => this.node(name).machine))
    this.cluster.network.partition(machines)
  }

  heal(): void {
    this.cluster.network.heal()
  }

  run(ms: number): Promise<void> {
    return this.simulation.run(this.simulation.now + ms)
  }

  /** Runs until it holds; throws with the end of the trace if it does not come to that. */
  async until(what: string, holds: () => boolean, within = patience): Promise<void> {
    if (await until(this.simulation, within, holds, 1)) return
    throw this.failure(`not within ${within} ms: ${what}`)
  }

  failure(what: string): Error {
    return new Error(`${what}\n${this.#lines.lines.join('\n')}`)
  }

  get trace(): readonly string[] {
    return this.#lines.lines
  }

  /** What the backend of that node's agent answers; rejects with its refusal. */
  async ask<T>(name: string, invoke: (backend: Backend) => Promise<T>): Promise<T> {
    let result: CallResult<T> | undefined
    this.caller.call(this.node(name), 'ask', invoke, r => {
      result = r
    })
    if (!(await until(this.simulation, 200_000, () => result !== undefined, 20))) {
      throw this.failure(`${name} does not answer`)
    }
    if (result?.how === 'answered') return result.value
    if (result?.how === 'refused') throw result.error
    throw this.failure(`${name} went away before it answered`)
  }

  status(name: string): Promise<StatusReport> {
    return this.ask(name, backend => backend.status())
  }

  /** Asks for the status until it says so. */
  async sees(
    name: string,
    what: string,
    holds: (report: StatusReport) => boolean,
  ): Promise<StatusReport> {
    const deadline = this.simulation.now + patience
    let report = await this.status(name)
    while (!holds(report)) {
      if (this.simulation.now > deadline) {
        throw this.failure(`${name} does not see ${what}: ${JSON.stringify(report, undefined, 1)}`)
      }
      await this.run(200)
      report = await this.status(name)
    }
    return report
  }

  async states(name: string, wanted: Readonly<Record<string, NodeState>>): Promise<void> {
    const text = JSON.stringify(wanted)
    await this.sees(name, text, ({ nodes }) => {
      const shown = nodes
        .map(n => [n.name, n.state] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
      return JSON.stringify(Object.fromEntries(shown)) === text
    })
  }

  /** New nodes that see each other, before any init. */
  async zombies(names: readonly string[]): Promise<void> {
    for (const each of names) this.add(each, names.filter(n => n !== each).slice(0, 3))
    await this.until('the zombies see each other', () =>
      names.every(n => this.node(n).process?.agent.swimMembers().length === names.length - 1),
    )
  }

  /** n1, n2, … of one cluster with the first three as control nodes, all ready. */
  async cluster3(more: readonly string[] = [], name = 'prod', prefix = 'n'): Promise<void> {
    const control = [1, 2, 3].map(i => `${prefix}${i}`)
    const all = [...control, ...more]
    await this.zombies(all)
    await this.ask(control[0]!, backend => backend.init({ name, control, actor: 'test' }))
    const ready = Object.fromEntries(all.toSorted().map(n => [n, 'ready' as const]))
    for (const each of all) await this.states(each, ready)
  }

  put(name: string, key: string, value: string) {
    return this.ask(name, backend =>
      backend.kvPut({ key, value: utf8(value), flags: 0, actor: 'test' }),
    )
  }

  /** Null: no such key. */
  async get(name: string, key: string, consistency: 'default' | 'stale' = 'default') {
    const { entries } = await this.ask(name, b => b.kvRead({ key, recurse: false, consistency }))
    return entries[0] ? new TextDecoder().decode(entries[0].value) : null
  }

  facts(name: string): NodeFacts {
    return JSON.parse(this.node(name).disk.facts!) as NodeFacts
  }

  /** Of a node that is down. */
  setFacts(name: string, change: (facts: NodeFacts) => NodeFacts): void {
    const { disk, process } = this.node(name)
    if (process) throw new Error(`${name} runs`)
    disk.facts = JSON.stringify(change(JSON.parse(disk.facts!) as NodeFacts))
  }

  /** Somebody who says this of itself, with such papers or none, and dials `to`; how it ends. */
  async knock(to: string, hello: Partial<Hello>, credentials?: Credentials): Promise<Knock> {
    const name = `stranger${++this.#strangers}`
    const machine = this.cluster.network.addMachine(name)
    const life = newLife(name)
    const clock = new SimulatedClock(this.simulation, life)
    let knock: Knock | undefined
    const links = createLinks({
      sockets: new SimulatedSockets(
        this.cluster.network,
        machine,
        life,
        credentials && {
          credentials: () => credentials,
          open: () => false,
          wall: () => clock.wall(),
        },
      ),
      clock,
      random: this.simulation.dice(name),
      handlers: {
        hello: () => ({ ...helloOf(name, this.#strangers, machine.ip, clock.wall()), ...hello }),
        validate: () => ({ outcome: 'welcome' }),
        connected: () => (knock = { outcome: 'welcome' }),
        disconnected() {},
        dialFailed: (_at, _id, failure) => {
          knock = { outcome: 'failed', failure }
        },
        raft() {},
        swim() {},
        request: (_from, _method, _body, _blob, answer) =>
          answer({ ok: false, code: 'BAD_REQUEST', message: 'a stranger' }),
        notice() {},
        foreign() {},
      },
    })
    this.simulation.enter(life, () =>
      links.dialSeed({ host: this.node(to).machine.ip, port: gossipPort }),
    )
    await this.until(`${name} hears of ${to}`, () => knock !== undefined)
    await this.run(20)
    this.simulation.enter(life, () => links.close())
    await this.run(20)
    return knock!
  }
  #strangers = 0
}

export type Knock =
  | { readonly outcome: 'welcome' }
  | { readonly outcome: 'failed'; readonly failure: DialFailure }

function helloOf(name: string, n: number, host: string, wall: number): Hello {
  return {
    protocolMin: 1,
    protocolMax: 1,
    version: '0.1.0',
    id: `01980000-0000-7000-9000-${String(n).padStart(12, '0')}`,
    name,
    address: { host, port: gossipPort },
    incarnation: 1,
    roles: [],
    dc: 'dc1',
    busy: false,
    proof: { clock: String(wall) },
  }
}
