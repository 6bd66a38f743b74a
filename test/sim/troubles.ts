import type { Random } from '../../src/base/random.ts'
import { shuffled } from '../../src/base/random.ts'
import { ambush } from './ambush.ts'
import { type Cluster, gossipPort, type SimulatedNode } from './cluster.ts'
import { diskParts } from './disk.ts'
import { fairWeather } from './network.ts'

/** One kind of trouble: begins, and says how to end it. */
export interface Trouble {
  readonly name: string
  readonly weight: number
  /** Longest duration, ms. */
  readonly lasts: number
  begin(context: Context): (() => void) | undefined
  /** Only in runs that ask for it: the others stay the runs that they were. */
  readonly extra?: boolean
}

export interface Context {
  readonly cluster: Cluster
  readonly dice: Random
  readonly say: (text: string) => void
}

/** What can go wrong. Each takes its own undoing with it, so that troubles may overlap. */
export const troubles: readonly Trouble[] = [
  { name: 'split', weight: 4, lasts: 15_000, begin: split },
  { name: 'isolate', weight: 3, lasts: 15_000, begin: isolate },
  { name: 'one way', weight: 3, lasts: 12_000, begin: oneWay },
  { name: 'bad link', weight: 2, lasts: 12_000, begin: badLink },
  { name: 'storm', weight: 3, lasts: 10_000, begin: storm },
  { name: 'slow network', weight: 1, lasts: 8_000, begin: slowNetwork },
  { name: 'pause', weight: 3, lasts: 6_000, begin: pause },
  { name: 'stutter', weight: 2, lasts: 400, begin: pause },
  { name: 'crash one', weight: 4, lasts: 12_000, begin: context => crash(context, 1) },
  { name: 'crash some', weight: 2, lasts: 8_000, begin: crashSome },
  { name: 'crash all', weight: 1, lasts: 4_000, begin: context => crash(context, 99) },
  { name: 'restart', weight: 2, lasts: 3_000, begin: restart },
  { name: 'move', weight: 2, lasts: 5_000, begin: move },
  { name: 'slow disk', weight: 2, lasts: 10_000, begin: slowDisk },
  { name: 'stuck disk', weight: 1, lasts: 5_000, begin: stuckDisk },
  { name: 'broken disk', weight: 1, lasts: 8_000, begin: brokenDisk },
  { name: 'half a disk', weight: 2, lasts: 8_000, begin: halfDisk, extra: true },
  { name: 'clock jump', weight: 1, lasts: 10_000, begin: clockJump },
  { name: 'no dns', weight: 1, lasts: 10_000, begin: noDns },
  { name: 'ambush', weight: 9, lasts: 9_000, begin: ambush, extra: true },
]

function alive(cluster: Cluster): SimulatedNode[] {
  return cluster.running()
}

function one({ cluster, dice }: Context): SimulatedNode | undefined {
  const nodes = alive(cluster)
  return nodes[dice.below(Math.max(1, nodes.length))]
}

/** Blocks the given paths, and unblocks those again (others' blocks on the same path end with it: healing is never wrong). */
function cut(
  { cluster }: Context,
  pairs: readonly (readonly [SimulatedNode, SimulatedNode])[],
): () => void {
  for (const [a, b] of pairs) cluster.network.block(a.machine, b.machine)
  return () => {
    for (const [a, b] of pairs) cluster.network.unblock(a.machine, b.machine)
  }
}

function split(context: Context): () => void {
  const { cluster, dice, say } = context
  const nodes = shuffled(cluster.nodes, dice)
  const groups = dice.next() < 0.8 ? 2 : 3
  const side = new Map(nodes.map(n => [n, dice.below(groups)]))
  const named = [0, 1, 2].map(g =>
    nodes
      .filter(n => side.get(n) === g)
      .map(n => n.name)
      .toSorted()
      .join(','),
  )
  say(`split: ${named.filter(text => text !== '').join(' | ')}`)
  const pairs: [SimulatedNode, SimulatedNode][] = []
  // Now and then one node still hears and reaches everybody: no partition is as clean as in books.
  const bridge = dice.next() < 0.25 ? nodes[0] : undefined
  if (bridge !== undefined) say(`${bridge.name} still reaches both sides`)
  for (const a of nodes)
    for (const b of nodes)
      if (side.get(a) !== side.get(b) && a !== bridge && b !== bridge) pairs.push([a, b])
  return cut(context, pairs)
}

