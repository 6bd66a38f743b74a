import type { Backend } from '../../src/api/types.ts'
import { OperatorError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import type { Caller, CallResult } from './caller.ts'
import type { Cluster, SimulatedNode } from './cluster.ts'
import { Porters } from './porters.ts'
import type { Work } from './scenario.ts'

/** Nodes that operators add to a running cluster, at most. */
const maxAdded = 2
/** Longest pause between two commands, ms. */
const longestPause = 4_000
/** Attempts to bring a node back before it is made empty. */
const resetAfter = 5

export interface Command {
  readonly what: string
  /** The node whose agent is asked. */
  readonly at: SimulatedNode
  /** The cluster will be without a node when it is done. */
  readonly takesOut?: true
  invoke(backend: Backend): Promise<unknown>
  after?(result: CallResult<unknown>): void
}

/**
 * People who drive the cluster while it is in trouble: they drain and take back, assign roles, move the
 * votes, add nodes and send them away again. They may be refused; nothing that they do may break it.
 */
export class Operators {
  readonly #cluster: Cluster
  readonly #caller: Caller
  readonly #dice: Random
  #running = false
  #added = 0
  #takingOut = 0
  #replacing = false
  #initial = 0
  /** How often somebody tried to bring it back. */
  readonly #tidied = new Map<SimulatedNode, number>()
  /** Who the cluster's first control nodes are to be. */
  control: readonly string[]
  readonly #works: ReadonlySet<Work>
  readonly #porters: Porters
  readonly counts = { done: 0, refused: 0, unknown: 0 }

  constructor(
    cluster: Cluster,
    caller: Caller,
    { control, works }: { readonly control?: number; readonly works?: readonly Work[] } = {},
  ) {
    this.#cluster = cluster
    this.#caller = caller
    this.#dice = cluster.simulation.dice('operators')
    const names = cluster.nodes.map(n => n.name)
    this.control = names.slice(0, control ?? (names.length >= 5 ? 5 : 3))
    this.#works = new Set(works)
    const dice = cluster.simulation.dice('porters')
    this.#porters = new Porters({ cluster, works: this.#works, dice })
  }

  /** `replacing`: dead voters are to be replaced after a second or two. */
  start(replacing = false): void {
    this.#running = true
    this.#replacing = replacing
    this.#initial = this.#cluster.nodes.length
    if (this.#works.has('epochs')) this.#run(this.#grace(1 + this.#dice.below(6)))
    this.#rest()
  }

  stop(): void {
    this.#running = false
  }

  /** Somebody is on the way out, whatever is shown of it now. */
  get isTakingOut(): boolean {
    return this.#takingOut > 0
  }

  /** A newer build is installed, and started. */
  upgrade(node: SimulatedNode | undefined): void {
    if (node === undefined) return
    const { simulation } = this.#cluster
    simulation.trace.say(simulation.now, node.name, 'operator: upgrade')
    node.old = false
    this.#cluster.stop(node, () => this.#cluster.start(node))
  }

  /** Undoes what would keep a node from being ready: drains are cancelled, who left or was refused is brought back. */
  tidy(node: SimulatedNode, state: string | undefined, refused: string | undefined): void {
    if (state === 'draining' || state === 'drained') this.#run(this.#drain(node, true))
    if (state === 'waiting' || state === undefined) this.#admit(node)
    const inVain = refused?.startsWith('TOKEN_') === true
    if (state !== undefined && state !== 'zombie' && !inVain) return
    const tries = (this.#tidied.get(node) ?? 0) + 1
    this.#tidied.set(node, tries)
    this.#run(
      tries > resetAfter && state === undefined ? this.#reset(node) : this.#join(node, true),
    )
  }

  #rest(): void {
    const longest = this.#works.has('votes') ? longestPause / 4 : longestPause
    this.#cluster.simulation.after(500 + this.#dice.next() * longest, () => {
      if (!this.#running) return
      const command = this.#choose()
      if (command === undefined) this.#rest()
      else this.#run(command, () => this.#rest())
    })
  }

  #choose(): Command | undefined {
    const special = this.#special()
    if (special !== undefined) return special
    const roll = this.#dice.next()
    const subject = this.#any(this.#cluster.nodes)
    if (subject === undefined) return undefined
    if (this.#replacing && roll < 0.08) return this.#hasten(subject)
    if (roll < 0.15) return this.#drain(subject, this.#dice.next() < 0.4)
    if (roll < 0.25) return this.#roles(subject)
    if (roll < 0.45) return this.#votes(subject)
    if (roll < 0.55) return this.#repeatInit()
    if (roll < 0.65) return this.#ask(subject, 'log', b => b.log({ from: 1, limit: 50 }))
    if (roll < 0.75) return this.#ask(subject, 'roles', b => b.roles())
    if (roll < 0.85) return this.#leave()
    if (roll < 0.9) this.#add()
    else if (roll < 0.96 && this.#cluster.secret !== undefined) return this.#rotate(subject, roll)
    return this.#ask(subject, 'status', b => b.status())
  }

  /** What only some runs have. */
  #special(): Command | undefined {
    if (this.#works.size === 0) return undefined
    const roll = this.#dice.next()
    const often = this.#works.has('epochs') ? 0.3 : 0.1
    if (roll < often && this.#works.has('removals')) return this.#remove()
    if (roll < often + 0.05 && this.#works.has('settings'))
      return this.#grace(this.#works.has('epochs') ? 1 : 2 + this.#dice.below(600))
    const subject = this.#any(this.#cluster.nodes)
    const door = subject && this.#porters.choose(subject)
    if (door) return door
    if (roll < 0.6 && subject && this.#works.has('votes')) return this.#votes(subject)
    if (roll < 0.8 && subject && this.#works.has('rotations') && this.#cluster.secret !== undefined)
      return this.#rotate(subject, this.#dice.next() < 0.5 ? 0 : 1)
    if (this.#works.has('upgrade')) this.upgrade(this.#any(this.#cluster.nodes.filter(n => n.old)))
    return undefined
  }

  /** A node that is down is taken out; it does not know that when it is started again. */
  #remove(): Command | undefined {
    const { nodes } = this.#cluster
    const down = nodes.filter(n => n.process === undefined && !this.control.includes(n.name))
    // Where much is to be forgotten, who runs is taken out too, and comes back once its operator sees it.
    const added = this.#works.has('epochs') ? nodes.slice(this.#initial) : []
    const subject = this.#any(down.length > 0 ? down : added)
    const at = this.#any(this.#cluster.running())
    if (subject === undefined || at === undefined) return undefined
    return {
      what: `remove ${subject.name}`,
      at,
      takesOut: true,
      invoke: b => b.leave({ node: subject.name, force: false, actor: 'operator' }),
    }
  }

  /** How long what was removed is remembered, s. */
  #grace(seconds: number): Command | undefined {
    const at = this.#any(this.#cluster.running())
    const settings = { 'tombstone-grace': `${seconds}s` }
    return (
      at &&
      this.#ask(at, `grace ${seconds} s`, b => b.changeSettings({ settings, actor: 'operator' }))
    )
  }

  #any(nodes: readonly SimulatedNode[]): SimulatedNode | undefined {
    return nodes[this.#dice.below(Math.max(1, nodes.length))]
  }

  #ask(at: SimulatedNode, what: string, invoke: Command['invoke']): Command {
    return { what, at, invoke }
  }

  /** The very same init: on a node that is empty and alone, a shorter one would rightly make a cluster of its own. */
  #repeatInit(): Command | undefined {
    const at = this.#any(this.#cluster.nodes)
    const request = { name: 'sim', control: this.control, actor: 'operator' }
    return at && this.#ask(at, 'repeat init', b => b.init(request))
  }

  #drain(subject: SimulatedNode, cancel: boolean): Command | undefined {
    const at = this.#any(this.#cluster.running())
    if (at === undefined) return undefined
    const force = this.#dice.next() < 0.3
    const deadline = this.#dice.next() < 0.5 ? 5_000 : null
    const request = {
      node: subject.name,
      cancel,
      dryRun: false,
      force,
      deadline,
      reason: 'sim',
      actor: 'operator',
    }
    return {
      what: `${cancel ? 'cancel drain of' : 'drain'} ${subject.name}`,
      at,
      invoke: b => b.drain(request),
    }
  }

  #roles(subject: SimulatedNode): Command | undefined {
    const at = this.#any(this.#cluster.running())
    if (at === undefined) return undefined
    const roles = [this.#dice.next() < 0.7 ? 'host' : 'dns']
    const request = { node: subject.name, roles, actor: 'operator' }
    return this.#dice.next() < 0.7
      ? { what: `assign ${roles} to ${subject.name}`, at, invoke: b => b.assignRoles(request) }
      : {
          what: `unassign ${roles} from ${subject.name}`,
          at,
          invoke: b => b.unassignRoles(request),
        }
  }

  #votes(subject: SimulatedNode): Command | undefined {
    const at = this.#any(this.#cluster.running())
    if (at === undefined) return undefined
    const request = { node: subject.name, force: false, actor: 'operator' }
    const observer = this.#dice.next() < (this.#replacing ? 0.7 : 0.2)
    return this.#dice.next() < 0.6
      ? { what: `promote ${subject.name}`, at, invoke: b => b.promote({ ...request, observer }) }
      : { what: `demote ${subject.name}`, at, invoke: b => b.demote(request) }
  }

  #hasten(at: SimulatedNode): Command {
    const settings = { 'voter-replacement-after': this.#dice.next() < 0.5 ? '1s' : '3s' }
    return this.#ask(at, 'hasten replacement', b =>
      b.changeSettings({ settings, actor: 'operator' }),
    )
  }

  #rotate(at: SimulatedNode, roll: number): Command {
    const actor = 'operator'
    if (roll < 0.92) return this.#ask(at, 'rotate the authority', b => b.rotateCa({ actor }))
    return this.#ask(at, 'rotate the gossip keys', b => b.rotateKeys({ actor }))
  }

  /** One of the added nodes leaves, and comes back after a while. */
  #leave(): Command | undefined {
    const leaver = this.#any(this.#cluster.nodes.slice(this.#initial))
    if (leaver?.process === undefined) return undefined
    return {
      what: 'leave',
      at: leaver,
      takesOut: true,
      invoke: b => b.leave({ force: false, actor: 'operator' }),
      after: () => {
        this.#cluster.simulation.after(this.#dice.next() * 10_000, () =>
          this.#run(this.#join(leaver)),
        )
      },
    }
  }

  /**
   * Somebody who was taken out while it was away, and has nothing that those believe who could tell it: it says whom it was
   * refused by, and goes by what it has until an operator makes it empty.
   */
  #reset(node: SimulatedNode): Command {
    this.#tidied.delete(node)
    return {
      what: 'reset',
      at: node,
      invoke: async b => {
        const { notices } = await b.status()
        if (notices.some(n => /REMOVED|UNTRUSTED|hive reset, then/.test(n)))
          await b.reset({ actor: 'operator' })
      },
    }
  }

  /** `surely`: not by a token that is worth nothing. */
  #join(node: SimulatedNode, surely = false): Command | undefined {
    const others = this.#cluster.nodes.filter(n => n !== node)
    const seed = this.#any(others)
    if (seed === undefined) return undefined
    const address = `${this.#dice.next() < 0.5 ? seed.name : seed.machine.ip}:${seed.port}`
    const join = (token?: string): Command => ({
      what: `join ${address}${token === undefined ? '' : ' by a token'}`,
      at: node,
      invoke: b => b.join({ address, actor: 'operator', ...(token !== undefined && { token }) }),
    })
    if (node.secret !== undefined || this.#cluster.secret === undefined) return join()
    const use = (token: string) => this.#run(join(token))
    return surely ? this.#porters.goodToken(seed, use) : this.#porters.anyToken(seed, use)
  }

  /** Somebody else has to say so. */
  #admit(node: SimulatedNode): void {
    const at = this.#any(this.#cluster.running().filter(n => n !== node))
    this.#run(at && this.#porters.admit(at, node.name))
  }

  #add(): void {
    if (this.#added >= maxAdded) return
    this.#added++
    const start = (token?: string): void => {
      const seeds = this.#cluster.nodes.map(n => n.name)
      const join = seeds.slice(0, 3)
      const node = this.#cluster.addNode(`n${seeds.length + 1}`, {
        join,
        ...(token !== undefined && { token }),
      })
      this.#cluster.start(node)
    }
    if (!this.#porters.handsOut) return start()
    const at = this.#any(this.#cluster.running())
    this.#run(at && this.#porters.anyToken(at, start))
  }

  #run(command: Command | undefined, done: () => void = () => {}): void {
    if (command === undefined) {
      done()
      return
    }
    const { what, at } = command
    const { simulation } = this.#cluster
    simulation.trace.say(simulation.now, at.name, `operator: ${what}`)
    if (command.takesOut) this.#takingOut++
    this.#caller.call(at, what, command.invoke, result => {
      if (command.takesOut) this.#takingOut--
      this.#heard(at, what, result)
      command.after?.(result)
      done()
    })
  }

  #heard(at: SimulatedNode, what: string, result: CallResult<unknown>): void {
    const { simulation } = this.#cluster
    const { trace } = simulation
    if (result.how === 'answered') {
      this.counts.done++
      trace.say(simulation.now, at.name, `operator: ${what}: done`)
    } else if (result.how === 'gone') {
      this.counts.unknown++
      trace.say(simulation.now, at.name, `operator: ${what}: no answer`)
    } else {
      const { error } = result
      if (!(error instanceof OperatorError) || error.code === 'INTERNAL') simulation.fail(error)
      this.counts.refused++
      const code = error instanceof OperatorError ? error.code : ''
      trace.say(simulation.now, at.name, `operator: ${what}: ${code} ${String(error)}`)
    }
  }
}
