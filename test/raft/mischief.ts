/** What goes wrong in a simulated cluster: every few ms one accident, of a kind that the seed likes. */
import { type Random, shuffled } from '../../src/base/random.ts'
import { ids, type SimulatedCluster } from './simulated-cluster.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** A weight, and what is done (often to a certain node). */
type Act = [number, (node: SimulatedNode) => void]

export class Mischief {
  readonly #cluster: SimulatedCluster
  readonly #random: Random
  readonly #acts: Act[]

  constructor(cluster: SimulatedCluster, random: Random) {
    this.#cluster = cluster
    this.#random = random
    this.#acts = this.#temper()
  }

  /** From now on, until the cluster is calm. */
  begin(): void {
    if (this.#cluster.calm) return
    this.#strike()
    this.#cluster.agenda.later(this.#random.below(40) + 1, () => this.begin())
  }

  /** What can happen, and how often; each seed has its own temper, so that rare mixtures occur. */
  #temper(): Act[] {
    const random = this.#random
    const all: Act[] = [
      [40, () => this.#cluster.propose()],
      [20, () => this.#cluster.read()],
      [4, node => this.#crash(node)],
      [8, node => this.#restart(node)],
      [3, () => this.#partition()],
      [4, () => this.#cluster.cut.clear()],
      [6, () => this.#changeConfig()],
      [3, () => this.#transfer()],
      [3, node => node.raft?.suspectLeader(this.#cluster.now)],
      [2, () => this.#suspectByAll()],
      [2, node => this.#freeze(node)],
      [4, node => node.compact(random.below(6))],
      [1, node => this.#breakDisk(node)],
      [1, () => (this.#cluster.loss = random.below(4) === 0 ? 0.3 : random.next() * 0.05)],
      [1, () => (this.#cluster.delay = [2, 5, 30, 150][random.below(4)]!)],
      [1, () => (this.#cluster.slowDisk = [1, 3, 20, 100][random.below(4)]!)],
    ]
    return all.map(([weight, act]) => [weight * [0.2, 1, 1, 4][random.below(4)]!, act])
  }

  #strike(): void {
    const random = this.#random
    const node = this.#victim()
    let dice = random.next() * this.#acts.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, act] of this.#acts) {
      dice -= weight
      if (dice >= 0) continue
      act(node)
      break
    }
    node.pump(this.#cluster.now)
  }

  /** Often the leader: that is where it hurts. */
  #victim(): SimulatedNode {
    const all = [...this.#cluster.nodes.values()]
    const any = all[this.#random.below(all.length)]!
    return this.#random.below(3) === 0 ? (this.#cluster.leader() ?? any) : any
  }

  #suspectByAll(): void {
    for (const node of this.#cluster.nodes.values()) {
      if (this.#random.below(4) > 0) node.raft?.suspectLeader(this.#cluster.now)
      node.pump(this.#cluster.now)
    }
  }

  /** The process stands still; its messages wait. */
  #freeze(node: SimulatedNode): void {
    const until = this.#cluster.now + this.#random.below(1500)
    this.#cluster.say(`${node.id} stands still until ${until.toFixed(1)}`)
    this.#cluster.frozen.set(node.id, until)
  }

  #crash(node: SimulatedNode): void {
    const running = [...this.#cluster.nodes.values()].filter(n => n.raft !== undefined).length
    if (node.raft === undefined || running < 3) return
    this.#cluster.say(`${node.id} crashes`)
    this.#cluster.judge.figures.crashes++
    node.crash()
  }

  #restart(node: SimulatedNode): void {
    if (node.raft !== undefined) return
    this.#cluster.say(`${node.id} starts`)
    node.start(this.#cluster.now)
  }

  #breakDisk(node: SimulatedNode): void {
    if (node.raft === undefined) return
    this.#cluster.say(`${node.id} loses its disk`)
    node.raft.stepDown(this.#cluster.now)
    node.pump(this.#cluster.now)
    this.#cluster.agenda.later(300 + this.#random.below(500), () => {
      if (node.raft !== undefined) node.crash()
      node.start(this.#cluster.now)
    })
  }

  #partition(): void {
    const order = shuffled(ids, this.#random)
    const side = order.slice(0, 1 + this.#random.below(3))
    const leader = this.#cluster.leader()?.id as (typeof ids)[number] | undefined
    if (leader !== undefined && this.#random.below(2) === 0) side[0] = leader
    const oneWay = this.#random.below(3) === 0
    this.#cluster.say(`cut ${side.join('')}${oneWay ? ', one way' : ''}`)
    for (const a of side) {
      for (const b of order) {
        if (side.includes(b)) continue
        this.#cluster.cut.add(`${a}${b}`)
        if (!oneWay) this.#cluster.cut.add(`${b}${a}`)
      }
    }
  }

  /** Takes somebody in as a learner, or makes voters of a random set of those who may be. */
  #changeConfig(): void {
    const leader = this.#cluster.claimant()
    if (leader?.raft === undefined) return
    const { config } = leader.raft.status()
    const order = shuffled(ids, this.#random)
    const known = order.filter(id => config.voters.includes(id) || config.learners.includes(id))
    const voters = known.slice(0, 1 + this.#random.below(5))
    const change =
      this.#random.below(2) === 0
        ? { voters: config.voters, learners: order.slice(0, this.#random.below(5)) }
        : { voters, learners: order.slice(0, this.#random.below(4)) }
    const result = leader.raft.changeConfig(change, this.#cluster.now)
    const to = `${change.voters.join('')} learners ${change.learners.join('')}`
    this.#cluster.say(`${leader.id} changes to ${to}: ${result.ok ? result.index : result.why}`)
    leader.pump(this.#cluster.now)
  }

  #transfer(): void {
    const leader = this.#cluster.leader()
    const voters = leader?.raft?.status().config.voters ?? ids
    const to = voters[this.#random.below(voters.length)]!
    if (leader?.raft?.transferLeadership(to, this.#cluster.now))
      this.#cluster.say(`${leader.id} hands over to ${to}`)
    leader?.pump(this.#cluster.now)
  }
}
