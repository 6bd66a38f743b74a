import { decodeEvent } from '../../src/state/codec.ts'
import type { HiveEvent } from '../../src/state/events.ts'
import type { Compaction } from '../../src/store/types.ts'
import { Caller } from './caller.ts'
import { CasWorkload } from './cas-workload.ts'
import { Checkers, Violation } from './checkers.ts'
import { Cluster, type MakeAgent, type SimulatedNode } from './cluster.ts'
import { Coverage } from './coverage.ts'
import { watchHeldReads } from './held-reads.ts'
import { History } from './history.ts'
import { type KvLoad, KvWorkload, usualLoad } from './kv-workload.ts'
import { Ledger } from './ledger.ts'
import { Nemesis } from './nemesis.ts'
import { Operators } from './operators.ts'
import { watchTokens } from './porters.ts'
import { Simulation } from './simulation.ts'
import type { Trace } from './trace.ts'
import { watchVerdicts } from './verdicts.ts'
import { watchVersions } from './versions.ts'

/**
 * `cas`: counting, appending and locking by cas. `removals`: dead nodes are removed, and come back. `epochs`: what is
 * removed is soon forgotten. `settings`: operators change them. `votes`: who votes
 * changes all the time. `rotations`: keys and authorities change all the time. `upgrade`: most nodes begin with an older
 * build, and get this one.
 */
export type Work =
  | 'cas'
  | 'removals'
  | 'epochs'
  | 'settings'
  | 'votes'
  | 'rotations'
  | 'upgrade'
  | 'tokens'
  | 'approval'

/** `rescue`: a quorum is lost for good. `restore`: a snapshot comes back. */
export type Ending = 'rescue' | 'restore'

/** What a run is made of; together with the seed, all of it. */
export interface Settings {
  readonly seed: number
  /** Cluster time under trouble, minutes; what is needed to recover comes on top. */
  readonly minutes: number
  readonly nodes: number
  readonly load?: KvLoad
  /** Trouble begins with the first start, before anything is agreed. */
  readonly earlyTrouble?: boolean
  /** Kinds of trouble to pick from; undefined: all. Empty: none. */
  readonly troubles?: readonly string[]
  /** Nodes have a secret, and prove themselves by it and by what the cluster makes of it. */
  readonly secured?: boolean
  /** When logs are cut; undefined: later than most runs get. */
  readonly compaction?: Compaction
  /** Dead voters give their votes to observers, of whom operators make many, soon. */
  readonly replacing?: boolean
  /** How many become control nodes at the init; undefined: three, or five if there are as many. */
  readonly control?: number
  /** Two operators run an init at once, with different control nodes. */
  readonly race?: boolean
  /** What else goes on, beside keys and the usual operators. */
  readonly works?: readonly Work[]
  /** Trouble also waits for its moment. */
  readonly ambushes?: boolean
  /** What happens once all was well and checked; checked again after it. */
  readonly ending?: Ending
  /** Nodes keep so many others at most; undefined: as many as are usual. */
  readonly slice?: number
  readonly verbose?: boolean
}

export interface Result {
  readonly seed: number
  /** undefined: all was well. */
  readonly failure: Error | undefined
  /** Two runs are the same run exactly when these agree. */
  readonly digest: string
  readonly virtualMs: number
  readonly events: number
  readonly drains: number
  readonly operations: { readonly ok: number; readonly fail: number; readonly unknown: number }
  readonly commits: number
  readonly terms: number
  /** How often the run came to each landmark. */
  readonly coverage: Coverage['counts']
}

/** Everything that a way of running a cluster needs to differ in. */
export interface Variant {
  /** Whether there are commands for operators to give. */
  readonly operated: boolean
  make(names: readonly string[], ipOf: (name: string) => string): MakeAgent
  /** Brings the cluster from its first start to where keys can be written. */
  begin(stage: Stage): Promise<void>
  /** Once all is repaired: waits for health, and throws a Violation if it does not come. */
  settle(stage: Stage): Promise<void>
  /** What a run may end with, after everything was checked. */
  end?(stage: Stage, ending: Ending): Promise<void>
  /** Nodes that every key is read back through in the end. */
  readers(stage: Stage): readonly SimulatedNode[]
}

/** A run under way, as its parts see it. */
export interface Stage {
  readonly settings: Settings
  readonly simulation: Simulation
  readonly cluster: Cluster
  readonly caller: Caller
  readonly history: History
  readonly checkers: Checkers
  readonly workload: KvWorkload
  readonly cas: CasWorkload
  readonly nemesis: Nemesis
  readonly operators: Operators
  readonly coverage: Coverage
}

/** After the last repair everything must be well again within this, ms. */
export const recoverWithin = 60_000

