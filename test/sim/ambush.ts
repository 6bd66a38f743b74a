import { shuffled } from '../../src/base/random.ts'
import type { SimulatedNode } from './cluster.ts'
import type { Context } from './troubles.ts'

/**
 * Trouble that waits for its moment: some states last for milliseconds, and chance alone comes to them once in a
 * thousand runs.
 */
interface Ambush {
  readonly name: string
  /** Whom it waits for; undefined: not yet. */
  find(context: Context): SimulatedNode | undefined
  strike(context: Context, victim: SimulatedNode): () => void
}

/** How often it looks, ms. */
const lookEvery = 2
/** Slow enough that several writes wait for one sync, times. */
const crawling = 40

const ambushes: readonly Ambush[] = [
  {
    name: 'who leads while votes move',
    find: context => leader(context, status => status.config.outgoing.length > 0),
    strike: (context, victim) => (context.dice.next() < 0.5 ? cutOff : powerOff)(context, victim),
  },
  {
    name: 'who leads, and its disk',
    find: context => leader(context, () => true),
    strike: breakDisk,
  },
  {
    name: 'who leads, in the middle of a write',
    find: context => leader(context, () => true),
    strike: tear,
  },
  {
    name: 'who joins, and its doors',
    find: joiner,
    strike: delayJoin,
  },
]

export function ambush(context: Context): (() => void) | undefined {
  const { cluster, dice } = context
  const { name, find, strike } = ambushes[dice.below(ambushes.length)]!
  let undo: (() => void) | undefined
  let over = false
  context.say(`ambush: ${name}`)
  const look = (): void => {
    if (over) return
    const victim = find(context)
    if (victim !== undefined) undo = strike(context, victim)
    else cluster.simulation.after(lookEvery, look)
  }
  look()
  return () => {
    over = true
    undo?.()
  }
}

type Status = NonNullable<ReturnType<NonNullable<SimulatedNode['process']>['agent']['raftStatus']>>

function leader(
  { cluster }: Context,
  suits: (status: Status) => boolean,
): SimulatedNode | undefined {
  return cluster.running().find(node => {
    const status = node.process!.agent.raftStatus()
    return status?.rank === 'leader' && suits(status)
  })
}

/** Runs, and asks to come into the cluster that is there. */
function joiner(context: Context): SimulatedNode | undefined {
  const leading = leader(context, () => true)
  if (leading?.process?.agent.state?.cluster == null) return undefined
  return context.cluster.running().find(n => {
    const facts = n.disk.facts ?? '"left":'
    return n !== leading && !facts.includes('"cluster":') && !facts.includes('"left":')
  })
}

/** Its operator sends it away again; whether that succeeds is not the ambush's business. */
function leave({ simulation }: Context['cluster'], { process }: SimulatedNode): void {
  if (process === undefined || process.stopping) return
  simulation.enter(process.life, () => {
    process.agent.backend.leave({ force: false, actor: 'operator' }).catch(() => {})
  })
}

/**
 * It reaches only half of the others, and they cannot pass on what it asks. Then it starts anew, reaches only the other
 * half, comes in and leaves: what it asked first is still asked.
 */
function delayJoin({ cluster, dice, say }: Context, victim: SimulatedNode): () => void {
  const others = cluster.nodes.filter(n => n !== victim)
  const leads = (n: SimulatedNode): boolean => n.process?.agent.raftStatus()?.rank === 'leader'
  const led = others.filter(leads)
  const shuffledOthers = shuffled(
    others.filter(n => !leads(n)),
    dice,
  )
  const doors = shuffledOthers.slice(0, Math.ceil(shuffledOthers.length / 2))
  const rest = others.filter(n => !doors.includes(n))
  const open = doors.map(n => n.name).join()
  say(`ambush: ${victim.name} reaches ${open} alone, who cannot reach the leader`)
  const between = (
    how: 'block' | 'unblock',
    some: readonly SimulatedNode[],
    node: SimulatedNode,
  ) => {
    for (const { machine } of some) {
      cluster.network[how](machine, node.machine)
      cluster.network[how](node.machine, machine)
    }
  }
  for (const node of led) between('block', doors, node)
  between('block', rest, victim)
  let over = false
  cluster.simulation.after(200 + dice.next() * 600, () => {
    if (over) return
    between('unblock', rest, victim)
    if (victim.process === undefined) return
    say(`ambush: ${victim.name} starts anew while its join waits`)
    cluster.crash(victim, 'kill')
    between('block', doors, victim)
    cluster.start(victim)
    cluster.simulation.after(500 + dice.next() * 1_500, () => {
      if (!over) leave(cluster, victim)
    })
  })
  return () => {
    over = true
    for (const node of led) between('unblock', doors, node)
    between('unblock', others, victim)
  }
}

function powerOff({ cluster, say }: Context, victim: SimulatedNode): () => void {
  say(`ambush: ${victim.name} loses power`)
  cluster.crash(victim, 'power')
  return () => cluster.start(victim)
}

function cutOff({ cluster, say }: Context, victim: SimulatedNode): () => void {
  say(`ambush: ${victim.name} is cut off`)
  const others = cluster.nodes.filter(n => n !== victim)
  for (const { machine } of others) {
    cluster.network.block(machine, victim.machine)
    cluster.network.block(victim.machine, machine)
  }
  return () => {
    for (const { machine } of others) {
      cluster.network.unblock(machine, victim.machine)
      cluster.network.unblock(victim.machine, machine)
    }
  }
}

/** One at a time: who loses more disks than a minority has lost the cluster. */
function breakDisk({ cluster, dice, say }: Context, victim: SimulatedNode): () => void {
  if (cluster.nodes.some(n => n.disk.failing !== undefined)) return () => {}
  const kind = dice.next() < 0.5 ? 'full' : 'io'
  say(`ambush: broken disk: ${victim.name}, ${kind}`)
  victim.disk.failing = { kind, message: `simulated ${kind} failure` }
  return () => {
    if (victim.disk.failing === undefined) return
    victim.disk.failing = undefined
    cluster.crash(victim, 'kill')
    cluster.start(victim)
  }
}

/** Its disk crawls, so that writes wait for each other; then the power goes. */
function tear(context: Context, victim: SimulatedNode): () => void {
  const { cluster, say } = context
  const { habits } = victim.disk
  habits.slowness = crawling
  let over = false
  const look = (): void => {
    if (over) return
    if ((victim.process?.storage.openStore?.syncing ?? 0) < 2)
      return void cluster.simulation.after(lookEvery, look)
    say(`ambush: ${victim.name} loses power in the middle of a write`)
    cluster.crash(victim, 'power')
    habits.slowness = 1
  }
  look()
  return () => {
    over = true
    habits.slowness = 1
    cluster.start(victim)
  }
}
