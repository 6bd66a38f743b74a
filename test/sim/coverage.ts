import type { RaftStatus } from '../../src/raft/types.ts'
import type { Committed } from './checkers.ts'
import type { SimulatedNode } from './cluster.ts'
import type { DiskNote } from './disk.ts'
import type { Stage } from './scenario.ts'

/**
 * Which interesting states a run came to. A checker proves nothing about what never happens; so a campaign counts
 * these, and fails when one of them stays away. They are seen from outside: by what raft says of itself, by what is
 * agreed, by what agents tell their operators. Nothing in the agents knows of them.
 */
export const landmarks = [
  'two candidates in a term',
  'leader deposed with an uncommitted tail',
  'uncommitted suffix cut from a disk',
  'entry committed by a later leader than its own',
  'snapshot installed',
  'snapshot installed while who votes was changing',
  'disk failed while leading',
  'crash left only a beginning of what was being written',
  'leader died in a joint configuration',
  'new leader found a joint configuration',
  'learner became a voter while the leader changed',
  'voter gave its log up',
  'leader handed over',
  'suspicion refuted',
  'unreachable member came back',
  'failed node came back',
  'retry answered from the session table',
  'swap refused',
  'stale join refused',
  'init cancelled',
  'init refused because of another one',
  'two inits at once',
  'node removed while it was down',
  'removed node came back and joined',
  'removed node refused',
  'epoch rose',
  'epoch rose while a node was away',
  'old state set aside for a new start',
  'authority rotated by two leaders',
  'gossip key rotated by two leaders',
  'drain cancelled',
  'drained',
  'settings changed',
  'lock taken over from a holder that was silent',
  'a single control node',
  'seven control nodes',
  'more than thirty members',
  'lost quorum rescued',
  'node of a lost majority came home',
  'restore failed, and changed nothing',
  'snapshot restored',
  'restore given up half-way',
  'cluster agreed on newer events',
  'node let in by a token',
  'token that is worth nothing refused',
  'joiner waited for an operator',
  'joiner sent away by an operator',
] as const

export type Landmark = (typeof landmarks)[number]

/** How often members are looked at, ms. */
const lookEvery = 250
/** More observers than this would only repeat each other. */
const observers = 6

interface Seen {
  rank: string
  term: number
  lastIndex: number
  commit: number
  joint: boolean
}

export class Coverage {
  readonly #stage: Omit<Stage, 'coverage'>
  readonly #counts = new Map<Landmark, number>()
  readonly #seen = new WeakMap<object, Seen>()
  readonly #candidates = new Map<number, Set<string>>()
  readonly #beliefs = new Map<string, string>()
  readonly #requests = new Set<string>()
  /** What is being rotated → the leader that began. */
  readonly #rotations = new Map<string, string | undefined>()
  readonly #failed = new Set<string>()
  readonly #removed = new Set<string>()
  /** Who said what of itself last: incarnations of those who are in, or were. */
  readonly #incarnations = new Map<string, number>()
  #epoch = 1

