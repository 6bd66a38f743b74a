import { expect, test } from 'vitest'
import type { Backend } from '../../src/api/types.ts'
import type { CallResult } from './caller.ts'
import { World } from './world.ts'

/** What somebody waits for while those change who would have answered. */

interface Call<T> {
  result?: CallResult<T>
  /** When it was answered. */
  at?: number
}

function begin<T>(world: World, at: string, invoke: (backend: Backend) => Promise<T>): Call<T> {
  const call: Call<T> = {}
  world.caller.call(world.node(at), 'ask', invoke, result => {
    call.result = result
    call.at = world.simulation.now
  })
  return call
}

const leaderOf = async (world: World, by = 'n4') => (await world.status(by)).cluster.leader!
const approval = (value: string) => (b: Backend) =>
  b.changeSettings({ settings: { 'join-approval': value }, actor: 'ann' })

async function nextLeader(world: World, before: string, by = 'n4'): Promise<string> {
  const isAnother = (leader: string | null) => leader !== null && leader !== before
  await world.sees(by, 'another leader', ({ cluster }) => isAnother(cluster.leader))
  return leaderOf(world, by)
}

test('a held read outlives two leaders, and ends when it was to end, with an answer', async () => {
  const world = new World(41)
  await world.cluster3(['n4'])
  const { index } = await world.put('n4', 'k', 'first')
  const wait = 60_000
  const began = world.simulation.now
  const held = begin(world, 'n4', b =>
    b.kvRead({ key: 'k', recurse: false, consistency: 'default', index, wait }),
  )
  for (let i = 0; i < 2; i++) {
    await world.run(14_000)
    const leader = await leaderOf(world)
    world.kill(leader)
    await nextLeader(world, leader)
    world.start(leader)
  }
  await world.until('the read ends', () => held.result !== undefined, 120_000)
  expect(held.result).toMatchObject({ how: 'answered', value: { index } })
  expect(held.at! - began).toBeGreaterThan(wait - 1_000)
  expect(held.at! - began).toBeLessThan(wait + 2_000)
})

test('who asked a leader that was relieved of the log while it was cut off hears the news from the next one', async () => {
  const world = new World(42)
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  const others = ['n1', 'n2', 'n3', 'n4'].filter(n => n !== leader)
  const { next } = await world.ask(leader, b => b.log({ from: 1, limit: 1_000 }))
  const log = begin(world, leader, b => b.log({ from: next, limit: 10, wait: 60_000 }))
  const { index } = await world.ask(leader, b => b.drainProgress({ node: 'n4', index: 0, wait: 0 }))
  const drain = begin(world, leader, b => b.drainProgress({ node: 'n4', index, wait: 60_000 }))
  await world.run(100)
  world.split([leader], others)
  const now = await nextLeader(world, leader)
  await world.ask(now, b => b.demote({ node: leader, force: true, actor: 'ann' }))
  await world.run(5_000)
  world.heal()
  await world.until('it has no log', () => !world.facts(leader).group)
  await world.run(3_000)
  await world.ask(now, approval('yes'))
  await world.until('both hear', () => !!(log.result && drain.result), 2_000)
  expect(log.result).toMatchObject({ how: 'answered' })
  expect(drain.result).toMatchObject({ how: 'answered', value: { node: 'n4' } })
})

test('a node whose guardian can keep nothing more hears the news from another', async () => {
  const world = new World(43)
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  const said = async () =>
    (await world.ask('n4', b => b.settings())).find(s => s.name === 'join-approval')?.value
  let wanted = 'no'
  for (const name of ['n1', 'n2', 'n3'].filter(n => n !== leader)) {
    world.node(name).disk.failing = { kind: 'io', message: 'broken' }
    wanted = wanted === 'no' ? 'yes' : 'no'
    await world.ask('n4', approval(wanted))
    await world.run(8_000)
    expect(await said()).toBe(wanted)
    world.node(name).disk.failing = undefined
    world.kill(name)
    world.start(name)
    await world.run(5_000)
  }
})

test('a control node that was relieved of the log while it copied it makes snapshots when it carries it again', async () => {
  const world = new World(44)
  world.cluster.snapshotEvery = 60_000
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  const other = ['n1', 'n2', 'n3'].find(n => n !== leader)!
  const { habits, backups } = world.node(other).disk
  await world.put('n4', 'k', 'first')
  await world.until('there is one', () => backups.size > 0, 200_000)
  await world.put('n4', 'k', 'second')
  await world.run(50_000)
  habits.slowness = 5_000
  const stale = begin(world, other, b => b.snapshot({ stale: true }))
  await world.ask(leader, b => b.demote({ node: other, force: true, actor: 'ann' }))
  await world.until('it has no log', () => !world.facts(other).group)
  habits.slowness = 1
  await world.until('who wanted a copy is answered', () => stale.result !== undefined)
  await world.ask(leader, b =>
    b.promote({ node: other, observer: false, force: false, actor: 'ann' }),
  )
  const before = backups.size
  await world.put('n4', 'k', 'third')
  await world.until('there are more', () => backups.size > before, 700_000)
})

