import { uuidv7 } from '../../src/base/uuid.ts'
import { createDatagrams } from '../../src/net/datagrams.ts'
import { newLife } from './clock.ts'
import type { Machine } from './network.ts'
import { SimulatedSockets } from './sockets.ts'
import type { World } from './world.ts'

const firstPort = 10_000
/** Events proposed at once. */
const batch = 2_000

/**
 * Very many members of a cluster who do nothing but answer when they are probed, so that a few whole agents can live in a
 * cluster of ten thousand. All are on one machine, each on a port of its own; their streams are taken and never answered.
 */
export class Crowd {
  readonly ids: readonly string[]
  readonly #world: World
  readonly #machine: Machine
  readonly #silent = new Set<string>()

  constructor(world: World, size: number) {
    this.#world = world
    const dice = world.simulation.dice('crowd')
    this.ids = Array.from({ length: size }, () => uuidv7(0, dice))
    this.#machine = world.cluster.network.addMachine('crowd')
  }

  nameOf(id: string): string {
    return `c${this.ids.indexOf(id)}`
  }

  /** The control plane takes them in; `leader` leads. */
  async enter(leader: string): Promise<void> {
    const { agent } = this.#world.node(leader).process!
    this.#listen(agent.state!.cluster!.tag)
    for (let at = 0; at < this.ids.length; at += batch) {
      let open = 0
      const done = () => {
        open--
      }
      for (const [i, id] of this.ids.slice(at, at + batch).entries()) {
        const address = { host: this.#machine.ip, port: firstPort + at + i }
        const node = {
          ...{ id, name: `c${at + i}`, address, incarnation: 1 },
          ...{ dc: 'dc1', version: '0.1.0', roles: [] },
        }
        open += 2
        agent.propose!({ type: 'NodeAdmitted', data: { node }, actor: 'test' }, done)
        agent.propose!({ type: 'NodeReady', data: { id, incarnation: 1 }, actor: 'test' }, done)
      }
      await this.#world.until('they are in', () => open === 0)
    }
  }

  /** It answers no more. */
  silence(id: string): void {
    this.#silent.add(id)
  }

  #listen(tag: string): void {
    const { cluster } = this.#world
    const life = newLife('crowd')
    const sockets = new SimulatedSockets(cluster.network, this.#machine, life)
    for (const [i, id] of this.ids.entries()) {
      const at = { host: this.#machine.ip, port: firstPort + i }
      const wire = createDatagrams({
        sockets,
        id,
        tag: () => tag,
        handlers: {
          bound() {},
          foreign() {},
          failed: error => {
            throw error
          },
          received: (_, __, from, message) => {
            if (message.type !== 'ping' || this.#silent.has(id)) return
            wire.send(from, { type: 'ack', seq: message.seq, updates: [] })
          },
        },
      })
      wire.bind(at)
      const mute = { opened() {}, received() {}, drained() {}, closed() {} }
      sockets.listen(at, {
        listening() {},
        accepted: () => mute,
        failed: error => {
          throw error
        },
      })
    }
  }
}