function isolate(context: Context): (() => void) | undefined {
  const victim = one(context)
  if (victim === undefined) return undefined
  context.say(`isolate ${victim.name}`)
  const others = context.cluster.nodes.filter(n => n !== victim)
  return cut(
    context,
    others.flatMap(n => [[n, victim] as const, [victim, n] as const]),
  )
}

function oneWay(context: Context): (() => void) | undefined {
  const victim = one(context)
  if (victim === undefined) return undefined
  const { dice } = context
  const deaf = dice.next() < 0.5
  const others = shuffled(
    context.cluster.nodes.filter(n => n !== victim),
    dice,
  )
  const some = others.slice(0, 1 + dice.below(Math.max(1, others.length)))
  context.say(
    `one way: ${victim.name} ${deaf ? 'does not hear' : 'is not heard by'} ${some
      .map(n => n.name)
      .toSorted()
      .join(',')}`,
  )
  return cut(
    context,
    some.map(n => (deaf ? ([n, victim] as const) : ([victim, n] as const))),
  )
}

function badLink(context: Context): (() => void) | undefined {
  const { cluster, dice, say } = context
  const [a, b] = shuffled(cluster.nodes, dice)
  if (a === undefined || b === undefined) return undefined
  const path = cluster.network.path(a.machine, b.machine)
  const loss = 0.2 + dice.next() * 0.6
  const delay = dice.next() * 150
  say(
    `bad link: ${a.name} → ${b.name} loses ${Math.round(loss * 100)} %, ${Math.round(delay)} ms late`,
  )
  path.loss = loss
  path.delay = delay
  return () => {
    path.loss = 0
    path.delay = 0
  }
}

function storm({ cluster, dice, say }: Context): () => void {
  const { weather } = cluster.network
  weather.loss = dice.next() * 0.3
  weather.duplicate = dice.next() * 0.2
  weather.reorder = dice.next() * 0.3
  weather.reorderBy = 10 + dice.next() * 200
  say(
    `storm: ${Math.round(weather.loss * 100)} % lost, ${Math.round(weather.duplicate * 100)} % twice, ${Math.round(weather.reorder * 100)} % out of order`,
  )
  return () => {
    const { loss, duplicate, reorder, reorderBy } = fairWeather
    Object.assign(weather, { loss, duplicate, reorder, reorderBy })
  }
}

function slowNetwork({ cluster, dice, say }: Context): () => void {
  const { weather } = cluster.network
  weather.latencyMin = 5 + dice.next() * 40
  weather.latencyMax = weather.latencyMin * (1 + dice.next() * 4)
  say(`slow network: ${Math.round(weather.latencyMin)} to ${Math.round(weather.latencyMax)} ms`)
  return () => {
    const { latencyMin, latencyMax } = fairWeather
    Object.assign(weather, { latencyMin, latencyMax })
  }
}

function pause(context: Context): (() => void) | undefined {
  const victim = one(context)
  const life = victim?.process?.life
  if (victim === undefined || life === undefined) return undefined
  context.say(`pause ${victim.name}`)
  context.cluster.simulation.freeze(life)
  return () => context.cluster.simulation.thaw(life)
}

function crash(context: Context, count: number): (() => void) | undefined {
  const { cluster, dice } = context
  const victims = shuffled(alive(cluster), dice).slice(0, count)
  if (victims.length === 0) return undefined
  const how = dice.next() < 0.5 ? 'kill' : 'power'
  for (const victim of victims) cluster.crash(victim, how)
  return () => {
    for (const victim of victims) cluster.start(victim)
  }
}

function crashSome(context: Context): (() => void) | undefined {
  return crash(context, 1 + context.dice.below(Math.max(1, context.cluster.nodes.length - 1)))
}

