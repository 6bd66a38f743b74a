import type { Backend } from '../../src/api/types.ts'
import { type Random, shuffled } from '../../src/base/random.ts'
import { fromUtf8, utf8 } from '../../src/base/utf8.ts'
import type { State } from '../../src/state/state.ts'
import type { CallResult } from './caller.ts'
import { Violation } from './checkers.ts'
import type { SimulatedNode } from './cluster.ts'
import { recoverWithin, type Stage, until } from './scenario.ts'

/**
 * What a run may end with, after it was found well: things that operators do once in a cluster's life. Both begin in
 * calm, so that what must come of them is known to the last entry; then trouble comes again.
 */

/** Trouble lasts so long here, ms; it may begin anywhere in what goes on. */
const shortTrouble = 12_000
/**
 * After all trouble a command succeeds within this, ms, though it may take several attempts: a restore whose agent died
 * holds others up for two minutes.
 */
const patience = 140_000
/** A command that was refused is given again after this, ms. */
const retryAfter = 700
/** Keys that change between the snapshot and its return. */
const changes = 12

/**
 * A majority of the voters is lost for good; an operator rescues what is left, while trouble goes on. Then
 * the lost come home one by one, and clients go on. Nothing that was agreed before may be missing: all survivors had it.
 */
export async function rescue(stage: Stage, well: () => Promise<void>): Promise<void> {
  const { simulation, cluster, nemesis, workload, coverage } = stage
  const dice = simulation.dice('rescue')
  const voters = await levelVoters(stage)
  if (voters === undefined || voters.length < 2) return
  const order = shuffled(voters, dice)
  const survivors = order.slice(0, 1 + dice.below(Math.floor(voters.length / 2)))
  const lost = order.slice(survivors.length)
  simulation.trace.say(simulation.now, '!', `lost for good: ${namesOf(lost)}`)
  for (const node of lost) {
    cluster.crash(node, dice.next() < 0.5 ? 'kill' : 'power')
    node.gone = true
  }
  const before = epochOf(survivors[0]!)
  // Whose log is the furthest goes on, whoever was asked: it may be an observer's.
  const rescued = (): SimulatedNode | undefined =>
    cluster.nodes.find(n => epochOf(n) > before && n.process?.agent.raftStatus()?.leader != null)
  nemesis.start()
  simulation.after(shortTrouble * dice.next(), () => nemesis.stop())
  await persist(
    stage,
    () => survivors[0],
    'rescue',
    b => b.recoverApply(rescuing),
    () => rescued() !== undefined,
  )
  coverage.reach('lost quorum rescued')
  nemesis.stop()
  // On the disk, where the next start finds it: the lost would else come back all at once, and outvote the rescued.
  if (!(await until(simulation, recoverWithin, () => rescued() !== undefined)))
    throw new Violation('a rescue that was answered is on the disk of nobody')
  const epoch = epochOf(rescued()!)
  for (const node of [...survivors, ...lost]) {
    node.gone = false
    cluster.start(node)
    const home = await until(simulation, recoverWithin, () => epochOf(node) === epoch)
    if (!home) throw new Violation(`${node.name} does not come home to epoch ${epoch}`)
    if (lost.includes(node)) coverage.reach('node of a lost majority came home')
  }
  workload.start()
  nemesis.start()
  await simulation.run(simulation.now + shortTrouble)
  nemesis.stop()
  await simulation.run(simulation.now + 2_000)
  workload.stop()
  await well()
}

/** TCP tries again at least so often, ms. */
const tcpTries = 6_000

const rescuing = { name: 'sim', reason: 'simulated', actor: 'operator' }

/**
 * A snapshot is taken, keys change, and the snapshot is brought back while trouble goes on: all of it comes back at once,
 * or none. In calm it comes back for certain.
 */
export async function restore(stage: Stage, well: () => Promise<void>): Promise<void> {
  const { simulation, cluster, caller, nemesis, coverage } = stage
  const dice = simulation.dice('restore')
  // Clients have stopped, but what they asked last may still be under way, and would be no change of ours.
  if (!(await until(simulation, recoverWithin, () => !caller.busy)))
    throw new Violation('calls do not end though all is repaired')
  // One that was given up waits on TCP's next try, and takes effect when that arrives.
  await simulation.run(simulation.now + tcpTries)
  const any = (): SimulatedNode | undefined => {
    const nodes = cluster.running()
    return nodes[dice.below(Math.max(1, nodes.length))]
  }
  const pieces = await persist(stage, any, 'snapshot', taken)
  if (pieces === undefined) throw new Violation('no snapshot is made')
  const wanted = await keysOf(stage)
  await change(stage, any, dice)
  const changed = await keysOf(stage)
  const bring = (b: Backend) =>
    b.restoreSnapshot({ bytes: each(pieces), name: 'sim', fromAnother: false, actor: 'operator' })
  nemesis.start()
  simulation.after(shortTrouble, () => nemesis.stop())
  strikeMidway(stage, dice)
  let restored = false
  for (const end = simulation.now + shortTrouble; simulation.now < end && !restored; ) {
    const result = await ask(stage, any(), 'restore', bring)
    restored = result?.how === 'answered'
    // Now and then the operator gives up: what was staged must not stay for ever.
    if (!restored && dice.next() < 0.4) break
    await simulation.run(simulation.now + retryAfter * (1 + dice.next()))
  }
  nemesis.stop()
  await well()
  const found = await keysOf(stage)
  if (found !== wanted && (restored || found !== changed))
    throw new Violation(`a restore that ${restored ? 'succeeded' : 'did not'} left other keys`)
  if (found !== wanted) coverage.reach('restore failed, and changed nothing')
  await persist(stage, any, 'restore', bring)
  coverage.reach('snapshot restored')
  await well()
  if ((await keysOf(stage)) !== wanted) throw new Violation('a restore in calm left other keys')
}