export async function runScenario(
  variant: Variant,
  settings: Settings,
  trace?: Trace,
): Promise<Result> {
  const simulation = new Simulation(settings.seed, trace)
  const names = Array.from({ length: settings.nodes }, (_, i) => `n${i + 1}`)
  const ips = new Map<string, string>()
  const make = variant.make(names, name => ips.get(name)!)
  const cluster = new Cluster(simulation, make, settings.verbose)
  cluster.movable = variant.operated
  if (settings.secured) cluster.secret = 'secret-of-the-simulated-cluster-0123456789ab'
  for (const name of names) {
    const join = names.filter(other => other !== name).slice(0, 2)
    ips.set(name, cluster.addNode(name, { join }).machine.ip)
  }
  // Whoever is old has to be so from its first start.
  const builds = simulation.dice('builds')
  if (settings.works?.includes('upgrade')) {
    for (const node of cluster.nodes) node.old = builds.next() < 0.7
  }
  if (settings.compaction) {
    for (const node of cluster.nodes) node.disk.compaction = settings.compaction
  }
  const caller = new Caller(cluster)
  const history = new History()
  const load = settings.load ?? usualLoad
  // A fingerprint reads the whole state; with large values in it, that is felt.
  const checkers = new Checkers(cluster, decoded, load.bulk > 0 ? 128 : 8)
  const workload = new KvWorkload(cluster, caller, history, load)
  const nemesis = new Nemesis(cluster, settings.troubles, settings.ambushes)
  const operators = new Operators(cluster, caller, settings)
  const cas = new CasWorkload(cluster, caller)
  const parts = {
    settings,
    simulation,
    cluster,
    caller,
    history,
    checkers,
    workload,
    nemesis,
    operators,
    cas,
  }
  const coverage = new Coverage(parts)
  const stage: Stage = { ...parts, coverage }
  new Ledger(cluster, checkers)
  watchVerdicts(stage)
  watchVersions(stage)
  // The bare control plane holds no reads, and has no tokens.
  if (variant.operated) {
    watchHeldReads(stage)
    watchTokens(stage)
  }
  let failure: Error | undefined
  try {
    await play(stage, variant)
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
    simulation.trace.say(simulation.now, '!', `FAILED: ${failure.message}`)
  }
  return {
    seed: settings.seed,
    failure,
    digest: simulation.trace.digest(),
    virtualMs: simulation.now,
    events: simulation.events,
    drains: simulation.drains,
    operations: history.counts,
    commits: checkers.counts.commits,
    terms: checkers.counts.leaders,
    coverage: coverage.counts,
  }
}

function decoded(data: Uint8Array): HiveEvent | undefined {
  const event = decodeEvent(data)
  return 'unknown' in event ? undefined : event
}

async function play(stage: Stage, variant: Variant): Promise<void> {
  const { simulation, cluster, workload, cas, nemesis, operators, settings } = stage
  const troubled = settings.troubles?.length !== 0
  for (const node of cluster.nodes) cluster.start(node)
  if (troubled && settings.earlyTrouble) nemesis.start()
  await variant.begin(stage)
  workload.start()
  if (settings.works?.includes('cas')) cas.start()
  if (variant.operated) operators.start(settings.replacing)
  if (troubled) nemesis.start()
  await simulation.run(simulation.now + settings.minutes * 60_000)
  operators.stop()
  nemesis.stop()
  await simulation.run(simulation.now + 2_000)
  workload.stop()
  cas.stop()
  await variant.settle(stage)
  await judge(stage, variant)
  if (settings.ending === undefined) return
  await variant.end?.(stage, settings.ending)
  // What a snapshot brings back is not what clients were told.
  if (settings.ending === 'rescue') await judge(stage, variant)
}

/** Everything that clients were told, against everything that is there now. */
async function judge(stage: Stage, variant: Variant): Promise<void> {
  const { history, checkers, settings } = stage
  await readBack(stage, variant.readers(stage))
  if (settings.works?.includes('cas')) await checkSwaps(stage, variant.readers(stage)[0]!)
  checkers.compareAll()
  checkAcknowledged(stage)
  const problems = history.problems()
  if (problems.length > 0) throw new Violation(problems.join('\n'))
}

async function checkSwaps({ simulation, cas }: Stage, reader: SimulatedNode): Promise<void> {
  let read = false
  cas.check(reader, () => {
    read = true
  })
  await simulation.run(simulation.now + recoverWithin, () => read)
}

/** What every key holds in the end is part of its history. */
async function readBack(
  { simulation, workload }: Stage,
  readers: readonly SimulatedNode[],
): Promise<void> {
  let open = readers.length
  let failed = 0
  for (const node of readers) {
    workload.readAll(node, missing => {
      failed += missing
      open--
    })
  }
  await simulation.run(simulation.now + recoverWithin, () => open === 0)
  if (open > 0) throw new Violation('the keys cannot be read back though all is repaired')
  if (failed > 0) throw new Violation(`${failed} reads failed though all is repaired`)
}

/** An acknowledged write is in the log, where its answer said. */
function checkAcknowledged({ history, checkers }: Stage): void {
  for (const operation of history.all()) {
    const { call, outcome, index } = operation
    if (outcome !== 'ok' || index === undefined || call.kind === 'read') continue
    if (call.kind === 'cas' && call.swapped !== true) continue
    const committed = checkers.log[index - 1]
    if (committed === undefined) continue
    const { event } = committed
    const wanted = call.value === null ? 'KvDelete' : 'KvPut'
    if (event?.type !== wanted || event.data.key !== operation.key)
      throw new Violation(
        `#${operation.number} on ${operation.key} was acknowledged at ${index}, where the log has ${event?.type ?? 'no event'}`,
      )
  }
}

/** Runs until `reached` holds, asked now and then; false: it did not within `within` ms. */
export async function until(
  simulation: Simulation,
  within: number,
  reached: () => boolean,
  every = 100,
): Promise<boolean> {
  const deadline = simulation.now + within
  while (simulation.now < deadline) {
    if (reached()) return true
    await simulation.run(Math.min(deadline, simulation.now + every))
  }
  return reached()
}

export function statusLine(node: SimulatedNode): string {
  const status = node.process?.agent.raftStatus()
  if (node.process === undefined) return `${node.name}: down`
  if (status === undefined) return `${node.name}: no group`
  const { rank, term, leader, commit, applied, lastIndex } = status
  return `${node.name}: ${rank} of term ${term}, leader ${leader ?? 'none'}, commit ${commit}, applied ${applied}, last ${lastIndex}`
}
