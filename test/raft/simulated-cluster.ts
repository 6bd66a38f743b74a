/**
 * A cluster of raft nodes over a network that drops, duplicates, delays and cuts, driven by one seed.
 * The checkers run all the time: one leader per term, one log, leaders that have all that was
 * committed, acknowledged entries that stay, and reads that are linearizable.
 */
import { assert } from '../../src/base/errors.ts'
import { type Random, seeded, shuffled } from '../../src/base/random.ts'
import { utf8 } from '../../src/base/utf8.ts'
import { defaults, newGroup } from '../../src/raft/raft.ts'
import type { Entry, Message, PeerId, Ready, SnapshotMeta } from '../../src/raft/types.ts'
import { SimulatedDisk, SimulatedNode, type Witness } from './simulated-node.ts'

const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export interface Figures {
  terms: number
  committed: number
  acknowledged: number
  reads: number
  configs: number
  snapshots: number
  crashes: number
}

export class SimulatedCluster implements Witness {
  readonly figures: Figures = {
    terms: 0,
    committed: 0,
    acknowledged: 0,
    reads: 0,
    configs: 0,
    snapshots: 0,
    crashes: 0,
  }
  now = 1000
  readonly nodes = new Map<PeerId, SimulatedNode>()
  readonly #random: Random
  readonly #trace: ((line: string) => void) | undefined
  #events: Event[] = []
  #order = 0
  #loss = 0.02
  #delay = 5
  #slowDisk = 3
  #cut = new Set<string>()
  readonly #leaders = new Map<number, PeerId>()
  /** The one log, as the first node that applied each entry saw it. */
  readonly committed: Entry[] = []
  /** Proposed and not known to be committed: `index/term`. */
  readonly #proposed = new Set<string>()
  #highestAcknowledged = 0
  /** Reads under way: what they must at least see. */
  readonly #reads = new Map<number, number>()
  #nextContext = 1
  #nextValue = 1
  readonly #frozen = new Map<PeerId, number>()
  readonly #acts: [number, (node: SimulatedNode) => void][]
  calm = false