/** The first restore that is under way loses who leads, or it is lost as it comes. */
function strikeMidway({ simulation, cluster, nemesis }: Stage, dice: Random): void {
  const look = (): void => {
    if (nemesis.quietSince !== undefined && !nemesis.running) return
    const leading = cluster.running().find(({ process }) => {
      const { agent } = process!
      return agent.raftStatus()?.rank === 'leader' && (agent.state as State).restore !== undefined
    })
    if (leading === undefined) return void simulation.after(0.2, look)
    cluster.crash(leading, dice.next() < 0.5 ? 'kill' : 'power')
    simulation.after(3_000 * dice.next(), () => cluster.start(leading))
  }
  look()
}

/** Who votes, once all of them have the very same log and all of it is agreed. */
async function levelVoters(stage: Stage): Promise<readonly SimulatedNode[] | undefined> {
  const { simulation, cluster } = stage
  let voters: readonly SimulatedNode[] | undefined
  await until(
    simulation,
    recoverWithin,
    () => {
      const statuses = new Map(cluster.running().map(n => [n, n.process!.agent.raftStatus()]))
      const leading = [...statuses.values()].find(s => s?.rank === 'leader')
      if (!leading || leading.config.outgoing.length > 0) return false
      const { lastIndex, config } = leading
      const all = [...statuses].filter(([, s]) => s && config.voters.includes(s.id))
      const level = all.every(([, s]) => s!.commit === lastIndex && s!.applied === lastIndex)
      if (level && all.length === config.voters.length) voters = all.map(([n]) => n)
      return voters !== undefined
    },
    1,
  )
  return voters
}

/** Gives a command until it succeeds, or until it is seen that it took effect. */
async function persist<T>(
  stage: Stage,
  at: () => SimulatedNode | undefined,
  what: string,
  invoke: (backend: Backend) => Promise<T>,
  done: () => boolean = () => false,
): Promise<T | undefined> {
  const { simulation } = stage
  let last = 'nobody was there to be asked'
  for (const end = simulation.now + patience + shortTrouble; simulation.now < end; ) {
    if (done()) return undefined
    const result = await ask(stage, at(), what, invoke)
    if (result?.how === 'answered') return result.value
    last = result?.how === 'refused' ? String(result.error) : (result?.how ?? last)
    await simulation.run(simulation.now + retryAfter)
  }
  throw new Violation(`no ${what} though all is repaired: ${last}`)
}

/** Undefined: there is nobody to ask. */
async function ask<T>(
  { simulation, caller }: Stage,
  node: SimulatedNode | undefined,
  what: string,
  invoke: (backend: Backend) => Promise<T>,
): Promise<CallResult<T> | undefined> {
  if (node?.process === undefined) return undefined
  const { trace } = simulation
  trace.say(simulation.now, node.name, `operator: ${what}`)
  let result: CallResult<T> | undefined
  caller.call(node, what, invoke, r => {
    result = r
  })
  await until(simulation, 200_000, () => result !== undefined, 20)
  const error = result?.how === 'refused' ? ` ${String(result.error)}` : ''
  trace.say(simulation.now, node.name, `operator: ${what}: ${result?.how}${error}`)
  return result
}

async function change(
  stage: Stage,
  at: () => SimulatedNode | undefined,
  dice: Random,
): Promise<void> {
  for (let i = 0; i < changes; i++) {
    const key = `changed ${i}`
    await persist(stage, at, `put of ${key}`, b =>
      b.kvPut({ key, value: utf8(`${dice.below(1e9)}`), flags: 0, actor: 'operator' }),
    )
  }
  await persist(stage, at, 'delete', b =>
    b.kvDelete({ key: 'k1', recurse: true, actor: 'operator' }),
  )
}

/** All keys and what they hold, as the most advanced state has them; everybody's are compared elsewhere. */
async function keysOf({ simulation, cluster }: Stage): Promise<string> {
  await simulation.run(simulation.now + 1_000)
  const states = cluster.running().flatMap(n => (n.process!.agent.state as State | undefined) ?? [])
  const state = states.toSorted((a, b) => b.applied - a.applied)[0]
  const entries = state?.kvList('') ?? []
  return JSON.stringify(
    entries.map(({ key, value }) => [key, value.length, fromUtf8(value.subarray(0, 100))]),
  )
}

async function taken(backend: Backend): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = []
  for await (const piece of (await backend.snapshot({ stale: false })).pieces) pieces.push(piece)
  return pieces
}

async function* each(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece
}

function epochOf({ disk }: SimulatedNode): number {
  const facts = JSON.parse(disk.facts ?? '{}') as { cluster?: { epoch?: number } }
  return facts.cluster?.epoch ?? 0
}

function namesOf(nodes: readonly SimulatedNode[]): string {
  return nodes
    .map(n => n.name)
    .toSorted()
    .join(', ')
}
