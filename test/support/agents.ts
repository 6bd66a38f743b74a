import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect } from 'vitest'
import type { NodeState, StatusReport } from '../../src/api/types.ts'
import { AgentClient } from '../../src/client/agent-client.ts'
import { freePort } from './ports.ts'
import { type Ran, type Running, runScript, startScript } from './run.ts'

/**
 * Real agents: processes of `hive agent` on loopback with a directory each, driven through the command line as
 * operators do. What is waited for is asked over the agent's socket, which costs no process.
 */

/** HIVE_BIN: another build than the one in dist/. */
export const bin = process.env.HIVE_BIN ?? join(import.meta.dirname, '../../bin/hive.js')

/** Until something that agents do by themselves is seen; a busy machine needs some of it. */
const patience = 30_000
const pause = 40
/** What a killed agent's own end may take. */
const stopLimit = 10_000
/** Of its output, shown when a test fails. */
const shownLines = 60

export interface AgentOptions {
  readonly join?: readonly Agent[]
  readonly roles?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** False: --http off. */
  readonly http?: boolean
  /** Where HTTP listens; default 127.0.0.1. */
  readonly httpHost?: string
  /** No flags at all: everything comes from `env`. */
  readonly bare?: boolean
}

/** Looks until it holds, and returns what held. What is thrown by looking is one more thing that does not hold. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  holds: (seen: T) => boolean,
  limit = patience,
): Promise<T> {
  const deadline = performance.now() + limit
  for (;;) {
    const seen = await Promise.resolve()
      .then(look)
      .catch((error: unknown) => error as Error)
    if (!(seen instanceof Error) && holds(seen)) return seen
    if (performance.now() > deadline) {
      const last = seen instanceof Error ? seen.message : JSON.stringify(seen, null, 1)
      throw new Error(`not within ${limit / 1000} s: ${what}; last seen: ${last}`)
    }
    await new Promise(resolve => setTimeout(resolve, pause))
  }
}

/** One node: its directory and ports stay, its process comes and goes. */
export class Agent {
  readonly name: string
  readonly dir: string
  readonly port: number
  readonly http: number
  readonly #options: AgentOptions
  readonly #runs: Running[] = []
  /** What the next start runs. */
  build = bin

  constructor(name: string, dir: string, ports: readonly [number, number], options: AgentOptions) {
    this.name = name
    this.dir = dir
    this.port = ports[0]
    this.http = ports[1]
    this.#options = options
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  get socket(): string {
    return join(this.dir, 'agent.sock')
  }

  get pid(): number {
    return this.#run.child.pid!
  }

  /** Of the last start. */
  get output(): string {
    const { stdout, stderr } = this.#run.output
    return stdout + stderr
  }

  get ended(): Promise<Ran> {
    return this.#run.ended
  }

  get #run(): Running {
    const run = this.#runs.at(-1)
    if (!run) throw new Error(`${this.name} was never started`)
    return run
  }

  /** Asks without a process; for what is waited for. */
  get client(): AgentClient {
    return new AgentClient([{ kind: 'socket', path: this.socket }], 'test@here')
  }

  /** Starts the process; `more` is for this start only. */
  start(...more: string[]): this {
    const { args = [], env = {}, bare = false } = this.#options
    const flags = bare ? [] : this.#flags()
    // Its standard input is a pipe of this process: should that be killed, the agent stops by itself.
    const environment = { HIVE_EXIT_WITH_STDIN: '1', ...env }
    const all = ['agent', ...flags, ...args, ...more]
    this.#runs.push(startScript(this.build, all, { cwd: tmpdir(), env: environment }))
    return this
  }

