/**
 * A cluster of raft nodes over a network that drops, duplicates, delays and cuts, driven by one
 * seed. `mischief.ts` says what goes wrong, `judge.ts` watches.
 */
import { type Random, seeded } from '../../src/base/random.ts'
import { utf8 } from '../../src/base/utf8.ts'
import { defaults, newGroup } from '../../src/raft/raft.ts'
import type { Entry, Message, PeerId, Ready, SnapshotMeta } from '../../src/raft/types.ts'
import { Agenda } from './agenda.ts'
import { Judge } from './judge.ts'
import { SimulatedDisk, SimulatedNode, type Witness } from './simulated-node.ts'

export const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] as const

export class SimulatedCluster implements Witness {
  readonly agenda = new Agenda(1000)
  readonly judge = new Judge()
  readonly nodes = new Map<PeerId, SimulatedNode>()
  readonly #random: Random
  readonly #trace: ((line: string) => void) | undefined
  /** The share of messages that get lost. */
  loss = 0.02
  /** The longest that a message usually takes, ms. */
  delay = 5
  /** The longest between two writes of a disk, ms. */
  slowDisk = 3
  /** Links that drop everything: the two ids. */
  readonly cut = new Set<string>()
  /** Nodes whose process stands still, until when. */
  readonly frozen = new Map<PeerId, number>()
  #nextContext = 1
  #nextValue = 1
  /** No more accidents. */
  calm = false

  constructor(seed: number | string, trace?: (line: string) => void) {
    this.#random = seeded(seed)
    this.#trace = trace
    const size = 1 + this.#random.below(5)
    const first = ids.slice(0, size)
    for (const id of ids) {
      const { snapshot, hardState } = newGroup(first.includes(id) ? first : [])
      const config = { ...defaults, id, maxInflight: 4, maxAppendBytes: 300, commitDelay: 5 }
      const disk = new SimulatedDisk(snapshot, hardState)
      this.nodes.set(id, new SimulatedNode(config, disk, this.#random.fork(), this))
    }
    for (const node of this.nodes.values()) node.start(this.now)
    for (const node of this.nodes.values()) this.#keepWriting(node)
    this.#keepTicking()
  }

  get now(): number {
    return this.agenda.now
  }

  /** All faults end, and everybody runs. */
  heal(): void {
    this.calm = true
    this.loss = 0
    this.delay = 2
    this.slowDisk = 2
    this.cut.clear()
    this.frozen.clear()
    for (const node of this.nodes.values()) {
      // Most that run go on as they are: a cluster must get well without being started anew.
      if (node.raft !== undefined && this.#random.below(3) > 0) continue
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
  claimant(): SimulatedNode | undefined {
    const claimants = [...this.nodes.values()].filter(n => n.raft?.status().rank === 'leader')
    return claimants[this.#random.below(Math.max(1, claimants.length))]
  }

  /** Proposes at a leader; what it answers is acknowledged when the leader applies it. */
  propose(): { index: number; term: number } | undefined {
    const leader = this.claimant()
    const count = 1 + this.#random.below(3)
    const datas = Array.from({ length: count }, () => utf8(`value ${this.#nextValue++}`))
    const result = leader?.raft?.propose(datas, this.now)
    if (!result?.ok) return undefined
    this.judge.proposed(result.first, count, result.term)
    this.say(`${leader!.id} proposes ${result.first}..${result.first + count - 1}/${result.term}`)
    leader!.pump(this.now)
    return { index: result.first + count - 1, term: result.term }
  }

  read(): void {
    const node = this.claimant()
    if (node === undefined) return
    const context = this.#nextContext++
    this.judge.asked(context)
    if (!node.raft!.readIndex(context, this.now)) this.judge.refused(context)
    node.pump(this.now)
  }

  say(line: string): void {
    this.#trace?.(`${this.now.toFixed(1)} ${line}`)
  }

  // What the nodes tell.

  applied(id: PeerId, entry: Entry): void {
    const first = this.judge.applied(id, entry)
    if (first) this.say(`${id} is first to apply ${entry.index}/${entry.term} ${entry.type}`)
  }

  installed(id: PeerId, snapshot: SnapshotMeta): void {
    this.say(`${id} installs a snapshot at ${snapshot.index}`)
    this.judge.installed(id, snapshot)
  }

  rank(id: PeerId, rank: NonNullable<Ready['rank']>): void {
    this.say(`${id} is ${rank.rank} in term ${rank.term}, leader ${rank.leader}`)
    this.judge.rank(id, this.nodes.get(id)?.raft, rank)
  }

  served(id: PeerId, context: number, index: number): void {
    this.judge.served(id, context, index)
  }

  readRefused(context: number): void {
    this.judge.refused(context)
  }

  send(message: Message): void {
    this.say(`${message.from}→${message.to} ${describe(message)}`)
    if (this.#random.next() < this.loss) return
    this.#deliverLater(message)
    if (this.#random.next() < this.loss / 2) this.#deliverLater(message)
  }

  wantsSnapshot(id: PeerId, to: PeerId): void {
    const node = this.nodes.get(id)!
    const raft = node.raft
    this.agenda.later(this.#random.below(100), () => {
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
    this.agenda.later(this.#random.next() * this.delay * slow, () => {
      if (this.cut.has(`${message.from}${message.to}`)) return
      const node = this.nodes.get(message.to)
      if (this.isFrozen(message.to)) {
        this.agenda.later(this.frozen.get(message.to)! - this.now + this.#random.next(), () =>
          this.#deliverLater(message),
        )
        return
      }
      if (node?.raft === undefined) return
      node.raft.step(message, this.now)
      if (this.#random.below(3) > 0 || this.calm) node.pump(this.now)
      else this.agenda.later(this.#random.next() * 3, () => node.pump(this.now))
    })
  }

  isFrozen(id: PeerId): boolean {
    return (this.frozen.get(id) ?? 0) > this.now
  }

  #keepWriting(node: SimulatedNode): void {
    const turn = () => {
      if (node.raft !== undefined && !this.isFrozen(node.id)) {
        if (node.disk.pending.length > 0) node.write(this.now)
        node.apply(this.now)
        node.pump(this.now)
        if (this.#random.below(10) === 0) node.save()
      }
      this.agenda.later(this.#random.next() * this.slowDisk, turn)
    }
    turn()
  }

  #keepTicking(): void {
    for (const node of this.nodes.values()) {
      const at = node.raft?.wakeAt()
      if (at === undefined || at > this.now || this.isFrozen(node.id)) continue
      node.raft!.tick(this.now)
      node.pump(this.now)
    }
    this.agenda.later(1 + this.#random.next() * 4, () => this.#keepTicking())
  }
}

function describe(message: Message): string {
  const { from: _, to: __, ...rest } = message
  return JSON.stringify(rest, (key, value) => {
    if (key === 'entries')
      return value.map((e: Entry) => `${e.index}/${e.term}/${e.type}`).join(' ')
    return value
  })
}