test('a node that was made a control node does not go back to what its guardian had said before', async () => {
  const world = new World(45)
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  const machine = (name: string) => world.node(name).machine
  // Its guardian is one of these.
  for (const name of ['n1', 'n2', 'n3'])
    if (name !== leader) world.cluster.network.path(machine(name), machine('n4')).delay = 1_500
  await world.run(200)
  await world.ask(leader, approval('yes'))
  await world.run(50)
  await world.ask(leader, b =>
    b.promote({ node: 'n4', observer: false, force: false, actor: 'ann' }),
  )
  const control = () => world.facts('n4').cluster?.control.length
  await world.until('n4 knows', () => control() === 4)
  for (let i = 0; i < 40; i++) {
    await world.run(100)
    expect(control()).toBe(4)
  }
})

test('what a node had asked in one cluster takes no effect in another', async () => {
  const world = new World(46)
  await world.cluster3(['n4'])
  await world.cluster3([], 'other', 'm')
  world.kill('n1', 'n2', 'n3')
  await world.run(5_000)
  const put = begin(world, 'n4', b =>
    b.kvPut({ key: 'k', value: new Uint8Array(1), flags: 0, actor: 'test' }),
  )
  await world.run(1_000)
  await world.ask('n4', b => b.reset({ actor: 'ann' }))
  const at = `${world.node('m1').machine.ip}:4483`
  await world.ask('n4', b => b.join({ address: at, actor: 'ann' }))
  await world.until('an answer', () => put.result !== undefined)
  expect(await world.get('m1', 'k')).toBeNull()
  expect(put.result).toMatchObject({ how: 'refused', error: { code: 'TIMEOUT' } })
})

test('who waits for a change after an index that was lost with a quorum hears so, and misses no change', async () => {
  const world = new World(47)
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  const left = ['n1', 'n2', 'n3'].find(n => n !== leader)!
  const lost = ['n1', 'n2', 'n3'].filter(n => n !== left)
  world.split([left], [...lost, 'n4'])
  for (let i = 0; i < 100; i++) await world.put('n4', 'k', `${i}`)
  const read = { key: 'k', recurse: false, consistency: 'default' } as const
  const { index } = await world.ask('n4', b => b.kvRead(read))
  const wait = 120_000
  const before = begin(world, 'n4', b => b.kvRead({ ...read, index, wait }))
  world.kill(...lost)
  world.heal()
  await world.sees(left, 'no leader', ({ cluster }) => cluster.leader === null)
  await world.ask(left, b => b.recoverApply({ name: 'prod', reason: 'fire', actor: 'ann' }))
  await world.sees('n4', 'what is left', ({ cluster }) => cluster.leader === left)
  const after = begin(world, 'n4', b => b.kvRead({ ...read, index, wait }))
  await world.until('both hear', () => !!(before.result && after.result), 1_000)
  for (const { result } of [before, after])
    expect(result).not.toMatchObject({ how: 'answered', value: { index } })
  const drain = begin(world, 'n4', b => b.drainProgress({ node: 'n4', index, wait: 60_000 }))
  await world.until('this, too', () => drain.result !== undefined, 1_000)
})

/** A leader that hears no other control node, while n4 hears all. */
function cutOff(world: World, leader: string): void {
  const { network } = world.cluster
  const machine = (name: string) => world.node(name).machine
  for (const name of ['n1', 'n2', 'n3']) {
    if (name === leader) continue
    network.path(machine(name), machine(leader)).blocked = true
    network.path(machine(leader), machine(name)).blocked = true
  }
}

/** It notices with the next write. */
function failDisk(world: World, leader: string): void {
  world.node(leader).disk.failing = { kind: 'io', message: 'broken' }
  begin(world, leader, b => b.kvPut({ key: 'x', value: new Uint8Array(1), flags: 0, actor: 'bob' }))
}

test.each([
  ['that is cut off from the others, and not from who asked', cutOff],
  ['whose disk fails', failDisk],
])('what is held by a leader %s is asked of the next one', async (_, hit) => {
  const world = new World(48)
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  const other = ['n1', 'n2', 'n3'].find(n => n !== leader)!
  const { index } = await world.put('n4', 'k', 'first')
  const read = { key: 'k', recurse: false, consistency: 'default', index, wait: 100_000 } as const
  const { next } = await world.ask('n4', b => b.log({ from: 1, limit: 1_000 }))
  const type = 'SettingsChanged'
  const held = [
    begin(world, 'n4', b => b.kvRead(read)),
    begin(world, 'n4', b => b.log({ from: next, limit: 1_000, type, wait: 60_000 })),
  ]
  await world.run(1_000)
  hit(world, leader)
  await nextLeader(world, leader, other)
  await world.put(other, 'k', 'second')
  await world.ask(other, approval('yes'))
  await world.until('both hear', () => held.every(h => h.result !== undefined), 12_000)
  expect(held[0]!.result).toMatchObject({ how: 'answered', value: { entries: [{ key: 'k' }] } })
  expect(held[1]!.result).toMatchObject({ how: 'answered' })
})
