import type { EventData, HiveEvent } from '../../src/state/events.ts'
import { type Checkers, type Committed, Violation } from './checkers.ts'
import type { Cluster, SimulatedNode, SimulatedState } from './cluster.ts'

/**
 * What the agreed events add up to, counted a second time by slow and simple rules: who is in, who was removed and
 * when that may be forgotten. Every node's state must say the same. And what no event may ever be: a verdict that
 * rests on one accuser's word, two pictures of who decides under one number.
 */
interface Known {
  readonly name: string
  incarnation: number
}

const membership = new Set([
  'ClusterInitialised',
  'NodeAdmitted',
  'NodeReady',
  'NodeUpdated',
  'NodeFailed',
  'NodeLeft',
  'TombstonesCollected',
  'ClusterRecovered',
  'SnapshotRestored',
  'TokenCreated',
  'TokenRevoked',
  'JoinRequested',
])

interface Token {
  readonly expires: number
  readonly uses: number
  used: number
  revoked: boolean
}

export class Ledger {
  readonly #cluster: Cluster
  readonly #checkers: Checkers
  readonly #nodes = new Map<string, Known>()
  /** Who was removed → with which incarnation, and where in the log. */
  readonly #removed = new Map<string, { readonly incarnation: number; readonly at: number }>()
  readonly #tokens = new Map<string, Token>()
  /** Who waits at the door → with which token, and since when. */
  readonly #waiting = new Map<
    string,
    { readonly token: string | undefined; readonly since: number }
  >()
  #epoch = 1
  readonly #lineages = new Set<number>()
  /** Whether all of a snapshot had come is for the first state that shows it to say. */
  #restored = false
  #latest = 0
  /** By meta version: who votes and what is set, as the first state that had it says. */
  readonly #pictures = new Map<number, { readonly text: string; readonly by: string }>()
  /** Without a gap so far: what was compacted before anybody could look is not known. */
  #next = 1
  /** Who is in and who was removed, since the latest event that changed it. */
  #expected = '|'

