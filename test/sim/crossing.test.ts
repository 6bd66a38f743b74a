import { expect, test } from 'vitest'
import type { Backend } from '../../src/api/types.ts'
import { parseJoinToken } from '../../src/net/security/token.ts'
import type { CallResult } from './caller.ts'
import { World } from './world.ts'

/** Operators' commands that cross each other, or what happens meanwhile. */

interface Call<T> {
  result?: CallResult<T>
}

/** Asked now; time goes on only when the story says so. */
function begin<T>(world: World, at: string, invoke: (backend: Backend) => Promise<T>): Call<T> {
  const call: Call<T> = {}
  world.caller.call(world.node(at), 'ask', invoke, result => {
    call.result = result
  })
  return call
}

async function leaderOf(world: World): Promise<string> {
  return (await world.status('n4')).cluster.leader!
}

const stateOf = (world: World, at: string) => world.node(at).process!.agent.state!
const phaseOf = (world: World, at: string, name: string) =>
  [...stateOf(world, at).nodes.values()].find(n => n.name === name)?.phase
const promote = (observer: boolean) => (b: Backend) =>
  b.promote({ node: 'n4', observer, force: false, actor: 'ann' })
const drain = {
  ...{ cancel: false, dryRun: false, force: false, deadline: null },
  ...{ reason: '', actor: 'ann' },
}
const secret = 'the-secret-of-this-cluster-0123456789-0123456'
const demote = (b: Backend) => b.demote({ node: 'n4', force: true, actor: 'bob' })

function delay(world: World, from: readonly string[], to: string, ms: number): void {
  for (const name of from) {
    if (name !== to)
      world.cluster.network.path(world.node(name).machine, world.node(to).machine).delay = ms
  }
}

test('a node that is told to leave while it is made an observer carries the log no more', async () => {
  const world = new World(31)
  await world.cluster3(['n4', 'n5'])
  const leader = await leaderOf(world)
  delay(world, ['n4'], leader, 300)
  const promoted = begin(world, leader, promote(true))
  await world.until('n4 has made room', () => world.facts('n4').group !== undefined)
  begin(world, leader, b => b.leave({ node: 'n4', force: true, actor: 'bob' }))
  const leaving = () =>
    [...stateOf(world, leader).nodes.values()].some(n => n.name === 'n4' && n.phase === 'leaving')
  await world.until('it leaves', leaving)
  delay(world, ['n1', 'n2', 'n3'], leader, 400)
  await world.until('an answer', () => promoted.result !== undefined, 150_000)
  world.heal()
  await world.run(10_000)
  const { nodes, observers } = stateOf(world, leader)
  expect([...nodes.values()].map(n => n.name)).not.toContain('n4')
  expect(observers).toEqual([])
})

test('a promotion that somebody else takes back at once is no wait for two minutes', async () => {
  const world = new World(32)
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  const promoted = begin(world, leader, promote(true))
  await world.until('n4 observes', () => stateOf(world, leader).observers.length > 0)
  const demoted = begin(world, leader, demote)
  await world.until('both answers', () => !!(promoted.result && demoted.result), 5_000)
  expect(demoted.result).toMatchObject({ how: 'answered' })
  expect(promoted.result).toMatchObject({ how: 'refused', error: { code: 'REFUSED' } })
})

test('a promotion that is asked for twice is done when it is agreed, for both', async () => {
  const world = new World(33)
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  const followers = ['n1', 'n2', 'n3'].filter(n => n !== leader)
  delay(world, followers, leader, 200)
  await world.run(1_000)
  begin(world, leader, promote(true))
  await world.run(120)
  const second = begin(world, leader, promote(true))
  await world.until('an answer', () => second.result !== undefined)
  expect(second.result).toMatchObject({ how: 'answered', value: { observers: ['n4'] } })
})

