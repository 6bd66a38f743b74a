import { describe, expect, test } from 'vitest'
import { parseIdentity } from '../../src/agent/trust/identity.ts'
import type { NodeState } from '../../src/api/types.ts'
import type { DiskPart } from './disk.ts'
import { World } from './world.ts'

/** Disks that refuse, all of it or a part, told step by step. A nearly full one has room for facts and log alone. */

const soon = 20_000
const noRoom = { kind: 'full', message: 'no space left' } as const

function secured(seed = 1): World {
  const world = new World(seed)
  world.cluster.secret = 'the-secret-of-this-cluster-0123456789-0123456'
  return world
}

function refuses(world: World, name: string, ...spared: readonly DiskPart[]): void {
  const { disk } = world.node(name)
  disk.spared.clear()
  for (const part of spared) disk.spared.add(part)
  disk.failing = noRoom
}

/** An operator makes room, and starts the agent anew. */
function mend(world: World, name: string): void {
  world.node(name).disk.failing = undefined
  world.kill(name)
  world.start(name)
}

async function certified(world: World, at: string, nodes: number): Promise<void> {
  const deadline = world.simulation.now + 60_000
  for (;;) {
    const report = await world.ask(at, b => b.ca()).catch(() => undefined)
    const newest = report?.authorities.at(-1)?.fingerprint
    const own = report?.certificates.filter(c => !c.removed && c.authority === newest) ?? []
    if (own.length === nodes && report?.authorities.length === 1) return
    if (world.simulation.now > deadline) throw world.failure(`not ${nodes} certificates`)
    await world.run(100)
  }
}

async function settled(world: World, key: number): Promise<void> {
  const deadline = world.simulation.now + soon
  for (;;) {
    const { primary, keys } = await world.ask('n1', b => b.keys())
    if (primary === key && keys.length === 1) return
    if (world.simulation.now > deadline) throw world.failure(`not key ${key} of gossip alone`)
    await world.run(100)
  }
}

const ready = (...names: readonly string[]): Record<string, NodeState> =>
  Object.fromEntries(names.map(name => [name, 'ready' as const]))
const names = ['n1', 'n2', 'n3']

async function zombies(world: World): Promise<void> {
  for (const name of names)
    world.add(
      name,
      names.filter(n => n !== name),
    )
  await world.until('they see each other', () =>
    names.every(n => world.node(n).process?.agent.swimMembers().length === 2),
  )
}

describe('a nearly full disk', () => {
  test.each(names)(
    'at %s that takes no control key holds back the certificates of nobody else',
    async full => {
      const world = secured(11)
      await zombies(world)
      refuses(world, full, 'facts', 'log', 'files')
      await world.ask('n1', b => b.init({ name: 'prod', control: names, actor: 'test' }))
      const other = names.find(n => n !== full)!
      await comes(world, other, 2)
      expect((await world.status(full)).notices.join()).toMatch(/storage .*no space left/)
      expect(world.node(full).process?.agent.raftStatus()?.rank).toBe('follower')
      mend(world, full)
      await certified(world, other, 3)
      await world.states(full, ready(...names))
    },
  )

  test('that takes no key of gossip and no authority holds up no rotation', async () => {
    const world = secured(13)
    await world.cluster3(['n4'])
    await certified(world, 'n1', 4)
    await settled(world, 1)
    refuses(world, 'n4', 'facts', 'log')
    await world.ask('n1', b => b.rotateKeys({ actor: 'test' }))
    await settled(world, 2)
    await world.ask('n1', b => b.rotateCa({ actor: 'test' }))
    await comes(world, 'n1', 3)
    expect((await world.status('n4')).notices.join()).toMatch(/storage .*no space left/)
    mend(world, 'n4')
    await certified(world, 'n1', 4)
    await world.states('n4', ready('n1', 'n2', 'n3', 'n4'))
  })
})

/** So many nodes have a certificate of the newest authority. */
async function comes(world: World, at: string, atLeast: number): Promise<void> {
  const deadline = world.simulation.now + soon
  for (;;) {
    const report = await world.ask(at, b => b.ca()).catch(() => undefined)
    const newest = report?.authorities.at(-1)?.fingerprint
    const of = report?.certificates.filter(c => !c.removed && c.authority === newest) ?? []
    if (of.length >= atLeast) return
    if (world.simulation.now > deadline) throw world.failure(`not ${atLeast} certificates`)
    await world.run(100)
  }
}

