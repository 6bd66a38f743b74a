import { expect, test } from 'vitest'
import type { Random } from '../../src/base/random.ts'
import type { CallResult } from './caller.ts'
import { type Command, commands } from './crossing-commands.ts'
import { World } from './world.ts'

/**
 * A few commands of operators within milliseconds, in a cluster whose leader may be killed, cut off or stand still meanwhile.
 * Each world is small, and looked at closely when all is over. More of them: CROSSINGS=1000..1300.
 */

const [first = 1, last = first] = (process.env.CROSSINGS ?? '1..12').split('..').map(Number)
const all = ['n1', 'n2', 'n3', 'n4', 'n5']
/** Between two things that happen, ms: within a commit, an election, a retry. */
const gaps = [0, 1, 2, 4, 8, 20, 60, 105, 150, 400, 1_200]

interface Call {
  readonly command: Command
  result?: CallResult<unknown>
}

for (let seed = first; seed <= last; seed++) {
  test(`commands that cross, seed ${seed}`, async () => {
    const world = new World(seed)
    world.cluster.secret = 'the-secret-of-this-cluster-0123456789-0123456'
    const dice = world.simulation.dice('crossing')
    await world.cluster3(['n4', 'n5'])
    await world.run(3_000)
    if (dice.below(2) === 1)
      for (const node of ['n4', 'n5'])
        await world.ask('n1', b =>
          b.promote({ node, observer: false, force: true, actor: 'operator' }),
        )
    slowDown(world, pick(dice, [0, 0, 20, 60, 150]))
    const plan: string[] = []
    const calls: Call[] = []
    const say = (what: string) => plan.push(`${what} @${world.simulation.now.toFixed(0)}`)
    let troubles = 0
    for (let i = 0; i < 3 + dice.below(4); i++) {
      if (dice.below(7) < 4 || troubles > 0) {
        const command = pick(dice, commands)
        say(`${command.at}: ${command.name}`)
        const call: Call = { command }
        calls.push(call)
        world.caller.call(world.node(command.at), command.name, command.run, result => {
          call.result = result
        })
      } else {
        troubles += 1
        say(trouble(world, dice))
      }
      await world.run(pick(dice, gaps))
    }
    await world.run(8_000)
    world.heal()
    world.start(...all.filter(name => !world.node(name).process))
    await world.until('the answers', () => calls.every(({ result }) => result), 200_000)
    await world.run(40_000)
    expect({ plan, wrong: wrong(world, calls) }).toEqual({ plan, wrong: [] })
  }, 60_000)
}

function pick<T>(dice: Random, from: readonly T[]): T {
  return from[dice.below(from.length)]!
}

function slowDown(world: World, delay: number): void {
  const { network } = world.cluster
  for (const a of network.machines)
    for (const b of network.machines) if (a !== b) network.path(a, b).delay = delay
}

function leaderOf(world: World): string | undefined {
  return all.find(name => world.node(name).process?.agent.raftStatus()?.rank === 'leader')
}

/** Mostly of the leader; it passes by itself. Says what. */
function trouble(world: World, dice: Random): string {
  const { simulation } = world
  const whom = pick(dice, [leaderOf(world) ?? 'n1', leaderOf(world) ?? 'n1', 'n2', 'n3', 'n4'])
  const { life } = world.node(whom).process!
  switch (pick(dice, ['kill', 'cut', 'stop', 'freeze'])) {
    case 'kill':
      world.kill(whom)
      simulation.after(pick(dice, [10, 1_500, 5_000]), () => world.start(whom))
      return `kill ${whom}`
    case 'cut':
      world.split(
        [whom],
        all.filter(name => name !== whom),
      )
      simulation.after(6_000, () => world.heal())
      return `cut ${whom} off`
    case 'stop':
      world.cluster.stop(world.node(whom))
      simulation.after(6_000, () => world.start(whom))
      return `stop ${whom}`
    default:
      simulation.freeze(life)
      simulation.after(pick(dice, [300, 2_500]), () => simulation.thaw(life))
      return `freeze ${whom}`
  }
}

/** What everybody believes of themselves must be what is agreed, and nothing may be left half done. */
function wrong(world: World, calls: readonly Call[]): readonly string[] {
  const leader = leaderOf(world)
  const state = leader === undefined ? undefined : world.node(leader).process?.agent.state
  if (!state) return ['nobody leads']
  const { nodes, voters, observers, gossipKeys } = state
  const carry = [...voters, ...observers]
  const out: string[] = []
  for (const id of carry) if (!nodes.has(id)) out.push(`${id} carries the log, and is nobody`)
  for (const { name, phase } of nodes.values())
    if (phase !== 'ready' && phase !== 'drained') out.push(`${name} is ${phase}`)
  for (const name of all) {
    const { id, group, cluster } = world.facts(name)
    if (carry.includes(id) !== (group !== undefined)) out.push(`${name} carries ${group?.tag}`)
    if (nodes.has(id) !== (cluster !== undefined)) out.push(`${name} is in: ${nodes.has(id)}`)
  }
  if (gossipKeys && gossipKeys.keys.length !== 1) out.push('a rotation goes on')
  for (const { command, result } of calls) {
    const isIn = [...nodes.values()].some(({ name }) => name === command.takesOut)
    if (isIn && result?.how === 'answered')
      out.push(`${command.takesOut} is in, and said to be out`)
  }
  return out
}