  constructor(seed: number | string, trace?: (line: string) => void) {
    this.#random = seeded(seed)
    this.#trace = trace
    this.#acts = this.#temper()
    const size = 1 + this.#random.below(5)
    const first = ids.slice(0, size)
    for (const id of ids) {
      const { snapshot, hardState } = newGroup(first.includes(id) ? first : [])
      const config = { ...defaults, id, maxInflight: 4, maxAppendBytes: 300 }
      const disk = new SimulatedDisk(snapshot, hardState)
      this.nodes.set(id, new SimulatedNode(config, disk, this.#random.fork(), this))
    }
    for (const node of this.nodes.values()) node.start(this.now)
    for (const node of this.nodes.values()) this.#keepWriting(node)
    this.#keepTicking()
  }

  /** Runs for so many ms; chaos unless `calm`. */
  run(duration: number): void {
    const end = this.now + duration
    for (;;) {
      const event = this.#pop(end)
      if (event === undefined) break
      this.now = Math.max(this.now, event.at)
      event.run()
    }
    this.now = end
  }

  chaos(): void {
    const step = () => {
      if (this.calm) return
      this.#mischief()
      this.#later(this.#random.below(40) + 1, step)
    }
    step()
  }

  /** All faults end, and everybody runs. */
  heal(): void {
    this.calm = true
    this.#loss = 0
    this.#delay = 2
    this.#slowDisk = 2
    this.#cut.clear()
    this.#frozen.clear()
    for (const node of this.nodes.values()) {
      if (node.raft !== undefined) node.crash()
      node.start(this.now)
    }
  }

  leader(): SimulatedNode | undefined {
    let best: SimulatedNode | undefined
    for (const node of this.nodes.values()) {
      const status = node.raft?.status()
      if (status?.rank !== 'leader') continue
      if (best === undefined || status.term > best.raft!.status().term) best = node
    }
    return best
  }

  /** Any node that thinks it leads: deposed leaders are asked as well. */
  #claimant(): SimulatedNode | undefined {
    const claimants = [...this.nodes.values()].filter(n => n.raft?.status().rank === 'leader')
    return claimants[this.#random.below(Math.max(1, claimants.length))]
  }

  /** Proposes at a leader; what it answers is acknowledged when the leader applies it. */
  propose(): { index: number; term: number } | undefined {
    const leader = this.#claimant()
    const count = 1 + this.#random.below(3)
    const datas = Array.from({ length: count }, () => utf8(`value ${this.#nextValue++}`))
    const result = leader?.raft?.propose(datas, this.now)
    if (!result?.ok) return undefined
    for (let i = 0; i < count; i++) this.#proposed.add(`${result.first + i}/${result.term}`)
    this.say(`${leader!.id} proposes ${result.first}..${result.first + count - 1}/${result.term}`)
    leader!.pump(this.now)
    return { index: result.first + count - 1, term: result.term }
  }

  read(): void {
    const node = this.#claimant()
    if (node === undefined) return
    const context = this.#nextContext++
    this.#reads.set(context, this.#highestAcknowledged)
    if (!node.raft!.readIndex(context, this.now)) this.#reads.delete(context)
    node.pump(this.now)
  }

  say(line: string): void {
    this.#trace?.(`${this.now.toFixed(1)} ${line}`)
  }

  // What the nodes tell.

  applied(id: PeerId, entry: Entry): void {
    const known = this.committed[entry.index - 1]
    if (known === undefined) {
      assert(this.committed.length === entry.index - 1, `${id} applied ${entry.index} too early`)
      this.committed.push(entry)
      this.figures.committed++
      if (entry.type === 'config') this.figures.configs++
      this.say(`${id} is first to apply ${entry.index}/${entry.term} ${entry.type}`)
    } else {
      const same = known.term === entry.term && known.type === entry.type
      const equal = !(known.type === 'data' && entry.type === 'data') || known.data === entry.data
      assert(same && equal, `${id} applied another entry at ${entry.index}`)
    }
    if (this.#proposed.delete(`${entry.index}/${entry.term}`)) this.figures.acknowledged++
    this.#highestAcknowledged = Math.max(this.#highestAcknowledged, entry.index)
  }

  installed(id: PeerId, snapshot: SnapshotMeta): void {
    this.figures.snapshots++
    this.say(`${id} installs a snapshot at ${snapshot.index}`)
    const entry = this.committed[snapshot.index - 1]
    assert(entry?.term === snapshot.term, `${id} installed what was never committed`)
  }

  rank(id: PeerId, { rank, term, leader }: NonNullable<Ready['rank']>): void {
    this.say(`${id} is ${rank} in term ${term}, leader ${leader}`)
    if (rank !== 'leader') return
    const known = this.#leaders.get(term)
    assert(known === undefined || known === id, `two leaders in term ${term}: ${known}, ${id}`)
    this.#leaders.set(term, id)
    this.figures.terms = Math.max(this.figures.terms, term)
    this.#hasAllCommitted(id)
  }

  /** Leader completeness (§5.4.3). Only a leader of the newest term must have the newest entries. */
  #hasAllCommitted(id: PeerId): void {
    const raft = this.nodes.get(id)?.raft
    const last = this.committed.at(-1)
    if (raft === undefined || last === undefined) return
    const { firstIndex, term } = raft.status()
    const mustHave = this.committed.findLast(entry => entry.term <= term)
    if (mustHave === undefined || mustHave.index < firstIndex) return
    const [own] = raft.entries(mustHave.index, mustHave.index)
    assert(own?.term === mustHave.term, `leader ${id} of term ${term} lacks ${mustHave.index}`)
  }

  served(id: PeerId, context: number, index: number): void {
    const atLeast = this.#reads.get(context)
    assert(atLeast !== undefined, `${id} answered read ${context} twice`)
    assert(
      index >= atLeast,
      `${id} answered a read from ${index}, when ${atLeast} was acknowledged`,
    )
    this.#reads.delete(context)
    this.figures.reads++
    this.#highestAcknowledged = Math.max(this.#highestAcknowledged, index)
  }

  readRefused(context: number): void {
    this.#reads.delete(context)
  }

  send(message: Message): void {
    this.say(`${message.from}→${message.to} ${describe(message)}`)
    if (this.#random.next() < this.#loss) return
    this.#deliverLater(message)
    if (this.#random.next() < this.#loss / 2) this.#deliverLater(message)
  }

  wantsSnapshot(id: PeerId, to: PeerId): void {
    const node = this.nodes.get(id)!
    const raft = node.raft
    this.#later(this.#random.below(100), () => {
      if (node.raft !== raft || raft === undefined) return
      if (node.disk.saved.index < raft.status().firstIndex - 1) node.save()
      const message = raft.snapshotMessage(to, node.disk.saved)
      const ok = message !== undefined && this.#random.below(5) > 0
      if (ok) this.send(message)
      raft.snapshotSent(to, ok, this.now)
      node.pump(this.now)
    })
  }

  #deliverLater(message: Message): void {
    const slow = this.#random.below(50) === 0 && !this.calm ? 40 : 1
    this.#later(this.#random.next() * this.#delay * slow, () => {
      if (this.#cut.has(`${message.from}${message.to}`)) return
      const node = this.nodes.get(message.to)
      if (this.#isFrozen(message.to)) {
        this.#later(this.#frozen.get(message.to)! - this.now + this.#random.next(), () =>
          this.#deliverLater(message),
        )
        return
      }
      if (node?.raft === undefined) return
      node.raft.step(message, this.now)
      if (this.#random.below(3) > 0 || this.calm) node.pump(this.now)
      else this.#later(this.#random.next() * 3, () => node.pump(this.now))
    })
  }