describe('a reset', () => {
  test('whose new key finds no room leaves no half of a node', async () => {
    const world = secured(14)
    await world.cluster3(['n4'])
    await certified(world, 'n1', 4)
    const before = world.facts('n4').id
    const key = () => parseIdentity(world.node('n4').disk.identity!).key
    const old = key()
    refuses(world, 'n4', 'facts', 'log', 'files')
    await world.ask('n4', b => b.reset({ actor: 'test' })).catch(() => {})
    expect(world.facts('n4').id).not.toBe(before)
    await world.sees('n4', 'alone', r => r.cluster.tag === null)
    await world.run(soon)
    // Nothing was promised under a key that nobody kept.
    expect(key()).toBe(old)
    world.node('n4').disk.failing = undefined
    await world.ask('n1', b => b.leave({ node: before, force: true, actor: 'test' }))
    await world.sees('n1', 'n4 anew', r =>
      r.nodes.some(n => n.name === 'n4' && n.id !== before && n.state === 'ready'),
    )
    expect(key()).not.toBe(old)
    world.kill('n4')
    world.start('n4')
    await world.states('n4', ready('n1', 'n2', 'n3', 'n4'))
  })
})

test('an operator hears that a disk refuses to give in to another history', async () => {
  const world = new World(15)
  await world.cluster3()
  world.split(['n1'], ['n2', 'n3'])
  await world.run(5_000)
  await world.ask('n1', b => b.recoverApply({ name: 'prod', reason: 'fire', actor: 'ann' }))
  world.heal()
  await world.sees('n2', 'the other', r => r.notices.some(n => /two clusters/.test(n)))
  refuses(world, 'n2')
  await expect(world.ask('n2', b => b.recoverYield({ actor: 'ann' }))).rejects.toThrow(
    /no space left/,
  )
})

test('a node that could not open its new log opens it when the leader asks again', async () => {
  const world = new World(16)
  await world.cluster3(['n4'])
  const { disk } = world.node('n4')
  const demand = disk.demand.bind(disk)
  let times = 0
  disk.demand = part => {
    // Made, named in the facts, and then not to be opened.
    if (part === 'files' && ++times === 2) refuses(world, 'n4', 'facts', 'log')
    demand(part)
  }
  const asked = world.ask('n1', b => b.promote({ node: 'n4', actor: 'test' } as never))
  asked.catch(() => {})
  await world.run(5_000)
  expect(times).toBeGreaterThanOrEqual(2)
  disk.failing = undefined
  await asked.catch(() => {})
  await world.ask('n1', b => b.promote({ node: 'n4', actor: 'test' } as never)).catch(() => {})
  await world.sees('n1', 'n4 carries the log', () => {
    const status = world.node('n4').process?.agent.raftStatus()
    return status !== undefined && status.leader !== null
  })
})

describe('what cannot be read back', () => {
  test('of a copy of the state is said to who wanted a snapshot, and ends no process', async () => {
    const world = new World(17)
    world.cluster.snapshotEvery = 5_000
    await world.cluster3()
    for (const name of names) world.node(name).disk.unreadable = true
    await expect(world.ask('n2', b => b.snapshot({ stale: true }))).rejects.toThrow(/I\/O error/)
    await world.put('n1', 'x', 'y')
    await world.sees('n2', 'it', r => r.notices.some(n => /snapshot failed: .*I\/O error/.test(n)))
    for (const name of names) world.node(name).disk.unreadable = false
    await world.ask('n2', b => b.snapshot({ stale: true }))
  })

  test('of a snapshot that the leader sent costs the node its vote, and not its process', async () => {
    const world = new World(18)
    const usual = { entries: 20, bytes: 1e6, margin: 5, patience: 1 }
    await world.cluster3()
    for (const name of names) world.node(name).disk.compaction = usual
    for (const name of names) {
      world.kill(name)
      world.start(name)
    }
    await world.states('n1', ready(...names))
    const { leader } = (await world.status('n1')).cluster
    const away = names.find(n => n !== leader)!
    world.kill(away)
    for (let i = 0; i < 100; i++) await world.put(leader!, `k${i}`, 'v')
    world.node(away).disk.unreadable = true
    world.start(away)
    await world.sees(away, 'it', r => r.notices.some(n => /storage corrupt: .*I\/O error/.test(n)))
    world.node(away).disk.unreadable = false
    mend(world, away)
    await world.states(away, ready(...names))
    expect(await world.get(away, 'k99', 'stale')).toBe('v')
  })
})

test('a control node whose facts are gone does not begin as another in silence', async () => {
  const world = new World(19)
  await world.cluster3()
  world.kill('n3')
  world.node('n3').disk.facts = undefined
  expect(() => world.start('n3')).toThrow(/does not say who this node is/)
})
