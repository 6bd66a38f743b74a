import { randomInt } from 'node:crypto'
import dgram from 'node:dgram'
import net from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Random } from '../../src/base/random.ts'
import type { Launch, Network } from './network.ts'
import { Road } from './proxy-road.ts'

const port = 4483

/**
 * A network on loopback that needs no rights. Each node listens on one address and advertises another, and at that the
 * proxy stands in for it: for datagrams and connections. What it passes on comes from the advertised address of
 * whoever sent it, so nodes see each other where they say they are, and all that they say to each other goes
 * over the `Road` of its pair and direction.
 *
 * Other than in a network of packets: who dials over a road that is cut is let in and then hears nothing; the port of a process
 * that is dead refuses though the road to it may be cut; answers of TCP itself are never lost.
 */
export class ProxyNetwork implements Network {
  readonly name = 'a proxy on loopback between all nodes'
  readonly lacking = {}
  #closed = false
  /** Other runs on this machine have other addresses. */
  readonly #net = 1 + randomInt(250)
  readonly #roads: readonly (readonly Road[])[]
  readonly #datagrams: readonly dgram.Socket[]
  readonly #listeners: (net.Server | undefined)[]

  constructor(count: number, dice: Random) {
    const all = Array.from({ length: count }, (_, i) => i)
    this.#roads = all.map(() => all.map(() => new Road(dice.fork())))
    this.#listeners = all.map(() => undefined)
    this.#datagrams = all.map(i => this.#standIn(i))
  }

  address(i: number): string {
    return `127.${this.#net}.${i + 1}.1`
  }

  bind(i: number): string {
    return `127.${this.#net}.${i + 1}.2`
  }

  inside(i: number, command: string, args: readonly string[]): Launch {
    const preload = pathToFileURL(join(import.meta.dirname, 'dial-from.ts'))
    const env = { NODE_OPTIONS: `--import=${preload}`, SOAK_DIAL_FROM: this.bind(i) }
    return { command, args, env }
  }

  started(i: number): void {
    if (this.#listeners[i]) return
    const server = net.createServer({ noDelay: true, allowHalfOpen: true }, socket =>
      this.#carry(socket, i),
    )
    server.listen({ host: this.address(i), port })
    this.#listeners[i] = server
  }

  ended(i: number): void {
    this.#listeners[i]?.close()
    this.#listeners[i] = undefined
  }

  cut(from: number, to: number): void {
    this.#roads[from]![to]!.cut()
  }

  heal(): void {
    for (const road of this.#roads.flat()) road.heal()
  }

  lose(victims: readonly number[], part: number): void {
    for (const road of this.#roadsTo(victims)) road.loss = part
  }

  findAgain(victims: readonly number[]): void {
    for (const road of this.#roadsTo(victims)) road.loss = 0
  }

  slow(victims: readonly number[], ms: number): string {
    for (const road of this.#roadsTo(victims)) road.delay = ms
    return `${ms} ms late`
  }

  hurry(victims: readonly number[]): void {
    for (const road of this.#roadsTo(victims)) road.delay = 0
  }

  calm(): void {
    const all = this.#roads.map((_, i) => i)
    this.heal()
    this.findAgain(all)
    this.hurry(all)
  }

  /** Lets go of its addresses. */
  close(): void {
    this.#closed = true
    this.#listeners.forEach((_, i) => {
      this.ended(i)
    })
    for (const socket of this.#datagrams) socket.close()
  }

  #roadsTo(victims: readonly number[]): Road[] {
    return this.#roads.flatMap(roads => victims.map(i => roads[i]!))
  }

  /** The node that listens here; undefined: none of them. */
  #whose(host: string | undefined): number | undefined {
    const i = this.#roads.findIndex((_, at) => this.bind(at) === host)
    return i === -1 ? undefined : i
  }

  /** What is sent to `i` arrives here. */
  #standIn(i: number): dgram.Socket {
    const socket = dgram.createSocket({
      type: 'udp4',
      lookup: (host, _, done) => done(null, host, 4),
    })
    // Of single packets, to processes that are gone.
    socket.on('error', () => {})
    socket.on('message', (bytes, { address }) => {
      const from = this.#whose(address)
      if (from === undefined) return
      this.#roads[from]![i]!.datagram(() => {
        if (!this.#closed) this.#datagrams[from]!.send(bytes, port, this.bind(i), () => {})
      })
    })
    return socket.bind(port, this.address(i))
  }

  /** A connection to `to`: once both directions are open, one of its own to the node, and what either says to the other. */
  #carry(near: net.Socket, to: number): void {
    const from = this.#whose(near.remoteAddress)
    near.on('error', () => {})
    if (from === undefined) {
      near.destroy()
      return
    }
    const there = this.#roads[from]![to]!
    const back = this.#roads[to]![from]!
    near.pause()
    const dial = (): void => {
      if (near.destroyed) return
      if (there.isCut || back.isCut) {
        const blocked = there.isCut ? there : back
        blocked.healed(dial)
        return
      }
      const far = net.connect({
        ...{ host: this.bind(to), port, localAddress: this.address(from) },
        ...{ noDelay: true, allowHalfOpen: true },
      })
      far.on('error', () => {})
      there.stream(near, far)
      back.stream(far, near)
    }
    dial()
  }
}