  #keepWriting(node: SimulatedNode): void {
    const turn = () => {
      if (node.raft !== undefined && !this.#isFrozen(node.id)) {
        if (node.disk.pending.length > 0) node.write(this.now)
        node.apply(this.now)
        node.pump(this.now)
        if (this.#random.below(10) === 0) node.save()
      }
      this.#later(this.#random.next() * this.#slowDisk, turn)
    }
    turn()
  }

  #keepTicking(): void {
    for (const node of this.nodes.values()) {
      const at = node.raft?.wakeAt()
      if (at === undefined || at > this.now || this.#isFrozen(node.id)) continue
      node.raft!.tick(this.now)
      node.pump(this.now)
    }
    this.#later(1 + this.#random.next() * 4, () => this.#keepTicking())
  }

  /** What can happen, and how often; each seed has its own temper, so that rare mixtures occur. */
  #temper(): [number, (node: SimulatedNode) => void][] {
    const random = this.#random
    const all: [number, (node: SimulatedNode) => void][] = [
      [40, () => this.propose()],
      [20, () => this.read()],
      [4, node => this.#crash(node)],
      [8, node => this.#restart(node)],
      [3, () => this.#partition()],
      [4, () => this.#cut.clear()],
      [6, () => this.#changeConfig()],
      [3, () => this.#transfer()],
      [3, node => node.raft?.suspectLeader(this.now)],
      [2, () => this.#suspectByAll()],
      [2, node => this.#freeze(node)],
      [4, node => node.compact(random.below(6))],
      [1, node => this.#breakDisk(node)],
      [1, () => (this.#loss = random.below(4) === 0 ? 0.3 : random.next() * 0.05)],
      [1, () => (this.#delay = [2, 5, 30, 150][random.below(4)]!)],
      [1, () => (this.#slowDisk = [1, 3, 20, 100][random.below(4)]!)],
    ]
    return all.map(([weight, act]) => [weight * [0.2, 1, 1, 4][random.below(4)]!, act])
  }

  #mischief(): void {
    const random = this.#random
    const node = this.#victim()
    let dice = random.next() * this.#acts.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, act] of this.#acts) {
      dice -= weight
      if (dice >= 0) continue
      act(node)
      break
    }
    node.pump(this.now)
  }

  /** Often the leader: that is where it hurts. */
  #victim(): SimulatedNode {
    const all = [...this.nodes.values()]
    const any = all[this.#random.below(all.length)]!
    return this.#random.below(3) === 0 ? (this.leader() ?? any) : any
  }

  #suspectByAll(): void {
    for (const node of this.nodes.values()) {
      if (this.#random.below(4) > 0) node.raft?.suspectLeader(this.now)
      node.pump(this.now)
    }
  }

  /** The process stands still; its messages wait. */
  #freeze(node: SimulatedNode): void {
    const until = this.now + this.#random.below(1500)
    this.say(`${node.id} stands still until ${until.toFixed(1)}`)
    this.#frozen.set(node.id, until)
  }

  #isFrozen(id: PeerId): boolean {
    return (this.#frozen.get(id) ?? 0) > this.now
  }

  #crash(node: SimulatedNode): void {
    const running = [...this.nodes.values()].filter(n => n.raft !== undefined).length
    if (node.raft === undefined || running < 3) return
    this.say(`${node.id} crashes`)
    this.figures.crashes++
    node.crash()
  }

  #restart(node: SimulatedNode): void {
    if (node.raft !== undefined) return
    this.say(`${node.id} starts`)
    node.start(this.now)
  }

  #breakDisk(node: SimulatedNode): void {
    if (node.raft === undefined) return
    this.say(`${node.id} loses its disk`)
    node.raft.stepDown(this.now)
    node.pump(this.now)
    this.#later(300 + this.#random.below(500), () => {
      if (node.raft !== undefined) node.crash()
      node.start(this.now)
    })
  }

  #partition(): void {
    const order = shuffled(ids, this.#random)
    const side = order.slice(0, 1 + this.#random.below(3))
    const leader = this.leader()?.id as (typeof ids)[number] | undefined
    if (leader !== undefined && this.#random.below(2) === 0) side[0] = leader
    const oneWay = this.#random.below(3) === 0
    this.say(`cut ${side.join('')}${oneWay ? ', one way' : ''}`)
    for (const a of side) {
      for (const b of order) {
        if (side.includes(b)) continue
        this.#cut.add(`${a}${b}`)
        if (!oneWay) this.#cut.add(`${b}${a}`)
      }
    }
  }

  /** Takes somebody in as a learner, or makes voters of a random set of those who may be. */
  #changeConfig(): void {
    const leader = this.#claimant()
    if (leader?.raft === undefined) return
    const { config } = leader.raft.status()
    const order = shuffled(ids, this.#random)
    const known = order.filter(id => config.voters.includes(id) || config.learners.includes(id))
    const voters = known.slice(0, 1 + this.#random.below(5))
    const change =
      this.#random.below(2) === 0
        ? { voters: config.voters, learners: order.slice(0, this.#random.below(5)) }
        : { voters, learners: order.slice(0, this.#random.below(4)) }
    const result = leader.raft.changeConfig(change, this.now)
    const to = `${change.voters.join('')} learners ${change.learners.join('')}`
    this.say(`${leader.id} changes to ${to}: ${result.ok ? result.index : result.why}`)
    leader.pump(this.now)
  }

  #transfer(): void {
    const leader = this.leader()
    const voters = leader?.raft?.status().config.voters ?? ids
    const to = voters[this.#random.below(voters.length)]!
    if (leader?.raft?.transferLeadership(to, this.now)) this.say(`${leader.id} hands over to ${to}`)
    leader?.pump(this.now)
  }

  #later(delay: number, run: () => void): void {
    const event = { at: this.now + delay, order: this.#order++, run }
    const heap = this.#events
    heap.push(event)
    let at = heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(event, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = event
  }

  #pop(end: number): Event | undefined {
    const heap = this.#events
    const first = heap[0]
    if (first === undefined || first.at > end) return undefined
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

function before(a: Event, b: Event): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order
}

function describe(message: Message): string {
  const { from: _, to: __, ...rest } = message
  return JSON.stringify(rest, (key, value) => {
    if (key === 'entries')
      return value.map((e: Entry) => `${e.index}/${e.term}/${e.type}`).join(' ')
    return value
  })
}
