import type { Random } from '../../src/base/random.ts'
import type { DatagramEnd } from './datagrams.ts'
import type { StreamListener } from './dialling.ts'
import type { Simulation } from './simulation.ts'
import type { StreamEnd } from './streams.ts'

/** How the network behaves in general. All of it can be changed while it runs. */
export interface Weather {
  /** Shortest one-way latency, ms. */
  latencyMin: number
  /** Longest usual one-way latency, ms; most packets are much nearer to the shortest. */
  latencyMax: number
  /** Probability that a packet is lost. Streams pay with a retransmission. */
  loss: number
  /** Probability that a datagram arrives twice. */
  duplicate: number
  /** Probability that a datagram is held up by up to `reorderBy` ms, and so overtaken. */
  reorder: number
  reorderBy: number
}

export const fairWeather: Weather = {
  latencyMin: 0.15,
  latencyMax: 4,
  loss: 0.0005,
  duplicate: 0,
  reorder: 0.001,
  reorderBy: 20,
}

/** One direction between two machines. */
export interface Path {
  blocked: boolean
  loss: number
  /** ms on top of the weather's latency. */
  delay: number
}

/** A machine on the network: its address, and what its kernel has open. */
export interface Machine {
  readonly name: string
  readonly ip: string
  readonly position: number
  /** False: no power. Nothing answers, not even "refused". */
  up: boolean
  readonly datagrams: Map<number, DatagramEnd>
  readonly listeners: Map<number, StreamListener>
  readonly streams: Set<StreamEnd>
  nextPort: number
}

/** First and last of the ports that the kernel gives out by itself (as Linux has it). */
const ephemeral = { first: 32_768, last: 60_999 } as const

/** Machines and the paths between them; datagrams and streams ask it how a packet fares. */
export class Network {
  readonly simulation: Simulation
  readonly weather: Weather
  readonly #dice: Random
  readonly #machines: Machine[] = []
  readonly #byHost = new Map<string, Machine>()
  readonly #paths: Path[][] = []
  readonly #unresolvable = new Set<string>()

  constructor(simulation: Simulation, weather: Weather = { ...fairWeather }) {
    this.simulation = simulation
    this.weather = weather
    this.#dice = simulation.dice('network')
  }

  get dice(): Random {
    return this.#dice
  }

  get machines(): readonly Machine[] {
    return this.#machines
  }

  addMachine(name: string): Machine {
    const position = this.#machines.length
    const machine: Machine = {
      name,
      ip: `10.0.${Math.floor(position / 250)}.${(position % 250) + 1}`,
      position,
      up: true,
      datagrams: new Map(),
      listeners: new Map(),
      streams: new Set(),
      nextPort: ephemeral.first,
    }
    this.#machines.push(machine)
    this.#byHost.set(name, machine)
    this.#byHost.set(machine.ip, machine)
    this.#paths.push([])
    for (let i = 0; i <= position; i++) {
      this.#paths[i]![position] = { blocked: false, loss: 0, delay: 0 }
      this.#paths[position]![i] = { blocked: false, loss: 0, delay: 0 }
    }
    return machine
  }

  path(from: Machine, to: Machine): Path {
    return this.#paths[from.position]![to.position]!
  }

  /** Who answers to a name or an IP, as seen from `from`; undefined: nobody knows the name. */
  resolve(host: string, from: Machine): Machine | 'nobody' | undefined {
    if (host === '127.0.0.1' || host === '::1' || host === 'localhost') return from
    if (this.#unresolvable.has(host)) return undefined
    const machine = this.#byHost.get(host)
    if (machine !== undefined) return machine
    return /^[0-9.]+$/.test(host) || host.includes(':') ? 'nobody' : undefined
  }

  /** Whether the name `host` is in the DNS. */
  setResolvable(host: string, resolvable: boolean): void {
    if (resolvable) this.#unresolvable.delete(host)
    else this.#unresolvable.add(host)
  }

  block(from: Machine, to: Machine): void {
    if (from !== to) this.path(from, to).blocked = true
  }

  unblock(from: Machine, to: Machine): void {
    const path = this.path(from, to)
    if (!path.blocked) return
    path.blocked = false
    this.#wake(from, to)
  }

  /** Machines hear only those of their own group; those in no group hear nobody. */
  partition(groups: readonly (readonly Machine[])[]): void {
    const group = new Map<Machine, number>()
    groups.forEach((members, i) => {
      for (const machine of members) group.set(machine, i)
    })
    for (const a of this.#machines) {
      for (const b of this.#machines) {
        const together = group.has(a) && group.get(a) === group.get(b)
        if (a === b) continue
        if (together) this.unblock(a, b)
        else this.block(a, b)
      }
    }
  }

  /** Every path is as good as new. */
  heal(): void {
    for (const a of this.#machines) {
      for (const b of this.#machines) {
        const path = this.path(a, b)
        path.loss = 0
        path.delay = 0
        this.unblock(a, b)
      }
    }
  }

  powerOff(machine: Machine): void {
    machine.up = false
  }

  powerOn(machine: Machine): void {
    if (machine.up) return
    machine.up = true
    for (const other of this.#machines) this.#wake(other, machine)
  }

  /** Can a packet get there at all now? */
  reaches(from: Machine, to: Machine): boolean {
    return to.up && !this.path(from, to).blocked
  }

  lost(from: Machine, to: Machine): boolean {
    if (from === to) return false
    const chance = this.weather.loss + this.path(from, to).loss
    return chance > 0 && this.#dice.next() < chance
  }

  /** One way, ms. The fourth power makes a long, thin tail. */
  latency(from: Machine, to: Machine): number {
    if (from === to) return 0.02
    const u = this.#dice.next() ** 2
    const { latencyMin, latencyMax } = this.weather
    return latencyMin + (latencyMax - latencyMin) * u * u + this.path(from, to).delay
  }

  /** A free port of the kernel's choice. */
  freePort(machine: Machine, taken: (port: number) => boolean): number {
    const span = ephemeral.last - ephemeral.first + 1
    for (let i = 0; i < span; i++) {
      const port = machine.nextPort
      machine.nextPort = port === ephemeral.last ? ephemeral.first : port + 1
      if (!taken(port)) return port
    }
    return 0
  }

  #wake(from: Machine, to: Machine): void {
    for (const stream of from.streams) if (stream.remoteMachine === to) stream.pathOpened()
    for (const stream of to.streams) if (stream.remoteMachine === from) stream.pathOpened()
  }
}