test('a promotion whose node is demoted before it has caught up ends then', async () => {
  const world = new World(34)
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  world.node('n4').disk.habits.slowness = 5_000
  const promoted = begin(world, leader, promote(false))
  await world.until('n4 observes', () => stateOf(world, leader).observers.length > 0)
  await world.run(300)
  const demoted = begin(world, leader, demote)
  await world.until('both answers', () => !!(promoted.result && demoted.result), 150_000)
  expect(promoted.result).toMatchObject({ how: 'refused', error: { code: 'REFUSED' } })
})

/** n1, n2 and n3 are left of seven control nodes. */
async function threeOfSeven(seed: number): Promise<World> {
  const world = new World(seed)
  const control = [1, 2, 3, 4, 5, 6, 7].map(i => `n${i}`)
  for (const each of control) world.add(each, control.filter(n => n !== each).slice(0, 3))
  await world.until('they meet', () =>
    control.every(n => world.node(n).process?.agent.swimMembers().length === 6),
  )
  await world.ask('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
  const ready = Object.fromEntries(control.map(n => [n, 'ready' as const]))
  for (const each of control) await world.states(each, ready)
  world.kill('n4', 'n5', 'n6', 'n7')
  await world.sees('n1', 'no leader', ({ cluster }) => cluster.leader === null)
  return world
}

test('a survivor that is removed while it gets the log anew carries it no more, and keeps no other from it', async () => {
  const world = await threeOfSeven(35)
  const leader = (await world.ask('n1', b => b.recoverPlan({}))).leader!
  const [goes, stays] = ['n1', 'n2', 'n3'].filter(n => n !== leader)
  delay(world, [goes!], leader, 400)
  const rescued = begin(world, leader, b =>
    b.recoverApply({ name: 'prod', reason: 'fire', actor: 'ann' }),
  )
  await world.until('it is agreed', () => stateOf(world, leader).cluster?.epoch === 2)
  const left = begin(world, leader, b => b.leave({ node: goes!, force: true, actor: 'bob' }))
  await world.until('the answers', () => !!(rescued.result && left.result), 150_000)
  await world.run(5_000)
  const { nodes, observers, voters } = stateOf(world, leader)
  expect([...voters, ...observers].filter(id => !nodes.has(id))).toEqual([])
  expect(rescued.result).toMatchObject({
    how: 'answered',
    value: { voters: expect.arrayContaining([leader, stays]), missing: [goes] },
  })
  expect(left.result).toMatchObject({ how: 'answered' })
})

test('a survivor that dies while it gets the log anew keeps no other from its vote', async () => {
  const world = await threeOfSeven(62)
  const leader = (await world.ask('n1', b => b.recoverPlan({}))).leader!
  const [dies, lives] = ['n1', 'n2', 'n3'].filter(n => n !== leader)
  const rescued = begin(world, leader, b =>
    b.recoverApply({ name: 'prod', reason: 'fire', actor: 'ann' }),
  )
  await world.until('both learn', () => stateOf(world, leader).observers.length === 2)
  world.kill(dies!)
  await world.until('the other votes', () => stateOf(world, leader).voters.length === 2, 20_000)
  await world.until('an answer', () => rescued.result !== undefined, 150_000)
  expect(rescued.result).toMatchObject({
    how: 'answered',
    value: { voters: expect.arrayContaining([leader, lives]), missing: [dies] },
  })
})

test('of several that leave at once only those may who can be spared together', async () => {
  const world = new World(36)
  await world.cluster3(['n4', 'n5'])
  const leader = await leaderOf(world)
  await world.ask(leader, promote(false))
  const followers = ['n1', 'n2', 'n3', 'n4'].filter(n => n !== leader)
  const left = followers.map(name =>
    begin(world, name, b => b.leave({ force: false, actor: 'ann' })),
  )
  await world.until('the answers', () => left.every(({ result }) => result), 150_000)
  expect(stateOf(world, leader).voters.length).toBe(3)
  expect(left.filter(({ result }) => result?.how === 'answered').length).toBe(1)
})

test('a drain that is cancelled stays so, though its asker never heard that it began', async () => {
  const world = new World(37)
  await world.cluster3(['n4', 'n5'])
  const leader = await leaderOf(world)
  delay(world, [leader], 'n5', 6_000)
  const asked = begin(world, 'n5', b => b.drain({ ...drain, node: 'n4' }))
  const phase = () => phaseOf(world, leader, 'n4')
  await world.until('it drains', () => phase() !== 'ready', 20_000)
  await world.ask(leader, b => b.drain({ ...drain, node: 'n4', cancel: true }))
  expect(phase()).toBe('ready')
  await world.run(1_000)
  delay(world, [leader], 'n5', 0)
  await world.until('an answer', () => asked.result !== undefined, 150_000)
  expect(phase()).toBe('ready')
})

test('who leaves hears that it left, though the leader that agreed to it died with the answer', async () => {
  const world = new World(38)
  await world.cluster3(['n4', 'n5'])
  const leader = await leaderOf(world)
  delay(world, [leader], 'n4', 1_000)
  const asked = begin(world, 'n4', b => b.leave({ force: false, actor: 'ann' }))
  const phase = () => phaseOf(world, leader, 'n4')
  await world.until('it leaves', () => phase() !== 'ready', 20_000)
  await world.until('it left', () => phase() === undefined, 20_000)
  world.kill(leader)
  await world.until('an answer', () => asked.result !== undefined, 150_000)
  expect(asked.result).toMatchObject({ how: 'answered', value: { left: true } })
})

test('a drain is answered though its node has left by then, and the leader goes on', async () => {
  const world = new World(39)
  await world.cluster3(['n4', 'n5'])
  const leader = await leaderOf(world)
  const control = ['n1', 'n2', 'n3']
  await world.ask(leader, b => b.drain({ ...drain, node: 'n4' }))
  delay(world, control, leader, 50)
  await world.run(500)
  const left = begin(world, leader, b => b.leave({ node: 'n4', force: true, actor: 'bob' }))
  await world.run(20)
  const cancelled = begin(world, leader, b => b.drain({ ...drain, node: 'n4', cancel: true }))
  await world.until('it leaves', () => phaseOf(world, leader, 'n4') === 'leaving')
  await world.run(1)
  // The leader's machine stands still: what the others have to say to it comes at once.
  const { life } = world.node(leader).process!
  world.simulation.freeze(life)
  await world.run(200)
  world.simulation.thaw(life)
  await world.until('the answers', () => !!(left.result && cancelled.result), 60_000)
  expect(left.result).toMatchObject({ how: 'answered' })
  expect(cancelled.result).toMatchObject({ how: 'refused', error: { code: 'UNKNOWN_NODE' } })
})

test('an authority that is asked for once is made once, though the leader died with the answer', async () => {
  const world = new World(41)
  world.cluster.secret = secret
  await world.cluster3(['n4', 'n5'])
  await world.run(20_000)
  const leader = await leaderOf(world)
  const made = async (at: string) => {
    const { events } = await world.ask(at, b => b.log({ from: 0, limit: 1000 }))
    return events.filter(e => e.type === 'CaCreated').length
  }
  expect(await made(leader)).toBe(1)
  world.cluster.network.block(world.node(leader).machine, world.node('n4').machine)
  const asked = begin(world, 'n4', b => b.rotateCa({ actor: 'ann' }))
  while ((await made(leader)) < 2) await world.run(20)
  world.kill(leader)
  world.heal()
  await world.until('the answer', () => asked.result !== undefined)
  expect(asked.result).toMatchObject({ how: 'answered' })
  await world.run(20_000)
  expect(await made('n4')).toBe(2)
})

for (const first of ['leave', 'demotion']) {
  test(`a ${first} counts before it is agreed: no other takes the last voter that can be spared`, async () => {
    const world = new World(54)
    await world.cluster3(['n4', 'n5'])
    const leader = await leaderOf(world)
    await world.ask(leader, promote(false))
    const [a, b, c] = ['n1', 'n2', 'n3', 'n4'].filter(n => n !== leader)
    delay(world, [a!, b!, c!], leader, 50)
    await world.run(500)
    const demoted = () =>
      begin(world, leader, x => x.demote({ node: a!, force: false, actor: 'ann' }))
    const left = () => begin(world, b!, x => x.leave({ force: false, actor: 'bob' }))
    const one = first === 'leave' ? left() : demoted()
    // A leave comes from elsewhere, which takes its time.
    await world.run(first === 'leave' ? 60 : 20)
    const other = first === 'leave' ? demoted() : left()
    await world.until('the answers', () => !!(one.result && other.result))
    expect(one.result).toMatchObject({ how: 'answered' })
    expect(other.result).toMatchObject({ how: 'refused', error: { code: 'WOULD_BREAK_QUORUM' } })
    expect(stateOf(world, leader).voters.length).toBe(3)
  })
}

test('of two that drain at once the second is not relied on by the first', async () => {
  const world = new World(53)
  await world.cluster3(['n4', 'n5'])
  const leader = await leaderOf(world)
  const assign = (node: string, role: string) =>
    world.ask(leader, b => b.assignRoles({ node, roles: [role], actor: 'ann' }))
  await assign('n4', 'host')
  await assign('n5', 'host')
  await assign('n1', 'dns')
  for (const { id, name } of stateOf(world, leader).nodes.values()) {
    if (name !== 'n4' && name !== 'n5') continue
    const { life, agent } = world.node(leader).process!
    const data = { id, role: 'host', state: 'running', detail: '' } as const
    world.simulation.enter(life, () =>
      agent.propose!({ type: 'RoleReported', data, actor: `node:${name}` }, () => {}),
    )
  }
  await world.run(1_000)
  const one = begin(world, leader, b => b.drain({ ...drain, node: 'n4' }))
  const other = begin(world, leader, b => b.drain({ ...drain, node: 'n5' }))
  await world.until('the answers', () => !!(one.result && other.result))
  expect(one.result).toMatchObject({ how: 'answered' })
  expect(other.result).toMatchObject({ how: 'refused', error: { code: 'REFUSED' } })
})

test('a new leader takes no rotation that is over for the one that is asked for', async () => {
  const world = new World(61)
  world.cluster.secret = secret
  await world.cluster3(['n4'])
  await world.run(20_000)
  const events = async (at: string, type: string) => {
    const page = await world.ask(at, b => b.log({ from: 0, limit: 1000 }))
    return page.events.filter(e => e.type === type)
  }
  const leader = await leaderOf(world)
  await world.ask(leader, b => b.rotateKeys({ actor: 'ann' }))
  const over = () => stateOf(world, leader).gossipKeys?.keys.length === 1
  await world.until('it has begun', () => !over())
  await world.until('it is over', over)
  // The others have not heard yet that it is agreed.
  const [next, other] = ['n1', 'n2', 'n3'].filter(n => n !== leader)
  delay(world, [next!, other!], next!, 100)
  delay(world, [next!, other!], other!, 100)
  world.kill(leader)
  const leads = (name: string | undefined) =>
    world.node(name!).process!.agent.raftStatus()?.rank === 'leader'
  await world.until('another leads', () => leads(next) || leads(other))
  const asked = begin(world, leads(next) ? next! : other!, b => b.rotateKeys({ actor: 'bob' }))
  await world.until('an answer', () => asked.result !== undefined)
  expect(asked.result).toMatchObject({ how: 'answered' })
  expect((await events('n4', 'GossipKeyAdded')).map(e => e.actor)).toContain('bob')
})

test('a token that is made during a rotation names an authority that its list knows it by', async () => {
  const world = new World(55)
  world.cluster.secret = secret
  await world.cluster3(['n4'])
  await world.run(20_000)
  const leader = await leaderOf(world)
  delay(world, ['n1', 'n2', 'n3'], leader, 100)
  await world.run(1_000)
  const use = { kind: 'join', roles: [], uses: 1, pattern: '*' } as const
  const wish = { name: 'rack 4', life: 86_400_000, use, actor: 'ann' }
  const rotated = begin(world, leader, b => b.rotateCa({ actor: 'bob' }))
  const made: Call<{ token: string }>[] = []
  for (let i = 0; i < 40; i++) {
    made.push(begin(world, leader, b => b.createToken(wish)))
    await world.run(20)
  }
  await world.until('the answers', () => !!rotated.result && made.every(m => m.result))
  world.heal()
  await world.run(60_000)
  const { authorities } = await world.ask('n1', b => b.ca())
  expect(authorities.length).toBe(1)
  const listed = await world.ask('n1', b => b.tokens())
  const states = new Set<string>()
  for (const { result } of made) {
    if (result?.how !== 'answered') throw world.failure('no token')
    const { ca, id } = parseJoinToken(result.value.token)
    const state = ca === authorities[0]!.fingerprint ? 'alive' : 'outdated'
    expect(listed.find(t => t.id === id)).toMatchObject({ state })
    states.add(state)
  }
  expect(states.size).toBe(2)
})

test('a node gives its log up when that is agreed, and not before', async () => {
  const world = new World(56)
  await world.cluster3(['n4'])
  const leader = await leaderOf(world)
  await world.ask(leader, promote(true))
  const followers = ['n1', 'n2', 'n3'].filter(n => n !== leader)
  for (const name of followers) world.node(name).disk.habits.slowness = 20_000
  const demoted = begin(world, leader, demote)
  await world.run(10_000)
  expect(stateOf(world, leader).observers.length).toBe(1)
  expect(world.facts('n4').group).toBeDefined()
  for (const name of followers) world.node(name).disk.habits.slowness = 1
  await world.until('an answer', () => demoted.result !== undefined, 150_000)
  await world.until('it has given it up', () => world.facts('n4').group === undefined)
})

for (const seed of [83, 85, 89]) {
  test(`a command that finds the leader cut off is taken to the next one in time (seed ${seed})`, async () => {
    const world = new World(seed)
    world.cluster.secret = secret
    const askers = ['n4', 'n5', 'n6', 'n7']
    await world.cluster3(askers)
    await world.run(3_000)
    const leader = await leaderOf(world)
    world.split(
      [leader],
      ['n1', 'n2', 'n3', ...askers].filter(n => n !== leader),
    )
    await world.run(5)
    const asked = askers.map(node =>
      begin(world, node, b => b.assignRoles({ node, roles: ['host'], actor: 'ann' })),
    )
    await world.until('the answers', () => asked.every(({ result }) => result))
    expect(asked.map(({ result }) => result?.how)).toEqual(askers.map(() => 'answered'))
  })
}

for (const seed of [81, 84, 86]) {
  test(`a node that leaves as soon as it has started takes that not back (seed ${seed})`, async () => {
    const world = new World(seed)
    await world.cluster3(['n4', 'n5'])
    await world.run(3_000)
    const leader = await leaderOf(world)
    const goes = ['n1', 'n2', 'n3'].find(n => n !== leader)!
    world.kill(goes)
    await world.run(10)
    world.start(goes)
    await world.run(0)
    const left = begin(world, goes, b => b.leave({ force: true, actor: 'ann' }))
    await world.until('an answer', () => left.result !== undefined)
    expect(left.result).toMatchObject({ how: 'answered', value: { left: true } })
    await world.run(5_000)
    expect(phaseOf(world, leader, goes)).toBeUndefined()
  })
}

for (const cut of [0, 1, 2, 4]) {
  test(`who leaves and is cut off ${cut} ms later leaves, and is told so`, async () => {
    const world = new World(83)
    world.cluster.secret = secret
    await world.cluster3(['n4', 'n5'])
    await world.run(3_000)
    const left = begin(world, 'n5', b => b.leave({ force: false, actor: 'ann' }))
    await world.run(cut)
    world.split(['n5'], ['n1', 'n2', 'n3', 'n4'])
    await world.run(4_000)
    world.heal()
    await world.until('an answer', () => left.result !== undefined)
    expect(phaseOf(world, await leaderOf(world), 'n5')).toBeUndefined()
    expect(left.result).toMatchObject({ how: 'answered', value: { left: true } })
  })
}
