import type { ControlPlane } from '../../src/agent/control/control-plane.ts'
import type { AgentConfig } from '../../src/agent/process/config.ts'
import { parseIdentity } from '../../src/agent/trust/identity.ts'
import { Security } from '../../src/agent/trust/security.ts'
import type { Backend } from '../../src/api/types.ts'
import { OperatorError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import type { Clock } from '../../src/base/time.ts'
import type { Trace as AgentTrace } from '../../src/base/trace.ts'
import { parseJoinToken } from '../../src/net/security/token.ts'
import type { RaftStatus } from '../../src/raft/types.ts'
import type { State } from '../../src/state/state.ts'
import type { Member } from '../../src/swim/types.ts'
import { newLife, SimulatedClock, type Watch } from './clock.ts'
import { Disk, SimulatedStorage } from './disk.ts'
import { type Machine, Network } from './network.ts'
import { simulatedNotary } from './notary.ts'
import type { Life } from './queue.ts'
import type { Simulation } from './simulation.ts'
import { SimulatedSockets } from './sockets.ts'

/** Hands that the simulator lends to an agent: all that it has of the world. */
export interface AgentParts {
  readonly clock: Clock
  readonly random: Random
  readonly sockets: SimulatedSockets
  readonly storage: SimulatedStorage
  readonly config: AgentConfig
  /** Undefined: connections prove nothing, as on loopback. */
  readonly security?: Security
  readonly trace: AgentTrace
}

/** What the simulator asks of an agent. `src/agent` has the real one; tests have small ones with known faults. */
export interface SimulatedAgent {
  start(): void
  /** Graceful; `done` when nothing is left to do. */
  stop(done: () => void): void
  readonly backend: Backend
  /** undefined: in no raft group. */
  raftStatus(): RaftStatus | undefined
  readonly state: SimulatedState | undefined
  swimMembers(): readonly Member[]
  /** Writes an event into the log, on the leader. */
  propose?: ControlPlane['propose']
}

/** What checkers read of an agent's state. */
export type SimulatedState = Pick<
  State,
  'applied' | 'nodes' | 'fingerprint' | 'tombstones' | 'cluster' | 'voters' | 'observers'
> &
  Partial<Pick<State, 'gossipKeys' | 'stopped'>>

export type MakeAgent = (parts: AgentParts, node: SimulatedNode) => SimulatedAgent

/** One process of a node, from start to end. */
export interface Process {
  readonly life: Life
  readonly agent: SimulatedAgent
  readonly sockets: SimulatedSockets
  readonly storage: SimulatedStorage
  stopping: boolean
  readonly since: number
}

/** A machine with a disk and a clock, and the agent that runs on it, if it runs. */
export interface SimulatedNode {
  readonly name: string
  readonly machine: Machine
  readonly disk: Disk
  readonly watch: Watch
  /** Seeds that the agent is started with. */
  readonly join: readonly string[]
  readonly roles: readonly string[]
  /** What the agent is started with; undefined: neither secret nor key. */
  secret: string | undefined
  /** A join token that it is started with. */
  token: string | undefined
  /** Port that the agent is started on. */
  port: number
  process: Process | undefined
  boots: number
  /** Its operator had it leave, or it is lost: it is not to be started again. */
  gone: boolean
  /** It runs the build before this one, as far as events go. */
  old: boolean
}

/** How long a graceful stop may take before the operator loses patience, ms. */
const stopPatience = 5_000
export const gossipPort = 4483

export class Cluster {
  readonly simulation: Simulation
  readonly network: Network
  /** Agents find each other at new addresses. */
  movable = true
  /** How long certificates count, ms. */
  certificateLife = 30 * 86_400_000
  /** Every control node makes a snapshot this often, ms. */
  snapshotEvery = 6 * 3_600_000
  /** Of nodes that are added with none of their own. */
  secret: string | undefined
  readonly #make: MakeAgent
  readonly #dice: Random
  readonly #nodes = new Map<string, SimulatedNode>()
  readonly #byLife = new Map<Life, SimulatedNode>()
  /** Hear that a process ended, however: nobody will hear its answers. */
  readonly onEnd: ((node: SimulatedNode, process: Process) => void)[] = []
  /** Hear of each machine that is added. */
  readonly onAdded: ((node: SimulatedNode) => void)[] = []
  /** What an agent says of itself, for readers. */
  readonly #verbose: boolean

  constructor(simulation: Simulation, make: MakeAgent, verbose = false) {
    this.simulation = simulation
    this.network = new Network(simulation)
    this.#make = make
    this.#dice = simulation.dice('cluster')
    this.#verbose = verbose
  }

  get nodes(): readonly SimulatedNode[] {
    return [...this.#nodes.values()]
  }

  /** Nodes whose process runs and is not on its way out. */
  running(): SimulatedNode[] {
    return this.nodes.filter(n => n.process !== undefined && !n.process.stopping)
  }

  node(name: string): SimulatedNode {
    const node = this.#nodes.get(name)
    if (node === undefined) throw new Error(`no node ${name} in this simulation`)
    return node
  }

  nodeOf(life: Life): SimulatedNode | undefined {
    return this.#byLife.get(life)
  }

  addNode(
    name: string,
    options: {
      join?: readonly string[]
      roles?: readonly string[]
      secret?: string
      /** Instead of the secret. */
      token?: string
    } = {},
  ): SimulatedNode {
    const node: SimulatedNode = {
      name,
      machine: this.network.addMachine(name),
      disk: new Disk(this.simulation, name),
      watch: {
        rate: 1 + (this.#dice.next() - 0.5) * 4e-4,
        skew: (this.#dice.next() - 0.5) * 200,
      },
      join: options.join ?? [],
      roles: options.roles ?? [],
      secret: options.token === undefined ? (options.secret ?? this.secret) : undefined,
      token: options.token,
      port: gossipPort,
      process: undefined,
      boots: 0,
      gone: false,
      old: false,
    }
    this.#nodes.set(name, node)
    for (const hear of this.onAdded) hear(node)
    return node
  }

  start(node: SimulatedNode): void {
    if (node.process !== undefined || node.gone) return
    node.boots++
    this.network.powerOn(node.machine)
    const life = newLife(node.name)
    const { simulation } = this
    const dice = simulation.dice(`node ${node.name} boot ${node.boots}`)
    const clock = new SimulatedClock(simulation, life, node.watch, dice.below(1_000_000))
    const security = this.#asProcess(node, () => ({ of: this.#securityOf(node, dice) }))
    if (security === undefined) return void simulation.end(life)
    const sockets = new SimulatedSockets(
      this.network,
      node.machine,
      life,
      security.of && {
        credentials: () => security.of!.credentials,
        open: () => security.of!.open,
        wall: () => clock.wall(),
      },
    )
    const storage = new SimulatedStorage(node.disk, life)
    const trace = this.#traceOf(node)
    const config = {
      ...configOf(node),
      certificateLife: this.certificateLife,
      snapshotEvery: this.snapshotEvery,
    }
    simulation.trace.say(simulation.now, node.name, `start, boot ${node.boots}`)
    const agent = this.#asProcess(node, () =>
      this.#make(
        {
          ...{ clock, random: dice.fork(), sockets, storage, config, trace },
          ...(security.of && { security: security.of }),
        },
        node,
      ),
    )
    if (agent === undefined) return void simulation.end(life)
    node.process = { life, agent, sockets, storage, stopping: false, since: simulation.now }
    this.#byLife.set(life, node)
    simulation.after(0, () => this.#begin(node, agent), life)
  }

  #begin(node: SimulatedNode, agent: SimulatedAgent): void {
    const { process } = node
    const begun = this.#asProcess(node, () => {
      agent.start()
      return true
    })
    if (begun || !process) return
    process.storage.crash()
    this.#ended(node, process, 'fin')
  }

  #securityOf({ name, disk, secret, token }: SimulatedNode, dice: Random): Security | undefined {
    if (secret === undefined && token === undefined && disk.identity === undefined) return undefined
    return new Security({
      notary: simulatedNotary(this.simulation.dice(`notary ${name} ${dice.below(2 ** 32)}`)),
      store: {
        read: () => (disk.identity === undefined ? undefined : parseIdentity(disk.identity)),
        write(identity) {
          disk.demand('identity')
          disk.identity = JSON.stringify(identity)
        },
      },
      loopback: false,
      ...(secret !== undefined && { secret }),
      ...(token !== undefined && { token: parseJoinToken(token) }),
    })
  }

  /** A disk that does not work ends a process before it begins; anything else is a bug. */
  #asProcess<T>(node: SimulatedNode, begin: () => T): T | undefined {
    try {
      return begin()
    } catch (error) {
      if (!(error instanceof OperatorError) || !node.disk.failing) throw error
      this.simulation.trace.say(this.simulation.now, node.name, `does not start: ${error.message}`)
      return undefined
    }
  }

  /** kill -9 (the kernel closes what was open), or the power goes (nobody says anything). */
  crash(node: SimulatedNode, how: 'kill' | 'power'): void {
    const { process } = node
    if (process === undefined) return
    this.simulation.trace.say(
      this.simulation.now,
      node.name,
      how === 'kill' ? 'kill -9' : 'power off',
    )
    process.storage.crash()
    if (how === 'power') this.network.powerOff(node.machine)
    const goodbye = this.#dice.next() < 0.5 ? 'fin' : 'reset'
    this.#ended(node, process, how === 'power' ? 'silent' : goodbye)
  }

  /** SIGTERM. A process that is not done in time ends as it is; on a healthy machine that is a fault of its own. */
  stop(node: SimulatedNode, done: () => void = () => {}): void {
    const { process } = node
    if (process === undefined || process.stopping) return
    const { simulation } = this
    const told = simulation.now
    const { habits } = node.disk
    const slow = habits.slowness > 1
    simulation.trace.say(told, node.name, 'stop')
    process.stopping = true
    const ended = (how: string): void => {
      impatient.cancel()
      if (!process.life.alive) return
      simulation.trace.say(simulation.now, node.name, how)
      process.storage.crash()
      this.#ended(node, process, 'fin')
      done()
    }
    const impatient = simulation.after(
      stopPatience,
      () => {
        const paused = (process.life.disturbedAt ?? -1) >= told
        const hindered = slow || habits.slowness > 1 || paused
        if (!hindered)
          simulation.fail(new Error(`${node.name} does not stop within ${stopPatience} ms`))
        ended('stopped without having finished')
      },
      process.life,
    )
    simulation.enter(process.life, () => process.agent.stop(() => ended('stopped')))
  }

  #ended(node: SimulatedNode, process: Process, goodbye: 'fin' | 'reset' | 'silent'): void {
    this.simulation.end(process.life)
    process.sockets.vanish(goodbye)
    node.process = undefined
    for (const hear of this.onEnd) hear(node, process)
    this.#byLife.delete(process.life)
  }

  #traceOf(node: SimulatedNode): AgentTrace {
    const say = (level: string) => (fields: object, message: string) => {
      const details = Object.entries(fields).map(([key, value]) => ` ${key}=${brief(value)}`)
      this.simulation.trace.say(
        this.simulation.now,
        node.name,
        `${level}: ${message}${details.join('')}`,
      )
    }
    const quiet = (): void => {}
    return {
      debug: this.#verbose ? (fields, message) => this.#note(node, fields, message) : quiet,
      info: say('info'),
      warn: say('warn'),
      error: say('error'),
      debugging: this.#verbose,
    }
  }

  #note(node: SimulatedNode, fields: object, message: string): void {
    const { simulation } = this
    simulation.trace.note(simulation.now, node.name, () => `debug: ${message} ${brief(fields)}`)
  }
}

function brief(value: unknown): string {
  if (value instanceof Error) return value.message
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
}

function configOf(node: SimulatedNode): AgentConfig {
  return {
    name: node.name,
    dataDir: `/sim/${node.name}`,
    bind: { host: node.machine.ip, port: node.port },
    advertise: null,
    http: null,
    httpTls: 'auto',
    httpAuth: 'auto',
    socket: `/sim/${node.name}/agent.sock`,
    join: node.join,
    roles: node.roles,
    roleConfig: {},
    dc: 'dc1',
    logLevel: 'info',
    timingFactor: 1,
    maxClockSkew: 60_000,
    secretFile: null,
    tokenFile: null,
    certificateLife: 30 * 86_400_000,
    snapshotEvery: 6 * 3_600_000,
    snapshotKeep: 3,
    socketGroup: null,
  }
}
