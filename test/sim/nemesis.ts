import type { Cluster } from './cluster.ts'
import { fairDisk } from './disk.ts'
import { fairWeather } from './network.ts'
import { type Context, revive, type Trouble, troubles } from './troubles.ts'

/** Troubles at a time; more, and nothing ever gets far enough to break in an interesting way. */
const atOnce = 3

/** Picks troubles from the seed, ends them again, and leaves calm between them. */
export class Nemesis {
  readonly #context: Context
  readonly #only: ReadonlySet<string> | undefined
  readonly #active = new Map<number, { name: string; end: () => void }>()
  readonly #more: boolean
  #next = 1
  #running = false
  #quietSince = 0

  /** `more`: also those troubles that plain days do not have. */
  constructor(cluster: Cluster, only?: readonly string[], more = false) {
    this.#more = more
    const { simulation } = cluster
    this.#context = {
      cluster,
      dice: simulation.dice('nemesis'),
      say: text => simulation.trace.say(simulation.now, '!', text),
    }
    this.#only = only === undefined ? undefined : new Set(only)
  }

  static get names(): readonly string[] {
    return troubles.map(t => t.name)
  }

  get running(): boolean {
    return this.#running
  }

  /** Since when nothing has been wrong; undefined: something is. */
  get quietSince(): number | undefined {
    return this.#active.size === 0 ? this.#quietSince : undefined
  }

  /** Harmless when already under way. */
  start(): void {
    if (this.#running) return
    this.#running = true
    this.#later()
  }

  /** No more trouble: everything is repaired, and what was down is started. */
  stop(): void {
    this.#running = false
    for (const [id] of [...this.#active]) this.#end(id)
    const { cluster, say } = this.#context
    say('all troubles over')
    Object.assign(cluster.network.weather, fairWeather)
    cluster.network.heal()
    for (const node of cluster.nodes) {
      cluster.network.setResolvable(node.name, true)
      Object.assign(node.disk.habits, fairDisk)
      if (node.process !== undefined) cluster.simulation.thaw(node.process.life)
      revive(cluster, node)
      cluster.start(node)
    }
    this.#quietSince = cluster.simulation.now
  }

  #later(): void {
    const { cluster, dice } = this.#context
    // Mostly the next trouble comes soon; now and then there is calm for long enough to recover.
    const calm = dice.next() < 0.2 ? 20_000 : 4_000
    cluster.simulation.after(300 + dice.next() * calm, () => {
      if (!this.#running) return
      if (this.#active.size < atOnce) this.#begin()
      this.#later()
    })
  }

  #begin(): void {
    const { cluster, dice } = this.#context
    const trouble = this.#pick()
    const end = trouble?.begin(this.#context)
    if (trouble === undefined || end === undefined) return
    const id = this.#next++
    this.#active.set(id, { name: trouble.name, end })
    const { lasts } = trouble
    cluster.simulation.after(lasts * (0.05 + 0.95 * dice.next()), () => this.#end(id))
  }

  #end(id: number): void {
    const trouble = this.#active.get(id)
    if (trouble === undefined) return
    this.#active.delete(id)
    this.#context.say(`${trouble.name} is over`)
    trouble.end()
    this.#quietSince = this.#context.cluster.simulation.now
  }

  #pick(): Trouble | undefined {
    const { movable } = this.#context.cluster
    const usable = troubles.filter(
      t => (this.#only?.has(t.name) ?? (this.#more || !t.extra)) && (movable || t.name !== 'move'),
    )
    let roll = this.#context.dice.next() * usable.reduce((sum, t) => sum + t.weight, 0)
    return usable.find(t => (roll -= t.weight) < 0)
  }
}
