import type { Entry, RaftStatus } from '../../src/raft/types.ts'
import type { HiveEvent } from '../../src/state/events.ts'
import type { Cluster, Process, SimulatedNode, SimulatedState } from './cluster.ts'
import type { SimulatedGroup } from './disk-group.ts'
import type { Life } from './queue.ts'

/** Something is true that must never be. */
export class Violation extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'Violation'
  }
}

/** How an entry's bytes become an event; undefined: not one of this build's. The real one is `state/codec.ts`. */
export type DecodeEvent = (data: Uint8Array) => HiveEvent | undefined

/** An entry that was committed, and everything that checks need to know of it. */
export interface Committed {
  readonly entry: Entry
  readonly event: HiveEvent | undefined
  /** Virtual time at which the first node knew. */
  readonly at: number
}

interface Watched {
  readonly group: unknown
  readonly incarnations: Map<string, number>
  checkedCommit: number
  checkedApplied: number
  term: number
}

/**
 * Looks at a process after each of its events: whoever leads, what is committed, what is applied. It
 * keeps the one log that all nodes' logs must be beginnings of (TigerBeetle's state checker does so).
 */
export class Checkers {
  readonly #cluster: Cluster
  readonly #decode: DecodeEvent
  readonly #fingerprintEvery: number
  readonly #watched = new WeakMap<Life, Watched>()
  /** Who led, by `group/term`. */
  readonly #leaders = new Map<number, string>()
  /** `log[i]` has index i + 1; undefined: never seen by anybody while it could be (only after compaction). */
  readonly log: (Committed | undefined)[] = []
  /** Facts as they are on disk → the id in them. */
  readonly #ids = new Map<string, string>()
  readonly #fingerprints = new Map<number, { readonly text: string; readonly node: string }>()
  /** Id → index of its first admission. */
  readonly #admittedAt = new Map<string, number>()
  readonly counts = { commits: 0, fingerprints: 0, leaders: 0 }
  /** Hear of each entry when its commit is first known. */
  readonly onCommitted: ((committed: Committed) => void)[] = []
  /** Hear of each process after each of its events, once it has passed. */
  readonly onLooked: ((node: SimulatedNode, status: RaftStatus) => void)[] = []
  /** Hear of a state after something was applied to it. */
  readonly onState: ((node: SimulatedNode, state: SimulatedState) => void)[] = []

  /** `fingerprintEvery`: of so many indexes one is compared while entries come; at rest each is. */
  constructor(cluster: Cluster, decode: DecodeEvent, fingerprintEvery = 8) {
    this.#cluster = cluster
    this.#fingerprintEvery = fingerprintEvery
    this.#decode = decode
    cluster.simulation.afterEvent = life => this.#look(life)
  }