function restart(context: Context): (() => void) | undefined {
  const victim = one(context)
  if (victim === undefined) return undefined
  const { cluster } = context
  let wanted = false
  cluster.stop(victim, () => {
    if (wanted) cluster.start(victim)
  })
  return () => {
    wanted = true
    cluster.start(victim)
  }
}

/** A node comes back at another address. One at a time is where no seed points: the others would not find two. */
function move(context: Context): (() => void) | undefined {
  const { cluster, dice } = context
  const away = cluster.nodes.find(n => n.port !== gossipPort)
  const victim = away ?? one(context)
  if (victim?.process === undefined) return undefined
  const port = away ? gossipPort : gossipPort + 1 + dice.below(100)
  context.say(`${victim.name} moves to port ${port}`)
  cluster.crash(victim, dice.next() < 0.5 ? 'kill' : 'power')
  victim.port = port
  return () => cluster.start(victim)
}

function slowDisk(context: Context): (() => void) | undefined {
  const victim = one(context)
  if (victim === undefined) return undefined
  const { habits } = victim.disk
  habits.slowness = 5 + context.dice.next() * 100
  context.say(`slow disk: ${victim.name}, ${Math.round(habits.slowness)} times`)
  return () => {
    habits.slowness = 1
  }
}

function stuckDisk(context: Context): (() => void) | undefined {
  const victim = one(context)
  if (victim === undefined) return undefined
  const { habits } = victim.disk
  habits.slowness = 2_000
  context.say(`stuck disk: ${victim.name}, every sync takes seconds`)
  return () => {
    habits.slowness = 1
  }
}

function brokenDisk(context: Context): (() => void) | undefined {
  const { cluster, dice } = context
  const victim = one(context)
  // One at a time: who loses more disks than a minority has lost the cluster.
  if (victim === undefined || cluster.nodes.some(n => n.disk.failing !== undefined))
    return undefined
  const kind = dice.next() < 0.5 ? 'full' : 'io'
  context.say(`broken disk: ${victim.name}, ${kind}`)
  victim.disk.failing = { kind, message: `simulated ${kind} failure` }
  return () => revive(cluster, victim)
}

/** Nearly full, say: it refuses some of what it is given. Room may be made before somebody starts the agent anew. */
function halfDisk(context: Context): (() => void) | undefined {
  const { cluster, dice, say } = context
  const victim = one(context)
  if (victim === undefined || cluster.nodes.some(n => n.disk.failing !== undefined))
    return undefined
  const { disk } = victim
  const refused = diskParts.filter(() => dice.next() < 0.5)
  if (refused.length === 0) return undefined
  say(`half a disk: ${victim.name} refuses ${refused.join(', ')}`)
  for (const part of diskParts) if (!refused.includes(part)) disk.spared.add(part)
  const failing = { kind: 'full', message: 'simulated full failure' } as const
  disk.failing = failing
  const makeRoom = (): void => {
    if (disk.failing !== failing) return
    disk.failing = undefined
    disk.spared.clear()
  }
  cluster.simulation.after(dice.next() * 8_000, makeRoom)
  return () => {
    makeRoom()
    cluster.crash(victim, 'kill')
    cluster.start(victim)
  }
}

/** A new disk controller for a node, or space on its disk; its agent is started anew, as an operator would. */
export function revive(cluster: Cluster, node: SimulatedNode): void {
  if (node.disk.failing === undefined) return
  node.disk.failing = undefined
  node.disk.spared.clear()
  cluster.crash(node, 'kill')
  cluster.start(node)
}

function clockJump(context: Context): (() => void) | undefined {
  const victim = one(context)
  if (victim === undefined) return undefined
  const by = (context.dice.next() - 0.5) * 2 * 3_600_000
  context.say(`clock jump: ${victim.name}, by ${Math.round(by / 1000)} s`)
  victim.watch.skew += by
  return () => {
    victim.watch.skew -= by
  }
}

function noDns(context: Context): (() => void) | undefined {
  const { cluster, say } = context
  say('no dns')
  for (const node of cluster.nodes) cluster.network.setResolvable(node.name, false)
  return () => {
    for (const node of cluster.nodes) cluster.network.setResolvable(node.name, true)
  }
}