  constructor(stage: Omit<Stage, 'coverage'>) {
    this.#stage = stage
    const { checkers, cluster, simulation } = stage
    checkers.onLooked.push((node, status) => this.#looked(node, status))
    checkers.onCommitted.push(committed => this.#committed(committed))
    cluster.onEnd.push((node, process) => this.#ended(process, node))
    cluster.onAdded.push(node => {
      node.disk.noted = what => this.#noted(what)
    })
    for (const node of cluster.nodes) node.disk.noted = what => this.#noted(what)
    simulation.trace.onSaid.push((_, what) => this.#said(what))
    const { control, nodes } = stage.settings
    if (control === 1) this.reach('a single control node')
    if (control === 7) this.reach('seven control nodes')
    if (nodes > 30) this.reach('more than thirty members')
    this.#lookAround()
  }

  reach(landmark: Landmark): void {
    this.#counts.set(landmark, (this.#counts.get(landmark) ?? 0) + 1)
  }

  get counts(): Readonly<Partial<Record<Landmark, number>>> {
    return Object.fromEntries(this.#counts)
  }

  #looked({ process, name, disk }: SimulatedNode, status: RaftStatus): void {
    if (process === undefined) return
    const joint = status.config.outgoing.length > 0
    const { rank, term, lastIndex, commit } = status
    const before = this.#seen.get(process)
    this.#seen.set(process, { rank, term, lastIndex, commit, joint })
    if (before === undefined || before.rank === rank) return
    if (rank === 'candidate') {
      // Whoever stands of its own accord asks first whether it would win.
      if (before.rank === 'follower' && status.config.voters.length > 1)
        this.reach('leader handed over')
      const standing = this.#candidates.get(term) ?? new Set()
      this.#candidates.set(term, standing.add(name))
      if (standing.size === 2) this.reach('two candidates in a term')
    }
    if (before.rank === 'leader') {
      if (lastIndex > commit) this.reach('leader deposed with an uncommitted tail')
      if (disk.failing !== undefined) this.reach('disk failed while leading')
    }
    if (rank === 'leader' && joint) {
      this.reach('new leader found a joint configuration')
      const { voters, outgoing } = status.config
      if (voters.some(id => !outgoing.includes(id)))
        this.reach('learner became a voter while the leader changed')
    }
  }

  #ended(process: object, _: SimulatedNode): void {
    const seen = this.#seen.get(process)
    if (seen?.rank === 'leader' && seen.joint) this.reach('leader died in a joint configuration')
  }

  #noted(what: DiskNote): void {
    switch (what) {
      case 'truncated':
        return this.reach('uncommitted suffix cut from a disk')
      case 'torn':
        return this.reach('crash left only a beginning of what was being written')
      case 'snapshot': {
        this.reach('snapshot installed')
        const changing = this.#stage.cluster.running().some(node => {
          const status = node.process?.agent.raftStatus()
          return status?.rank === 'leader' && status.config.outgoing.length > 0
        })
        const learning = this.#stage.cluster.running().some(node => {
          const status = node.process?.agent.raftStatus()
          return status?.rank === 'leader' && status.config.learners.length > 0
        })
        if (changing || learning) this.reach('snapshot installed while who votes was changing')
        return
      }
      default:
        what satisfies never
    }
  }

  #committed({ entry, event }: Committed): void {
    const { checkers, cluster } = this.#stage
    const leading = cluster
      .running()
      .map(n => n.process?.agent.raftStatus())
      .filter(s => s?.rank === 'leader')
    if (
      entry.type === 'data' &&
      leading.some(s => s!.term > entry.term && s!.commit >= entry.index)
    )
      this.reach('entry committed by a later leader than its own')
    if (event === undefined) return
    const { request } = event
    if (request !== undefined) {
      const id = `${request.client} ${request.serial}`
      if (this.#requests.has(id)) this.reach('retry answered from the session table')
      this.#requests.add(id)
    }
    const leader = checkers.leaderOf(entry.term)
    switch (event.type) {
      case 'NodeFailed':
        this.#failed.add(event.data.id)
        return
      case 'NodeReady':
        this.#restated(event.data.id, event.data.incarnation)
        if (this.#failed.delete(event.data.id)) this.reach('failed node came back')
        return
      case 'NodeAdmitted':
        this.#admitted(event.data.node)
        if (event.data.token !== undefined) this.reach('node let in by a token')
        if (this.#removed.delete(event.data.node.id))
          this.reach('removed node came back and joined')
        return
      case 'NodeLeft': {
        this.#removed.add(event.data.id)
        const node = cluster.nodes.find(n => n.disk.facts?.includes(event.data.id))
        if (node?.process === undefined) this.reach('node removed while it was down')
        return
      }
      case 'NodeDrainCancelled':
        return this.reach('drain cancelled')
      case 'NodeDrained':
        return this.reach('drained')
      case 'SettingsChanged':
        return this.reach('settings changed')
      case 'TombstonesCollected':
        if (event.data.epoch <= this.#epoch) return
        this.#epoch = event.data.epoch
        this.reach('epoch rose')
        if (cluster.nodes.some(n => n.process === undefined && !n.gone))
          this.reach('epoch rose while a node was away')
        return
      case 'RestoreDropped':
        return this.reach('restore given up half-way')
      case 'JoinRequested':
        return this.reach('joiner waited for an operator')
      case 'JoinRefused':
        return this.reach('joiner sent away by an operator')
      case 'ClusterUpgraded':
        return this.reach('cluster agreed on newer events')
      case 'CaCreated':
        this.#rotations.set('authority', leader)
        return
      case 'CaRetired':
        if (this.#rotations.get('authority') !== leader)
          this.reach('authority rotated by two leaders')
        return
      case 'GossipKeyAdded':
        this.#rotations.set('gossip', leader)
        return
      case 'GossipKeyUsed':
      case 'GossipKeyDropped':
        if (this.#rotations.get('gossip') !== leader)
          this.reach('gossip key rotated by two leaders')
        return
      default:
    }
  }

  #admitted({ id, incarnation }: { readonly id: string; readonly incarnation: number }): void {
    const latest = this.#incarnations.get(id) ?? 0
    // Who has left has to be a later one.
    if (incarnation < latest || (this.#removed.has(id) && incarnation === latest))
      this.reach('stale join refused')
    this.#restated(id, incarnation)
  }

  #restated(id: string, incarnation: number): void {
    this.#incarnations.set(id, Math.max(incarnation, this.#incarnations.get(id) ?? 0))
  }

  #said(what: string): void {
    for (const [pattern, landmark] of said) if (pattern.test(what)) this.reach(landmark)
  }

  /** What members believe of each other changes without a word. */
  #lookAround(): void {
    const { cluster, simulation } = this.#stage
    for (const node of cluster.running().slice(0, observers)) {
      for (const member of node.process?.agent.swimMembers() ?? []) {
        const key = `${node.name} ${node.boots} ${member.id}`
        const before = this.#beliefs.get(key)
        this.#beliefs.set(key, member.status)
        if (member.status !== 'alive') continue
        if (before === 'suspect') this.reach('suspicion refuted')
        if (before === 'unreachable') this.reach('unreachable member came back')
      }
    }
    simulation.after(lookEvery, () => this.#lookAround())
  }
}

/** What agents, operators and workloads say when it comes to that. */
const said: readonly (readonly [RegExp, Landmark])[] = [
  [/init cancelled/, 'init cancelled'],
  [
    /operator: (repeat )?init.*(BUSY|INIT_FAILED|ALREADY_INITIALISED)/,
    'init refused because of another one',
  ],
  [/^operators: two inits at once/, 'two inits at once'],
  [/this node carries the log no longer/, 'voter gave its log up'],
  [/refused.*code=REMOVED/, 'removed node refused'],
  [/this node is empty now label=epoch/, 'old state set aside for a new start'],
  [/takes over the lock/, 'lock taken over from a holder that was silent'],
  [/ refused: ok$/, 'swap refused'],
  [/TOKEN_(SPENT|EXPIRED|REVOKED)/, 'token that is worth nothing refused'],
]
