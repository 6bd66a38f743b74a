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

describe('a nearly full disk', () => {
  test.each(names)(
    'at %s that takes no control key holds back the certificates of nobody else',
    async full => {
      const world = secured(11)
      await world.zombies(names)
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

/** One of three that is down, and needs a snapshot when it is back. */
async function leftBehind(world: World): Promise<{ leader: string; away: string }> {
  await world.cluster3()
  for (const name of names) {
    world.node(name).disk.compaction = { entries: 20, bytes: 1e6, margin: 5, patience: 1 }
    world.kill(name)
    world.start(name)
  }
  await world.states('n1', ready(...names))
  const leader = (await world.status('n1')).cluster.leader!
  const away = names.find(n => n !== leader)!
  world.kill(away)
  for (let i = 0; i < 100; i++) await world.put(leader, `k${i}`, 'v')
  return { leader, away }
}

describe('what cannot be read back', () => {
  test('of a leader’s state makes another one lead, that can send a snapshot', async () => {
    const world = new World(23)
    const { leader, away } = await leftBehind(world)
    refuses(world, leader, 'facts', 'log', 'identity')
    world.node(leader).disk.failing = { kind: 'corrupt', message: 'malformed' }
    world.start(away)
    await world.states(away, ready(...names))
    expect((await world.status(away)).cluster.leader).not.toBe(leader)
    expect(await world.get(away, 'k99', 'stale')).toBe('v')
  })

  test('of a copy of the state is said to who wanted a snapshot, and ends no process', async () => {
    const world = new World(17)
    world.cluster.snapshotEvery = 5_000
    await world.cluster3()
    for (const name of names) world.node(name).disk.unreadable = true
    await expect(world.ask('n2', b => b.snapshot({ stale: true }))).rejects.toThrow(/I\/O error/)
    for (const name of names) world.node(name).disk.unreadable = false
    const { pieces } = await world.ask('n2', b => b.snapshot({ stale: true }))
    world.node('n2').disk.unreadable = true
    let refused: unknown
    const read = async (): Promise<void> => {
      for await (const _ of pieces) void _
    }
    read().catch(error => {
      refused = error
    })
    await world.until('the reader hears of it', () => refused !== undefined)
    expect(refused).toMatchObject({ code: 'STORAGE' })
    await world.put('n1', 'x', 'y')
    await world.sees('n2', 'it', r => r.notices.some(n => /snapshot failed: .*I\/O error/.test(n)))
    for (const name of names) world.node(name).disk.unreadable = false
    await world.ask('n2', b => b.snapshot({ stale: true }))
  })

  test('of a snapshot that the leader sent costs the node its vote, and not its process', async () => {
    const world = new World(18)
    const { away } = await leftBehind(world)
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

describe('the status of any node', () => {
  test('says whose disk fails, as long as it does', async () => {
    const world = new World(20)
    await world.cluster3(['n4'])
    const { leader } = (await world.status('n1')).cluster
    const failing = names.find(n => n !== leader)!
    refuses(world, failing)
    await world.put(leader!, 'x', 'y')
    const told = new RegExp(`${failing}: storage .*: no space left`)
    for (const name of [...names, 'n4'])
      await world.sees(name, 'the disk', r => r.notices.some(n => told.test(n)))
    mend(world, failing)
    for (const name of [...names, 'n4'])
      await world.sees(name, 'no disk', r => !r.notices.some(n => told.test(n)))
  })

  test('says whom a full disk keeps from a snapshot', async () => {
    const world = new World(21)
    const { leader, away } = await leftBehind(world)
    refuses(world, leader!, 'facts', 'log', 'identity')
    world.start(away)
    const told = new RegExp(`${leader}: .*snapshot for ${away}.*no space left`)
    await world.sees(leader!, 'who waits', r => r.notices.some(n => told.test(n)))
    world.node(leader!).disk.failing = undefined
    await world.states(away, ready(...names))
    await world.sees(leader!, 'nobody waits', r => !r.notices.some(n => told.test(n)))
  })
})

test('a rescue that one survivor’s disk refuses is for the next one to begin', async () => {
  const world = new World(22)
  const five = [...names, 'n4', 'n5']
  await world.zombies(five)
  await world.ask('n1', b => b.init({ name: 'prod', control: five, actor: 'test' }))
  await world.states('n1', ready(...five))
  world.kill('n3', 'n4', 'n5')
  await world.sees('n1', 'no leader', r => r.cluster.leader === null)
  const apply = () =>
    world.ask('n1', b => b.recoverApply({ name: 'prod', reason: 'fire', actor: 'ann' }))
  const first = (await world.ask('n1', b => b.recoverPlan({ voters: [] }))).leader!
  refuses(world, first)
  await expect(apply()).rejects.toMatchObject({ code: 'STORAGE' })
  const answer = await world.ask('n1', b => b.recoverPlan({ voters: [] }))
  expect(answer.leader).toBe(first === 'n1' ? 'n2' : 'n1')
  await apply()
  await world.sees(answer.leader!, 'itself lead', r => r.cluster.leader === answer.leader)
  mend(world, first)
  await world.sees(answer.leader!, 'the other', r =>
    r.nodes.some(n => n.name === first && n.state === 'ready'),
  )
})