  constructor(cluster: Cluster, checkers: Checkers) {
    this.#cluster = cluster
    this.#checkers = checkers
    checkers.onCommitted.push(committed => this.#committed(committed))
    checkers.onState.push((node, state) => this.#compare(node, state))
  }

  #committed({ entry, event }: Committed): void {
    if (entry.index !== this.#next) return
    this.#next++
    if (event === undefined || !membership.has(event.type)) return
    this.#latest = entry.index
    this.#take(event, entry.index, entry.term)
    const ids = [...this.#nodes.keys()].toSorted()
    const gone = [...this.#removed.keys()].toSorted()
    this.#expected = `${ids.join()}|${gone.join()}`
  }

  #take(event: HiveEvent, index: number, term: number): void {
    switch (event.type) {
      case 'ClusterInitialised':
        if (this.#nodes.size > 0) return
        for (const { id, name, incarnation } of event.data.control)
          this.#nodes.set(id, { name, incarnation })
        return
      case 'NodeAdmitted':
        return this.#admitted(event.data, event.time)
      case 'TokenCreated': {
        const { id, expires, use } = event.data
        if (use.kind !== 'join' || this.#tokens.has(id)) return
        const token = { expires: expires ?? 0, uses: use.uses, used: 0, revoked: false }
        this.#tokens.set(id, token)
        return
      }
      case 'TokenRevoked': {
        const token = this.#tokens.get(event.data.id)
        if (token) token.revoked = true
        return
      }
      case 'JoinRequested': {
        const { node, token } = event.data
        const since = this.#waiting.get(node.id)?.since ?? event.time
        if (token !== undefined && !this.#isGood(token, since)) return
        this.#waiting.set(node.id, { token, since })
        return
      }
      case 'NodeReady':
      case 'NodeUpdated':
        return this.#heard(event.data.id, event.data.incarnation)
      case 'NodeFailed':
        this.#judged(event.data, index, term)
        return this.#heard(event.data.id, event.data.incarnation)
      case 'NodeLeft': {
        const known = this.#nodes.get(event.data.id)
        if (known === undefined) return
        this.#nodes.delete(event.data.id)
        this.#removed.set(event.data.id, { incarnation: known.incarnation, at: index })
        return
      }
      case 'TombstonesCollected': {
        const { epoch, through } = event.data
        if (epoch !== this.#epoch + 1) return
        // Whether it was time for it is the state's own rule; then the epoch tells what it decided.
        const due = [...this.#removed].filter(([, { at }]) => at <= through)
        // All of them have come back meanwhile.
        if (due.length === 0) return
        this.#epoch = epoch
        for (const [id] of due) this.#removed.delete(id)
        return
      }
      case 'ClusterRecovered': {
        const { epoch, lineage } = event.data
        if (this.#lineages.has(lineage) || epoch <= this.#epoch) return
        this.#lineages.add(lineage)
        this.#epoch = epoch
        return
      }
      case 'SnapshotRestored':
        this.#restored = true
        return
      default:
    }
  }

  #admitted({ node, token }: EventData['NodeAdmitted'], time: number): void {
    const { id, name, incarnation } = node
    const holder = [...this.#nodes].find(([, n]) => n.name === name)
    if (holder !== undefined && holder[0] !== id) return
    const known = this.#nodes.get(id)
    if (known !== undefined && incarnation < known.incarnation) return
    const left = this.#removed.get(id)
    if (known === undefined && left !== undefined && incarnation <= left.incarnation) return
    if (known === undefined && token !== undefined) {
      const asked = this.#waiting.get(id)
      if (!this.#isGood(token, asked?.token === token ? asked.since : time)) return
      this.#tokens.get(token)!.used++
    }
    this.#waiting.delete(id)
    this.#removed.delete(id)
    this.#nodes.set(id, { name, incarnation })
  }

  #isGood(id: string, when: number): boolean {
    const token = this.#tokens.get(id)
    return token !== undefined && !token.revoked && when < token.expires && token.used < token.uses
  }

  #heard(id: string, incarnation: number): void {
    const known = this.#nodes.get(id)
    if (known !== undefined && incarnation > known.incarnation) known.incarnation = incarnation
  }

  /** On the leader's own word, or on that of at least two others. */
  #judged({ id, accusers }: EventData['NodeFailed'], index: number, term: number): void {
    const leader = this.#checkers.leaderOf(term)
    const facts = leader === undefined ? undefined : this.#cluster.node(leader).disk.facts
    if (facts === undefined || accusers.length >= 2) return
    if (accusers.length === 1 && facts.includes(`"id":"${accusers[0]}"`)) return
    throw new Violation(
      `${id} was agreed to have failed at ${index} on the word of ${accusers.length} accuser who does not lead`,
    )
  }

  #compare(node: SimulatedNode, state: SimulatedState): void {
    const { cluster, applied } = state
    if (cluster === null) return
    this.#comparePicture(node, state)
    if (applied < this.#latest || applied >= this.#next) return
    const ids = [...state.nodes.keys()].toSorted()
    const gone = [...state.tombstones.keys()].toSorted()
    const text = `${ids.join()}|${gone.join()}`
    if (text !== this.#expected)
      throw new Violation(
        `${node.name} has at ${applied} members and removed ${text}, where the log says ${this.#expected}`,
      )
    if (this.#restored && cluster.epoch === this.#epoch + 1) this.#epoch++
    this.#restored = false
    if (cluster.epoch !== this.#epoch)
      throw new Violation(
        `${node.name} is at ${applied} of epoch ${cluster.epoch}, the log of ${this.#epoch}`,
      )
  }

  #comparePicture(node: SimulatedNode, { cluster, voters }: SimulatedState): void {
    const { metaVersion, settings } = cluster!
    const text = JSON.stringify([voters, settings])
    const known = this.#pictures.get(metaVersion)
    if (known === undefined) this.#pictures.set(metaVersion, { text, by: node.name })
    else if (known.text !== text)
      throw new Violation(
        `meta version ${metaVersion} is ${known.text} for ${known.by} and ${text} for ${node.name}`,
      )
  }
}