  #flags(): string[] {
    const { join: seeds = [], roles = [], http = true, httpHost = '127.0.0.1' } = this.#options
    return [
      ...['--name', this.name, '--data-dir', this.dir],
      ...['--bind', this.address, '--http', http ? `${httpHost}:${this.http}` : 'off'],
      ...seeds.flatMap(seed => ['--join', seed.address]),
      ...roles.flatMap(role => ['--role', role]),
    ]
  }

  /** As its init system stops it. */
  async stop(): Promise<Ran> {
    this.#run.child.kill('SIGTERM')
    return this.ended
  }

  /** kill -9 */
  async kill(): Promise<void> {
    this.#run.child.kill('SIGKILL')
    await this.ended
  }

  signal(signal: NodeJS.Signals): void {
    this.#run.child.kill(signal)
  }

  /** A command line, asked of this agent. */
  hive(...args: string[]): Promise<Ran> {
    return hive({ HIVE_SOCKET: this.socket }, ...args)
  }

  /** The same with --json, as what it printed. */
  async json<T>(...args: string[]): Promise<T> {
    const { stdout, stderr } = await this.hive(...args, '--json')
    try {
      return JSON.parse(stdout) as T
    } catch {
      throw new Error(`hive ${args.join(' ')} --json printed no JSON: ${stdout}${stderr}`)
    }
  }

  /** A command that goes on until it is stopped. */
  watch(...args: string[]): Running {
    const run = startScript(bin, args, { cwd: tmpdir(), env: { HIVE_SOCKET: this.socket } })
    watching.push(run)
    return run
  }

  status(): Promise<StatusReport> {
    return this.client.status()
  }

  /** Waits until the agent answers. */
  async answers(): Promise<this> {
    await this.reports('it answers', () => true)
    return this
  }

  /** Waits until this agent sees the nodes so: `{n1: 'ready', n2: 'failed'}`. */
  async sees(states: Readonly<Record<string, NodeState>>): Promise<void> {
    const text = (pairs: [string, string][]) => JSON.stringify(pairs.sort())
    const wanted = text(Object.entries(states))
    const seen = ({ nodes }: StatusReport) => text(nodes.map(({ name, state }) => [name, state]))
    await this.reports(`it sees ${wanted}`, report => seen(report) === wanted)
  }

  /** Waits until this agent says so; the report that did is returned. */
  reports(what: string, holds: (report: StatusReport) => boolean): Promise<StatusReport> {
    return eventually(`${this.name}: ${what}`, () => this.status(), holds)
  }

  async states(): Promise<Record<string, NodeState>> {
    const { nodes } = await this.status()
    return Object.fromEntries(nodes.map(({ name, state }) => [name, state]))
  }

  get running(): boolean {
    const child = this.#runs.at(-1)?.child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** Whatever the test did: no process of this node is left. */
  async end(): Promise<void> {
    for (const { child, ended } of this.#runs) {
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), stopLimit)
      await ended
      clearTimeout(timer)
    }
  }

  said(): string {
    const runs = this.#runs.map(({ output }) => (output.stdout + output.stderr).trimEnd())
    const lines = runs.join('\n--- started again\n').split('\n').slice(-shownLines)
    return lines.map(line => `${this.name} | ${line}`).join('\n')
  }
}

const watching: Running[] = []
let agents: Agent[] = []
let folder: string | undefined

/** A command line as somebody types it, with nothing of the environment but this. */
export function hive(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> {
  return runScript(bin, args, { cwd: tmpdir(), env: { HOME: tmpdir(), ...env } })
}

/** A directory that is gone after the test. */
export function place(): string {
  folder ??= mkdtempSync(join(tmpdir(), 'hive-'))
  return folder
}

/** A node that is not started yet; `called`: its directory, when two are to have one name. */
export async function node(
  name: string,
  options: AgentOptions = {},
  called = name,
): Promise<Agent> {
  const dir = join(place(), called)
  const agent = new Agent(name, dir, [await freePort(), await freePort()], options)
  agents.push(agent)
  return agent
}

/** n1, n2, …: running zombies that know the first, see each other and answer. */
export async function zombies(count: number, options: AgentOptions = {}): Promise<Agent[]> {
  const first = (await node('n1', options)).start()
  const made = [first]
  for (let i = 2; i <= count; i++) {
    made.push((await node(`n${i}`, { join: [first], ...options })).start())
  }
  const seen = Object.fromEntries(made.map(({ name }) => [name, 'zombie' as const]))
  for (const agent of made) await agent.sees(seen)
  return made
}

/** The same, after an init; every agent knows all of them as ready. */
export async function cluster(
  count: number,
  control?: readonly string[],
  options: AgentOptions = {},
): Promise<Agent[]> {
  const made = await zombies(count, options)
  const named = control ? ['--control', control.join(',')] : []
  expect(await made[0]!.hive('init', '--name', 'prod', ...named)).toMatchObject({ code: 0 })
  await allReady(made)
  return made
}

export async function allReady(made: readonly Agent[]): Promise<void> {
  const ready = Object.fromEntries(made.map(({ name }) => [name, 'ready' as const]))
  for (const agent of made) {
    await agent.sees(ready)
    await agent.reports('there is a leader', ({ cluster: { leader, quorum } }) => {
      return leader !== null && quorum.reachable === quorum.voters
    })
  }
}

/** Who leads, as the first that runs says. */
export async function leaderOf(made: readonly Agent[]): Promise<Agent> {
  const report = await made
    .find(agent => agent.running)!
    .reports('there is a leader', ({ cluster, stale }) => cluster.leader !== null && !stale)
  return made.find(agent => agent.name === report.cluster.leader)!
}

async function endAll(): Promise<void> {
  for (const { child, ended } of watching.splice(0)) {
    child.kill('SIGKILL')
    await ended
  }
  const all = agents
  agents = []
  await Promise.all(all.map(agent => agent.end()))
  if (folder && existsSync(folder)) rmSync(folder, { recursive: true, force: true })
  folder = undefined
}

/** Call once in a file: agents live for a test, or with `shared` for the whole file. What they said is shown when a test fails. */
export function endsAgents(life: 'each' | 'shared' = 'each'): void {
  if (life === 'each') beforeEach(endAll)
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      for (const agent of agents) console.error(agent.said())
    }
    if (life === 'each') await endAll()
  })
  afterAll(endAll)
}