  #look(life: Life): void {
    const node = this.#cluster.nodeOf(life)
    const process = node?.process
    if (node === undefined || process === undefined || process.life !== life) return
    const status = process.agent.raftStatus()
    if (status === undefined) return
    const group = process.storage.openStore
    let watched = this.#watched.get(life)
    // Who gave the log up and was given it again begins anew.
    if (watched === undefined || watched.group !== group) {
      watched = { group, checkedCommit: 0, checkedApplied: 0, term: 0, incarnations: new Map() }
      this.#watched.set(life, watched)
    }
    this.#checkTerm(node, status, watched)
    if (status.applied > watched.checkedCommit) this.#checkCommits(node, process, status, watched)
    this.#checkState(node, process, watched)
    for (const hear of this.onLooked) hear(node, status)
  }

  /** Who led in that term; undefined: nobody that was seen. */
  leaderOf(term: number): string | undefined {
    return this.#leaders.get(term)
  }

  #checkTerm(node: SimulatedNode, status: RaftStatus, watched: Watched): void {
    if (status.term < watched.term)
      throw new Violation(`${node.name}: term ${watched.term} became ${status.term}`)
    watched.term = status.term
    if (status.applied > status.commit)
      throw new Violation(`${node.name} applied ${status.applied}, committed is ${status.commit}`)
    if (status.rank !== 'leader') return
    const other = this.#leaders.get(status.term)
    if (other === undefined) {
      this.#leaders.set(status.term, node.name)
      this.counts.leaders++
      this.#checkElected(node, status)
      const { simulation } = this.#cluster
      simulation.trace.say(simulation.now, node.name, `leads term ${status.term}`)
    } else if (other !== node.name) {
      throw new Violation(`two leaders in term ${status.term}: ${other} and ${node.name}`)
    }
  }

  /** A majority's votes are on disk, or their voters are in a later term by now: nobody can vote twice. */
  #checkElected(node: SimulatedNode, { id, term, config }: RaftStatus): void {
    const sworn = (n: SimulatedNode): boolean =>
      n.disk.groups.some(({ hardState: h }) => h.term > term || (h.term === term && h.vote === id))
    const voted = new Set(this.#cluster.nodes.filter(sworn).map(n => this.idOf(n)))
    for (const majority of [config.voters, config.outgoing]) {
      const held = majority.filter(voter => voted.has(voter)).length
      if (majority.length > 0 && held * 2 <= majority.length)
        throw new Violation(
          `${node.name} leads term ${term} by ${held} durable votes of ${majority.length}`,
        )
    }
  }

  #checkCommits(node: SimulatedNode, process: Process, status: RaftStatus, watched: Watched): void {
    const store = process.storage.openStore
    if (store === undefined) return
    let index = watched.checkedCommit + 1
    // Only what is applied has surely been handed to the store: raft takes in before the crank writes.
    for (; index <= status.applied; index++) {
      const entry = store.entryAt(index)
      if (entry === undefined) {
        if (index > store.lastIndex)
          throw new Violation(`${node.name} applied ${index}, and has nothing there`)
        continue
      }
      const known = this.log[index - 1]
      if (known === undefined) {
        this.#checkDurable(node, status, entry, store)
        this.#commit(index, entry)
      } else if (!sameEntry(known.entry, entry))
        throw new Violation(
          `${node.name} committed ${show(entry)}, another node ${show(known.entry)}`,
        )
    }
    watched.checkedCommit = index - 1
  }

  /** Committed means: durable on a majority. A crash of everybody at this instant loses nothing. */
  #checkDurable(
    node: SimulatedNode,
    status: RaftStatus,
    entry: Entry,
    store: SimulatedGroup,
  ): void {
    const { voters, outgoing } = status.config
    // A configuration behind the entry may have come after the commit: then its majority was not asked.
    let changed = false
    for (let i = entry.index + 1; i <= status.lastIndex && !changed; i++)
      changed = store.entryAt(i)?.type === 'config'
    // A joint configuration itself is always decided by both of its majorities.
    const joint = entry.type === 'config' && entry.config.outgoing.length > 0
    if (!joint && changed && outgoing.length === 0) return
    const holders = new Set(
      this.#cluster.nodes.filter(n => n.disk.holds(entry)).map(n => this.idOf(n)),
    )
    const both = joint ? [entry.config.voters, entry.config.outgoing] : [voters, outgoing]
    for (const majority of changed && !joint ? [outgoing] : both) {
      const held = majority.filter(id => holders.has(id)).length
      if (majority.length > 0 && held * 2 <= majority.length)
        throw new Violation(
          `${node.name} committed ${show(entry)}, durable on ${held} of ${majority.length} voters`,
        )
    }
  }

  /** Whose id, as it is on its disk; before its first start, its name. */
  idOf(node: SimulatedNode): string {
    const { facts } = node.disk
    if (facts === undefined) return node.name
    const known = this.#ids.get(facts)
    if (known !== undefined) return known
    const { id } = JSON.parse(facts) as { id: string }
    this.#ids.set(facts, id)
    return id
  }

  #commit(index: number, entry: Entry): void {
    const { simulation } = this.#cluster
    const event = entry.type === 'data' ? this.#decode(entry.data) : undefined
    const committed: Committed = { entry, event, at: simulation.now }
    this.log[index - 1] = committed
    this.counts.commits++
    if (event !== undefined) this.#remember(event, index)
    for (const hear of this.onCommitted) hear(committed)
  }

  #remember(event: HiveEvent, index: number): void {
    switch (event.type) {
      case 'ClusterInitialised':
        for (const node of event.data.control) this.#admitted(node.id, index)
        return
      case 'NodeAdmitted':
        this.#admitted(event.data.node.id, index)
        return
      default:
    }
  }

  /** Who left and came back was admitted more than once; nodes that restart show old states. */
  #admitted(id: string, index: number): void {
    this.#admittedAt.set(id, Math.min(index, this.#admittedAt.get(id) ?? index))
  }

  #checkState(node: SimulatedNode, process: Process, watched: Watched): void {
    const { state } = process.agent
    if (state === undefined || state.applied === watched.checkedApplied) return
    watched.checkedApplied = state.applied
    for (const record of state.nodes.values()) this.#checkRecord(node, watched, record)
    for (const hear of this.onState) hear(node, state)
    if (state.applied % this.#fingerprintEvery === 0) this.#compare(node, state)
  }

  #checkRecord(
    node: SimulatedNode,
    watched: Watched,
    record: { readonly id: string; readonly name: string; readonly incarnation: number },
  ): void {
    const applied = watched.checkedApplied
    const admitted = this.#admittedAt.get(record.id)
    if (admitted === undefined || admitted > applied)
      throw new Violation(
        `${node.name} has ${record.name} in the logical topology at ${applied}, but no committed event admitted it`,
      )
    const before = watched.incarnations.get(record.id) ?? 0
    if (record.incarnation < before)
      throw new Violation(
        `${node.name}: incarnation of ${record.name} went from ${before} to ${record.incarnation}`,
      )
    watched.incarnations.set(record.id, record.incarnation)
  }

  #compare(node: SimulatedNode, state: { readonly applied: number; fingerprint(): string }): void {
    const text = state.fingerprint()
    this.counts.fingerprints++
    const known = this.#fingerprints.get(state.applied)
    if (known === undefined) this.#fingerprints.set(state.applied, { text, node: node.name })
    else if (known.text !== text)
      throw new Violation(
        `state at ${state.applied} differs: ${known.node} ${known.text}, ${node.name} ${text}`,
      )
  }

  /** At rest: every process's state, whatever its index. */
  compareAll(): void {
    for (const node of this.#cluster.running()) {
      const state = node.process?.agent.state
      if (state !== undefined) this.#compare(node, state)
    }
  }
}

function sameEntry(a: Entry, b: Entry): boolean {
  if (a.index !== b.index || a.term !== b.term || a.type !== b.type) return false
  if (a.type === 'data' && b.type === 'data') return sameBytes(a.data, b.data)
  if (a.type === 'config' && b.type === 'config')
    return JSON.stringify(a.config) === JSON.stringify(b.config)
  return true
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function show(entry: Entry): string {
  return `entry ${entry.index} of term ${entry.term} (${entry.type})`
}
