import { expect, test } from 'vitest'
import { parseIdentity } from '../../src/agent/trust/identity.ts'
import { gossipPort } from './cluster.ts'
import { World } from './world.ts'

/** Nodes that were away, and what had to be found again by the time they came home. */

const secret = 'the-secret-of-this-cluster-0123456789-0123456'
const soon = 20_000

function secured(seed: number): World {
  const world = new World(seed)
  world.cluster.secret = secret
  return world
}

async function certified(world: World, nodes: number): Promise<void> {
  for (let i = 0; i < 300; i++) {
    const { certificates } = await world.ask('n1', b => b.ca())
    if (certificates.filter(c => !c.removed).length === nodes) return
    await world.run(200)
  }
  throw world.failure(`never ${nodes} certificates`)
}

const remove = (world: World, node: string, at = 'n1') =>
  world.ask(at, b => b.leave({ node, force: true, actor: 'ann' }))
const promote = (world: World, node: string, at = 'n1') =>
  world.ask(at, b => b.promote({ node, observer: false, force: false, actor: 'ann' }))
const demote = (world: World, node: string, at = 'n1') =>
  world.ask(at, b => b.demote({ node, force: true, actor: 'ann' }))
const state = (world: World, at: string) => world.node(at).process?.agent.state

/** n4 is away while n5 is removed, and that forgotten. */
async function missEpoch(world: World): Promise<void> {
  await world.cluster3(['n4', 'n5'])
  if (world.cluster.secret) await certified(world, 5)
  const settings = { 'tombstone-grace': '2s' }
  await world.ask('n1', b => b.changeSettings({ settings, actor: 'ann' }))
  await world.run(3_000)
  world.kill('n4', 'n5')
  await remove(world, 'n5')
  await world.sees('n1', 'epoch 2', ({ cluster }) => cluster.epoch === 2)
  await world.run(2_000)
}

/** It went away before it had a certificate, or had heard of any key. */
function withSecretOnly(world: World, name: string): void {
  const { disk } = world.node(name)
  disk.identity = JSON.stringify({ key: JSON.parse(disk.identity!).key })
  world.setFacts(name, ({ cluster, ...facts }) => ({
    ...facts,
    cluster: { ...cluster!, control: cluster!.control.map(({ key: _, ...c }) => c) },
  }))
}

async function moveControl(world: World): Promise<void> {
  for (const name of ['n1', 'n2', 'n3']) {
    world.kill(name)
    world.node(name).port = gossipPort + 7
    world.start(name)
    await world.sees(name, 'a leader', report => report.cluster.leader !== null)
    await world.sees(name, 'it ready', r => r.nodes.find(n => n.name === name)?.state === 'ready')
  }
}

async function joinToken(world: World): Promise<string> {
  const use = { kind: 'join', pattern: '*', uses: 1, roles: [] } as const
  const wish = { name: '', life: 3_600_000, use, actor: 'ann' }
  return (await world.ask('n1', b => b.createToken(wish))).token
}

/** n4 came by a token, and has a certificate. */
async function cluster4(world: World): Promise<void> {
  await world.cluster3()
  await certified(world, 3)
  const token = await joinToken(world)
  world.cluster.start(world.cluster.addNode('n4', { join: ['n1'], token }))
  await world.states('n1', four)
  await certified(world, 4)
}

const zombies = ['n1', 'n2', 'n3']

const four = { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' } as const

test('a node that sets out for a new epoch, and was removed, hears that it is out', async () => {
  const world = secured(51)
  await missEpoch(world)
  world.start('n4')
  await world.until('n4 set aside', () => world.facts('n4').returning !== undefined)
  world.kill('n4')
  await remove(world, 'n4')
  await world.run(1_000)
  world.start('n4')
  await world.until('n4 is out', () => world.facts('n4').left === true, soon)
})

test('a node that has nothing but the secret sets out for a new epoch when its control nodes say so', async () => {
  const world = secured(52)
  await missEpoch(world)
  withSecretOnly(world, 'n4')
  world.start('n4')
  await world.until('n4 is home', () => world.facts('n4').cluster?.epoch === 2, soon)
  await world.states('n4', four)
})

test('a node that has nothing but the secret calls its control nodes back, which are all elsewhere by now', async () => {
  const world = secured(53)
  await world.cluster3(['n4'])
  await certified(world, 4)
  world.kill('n4')
  withSecretOnly(world, 'n4')
  await demote(world, 'n3')
  await moveControl(world)
  world.start('n4')
  await world.states('n4', four)
})

test.each(['the secret', 'nothing'])(
  'a node that missed an epoch hears so from control nodes that are all elsewhere, having %s to prove',
  async which => {
    const world = secured(54)
    if (which === 'nothing') world.cluster.secret = undefined
    await missEpoch(world)
    await moveControl(world)
    world.start('n4')
    await world.until('n4 is home', () => world.facts('n4').cluster?.epoch === 2, 60_000)
    await world.states('n4', four)
  },
)

test.each(['the secret', 'nothing'])(
  'a voter that comes back to quite other control nodes finds them, having %s to prove',
  async which => {
    const world = secured(55)
    if (which === 'nothing') world.cluster.secret = undefined
    await world.cluster3(['n4', 'n5', 'n6'])
    if (which === 'the secret') await certified(world, 6)
    await world.run(1_000)
    world.kill('n3')
    for (const node of ['n4', 'n5', 'n6']) await promote(world, node)
    for (const node of ['n3', 'n2', 'n1']) await demote(world, node, 'n4')
    for (const node of ['n1', 'n2']) {
      world.kill(node)
      await world.run(5_000)
      await remove(world, node, 'n4')
    }
    await world.run(5_000)
    world.start('n3')
    await world.until('n3 carries no log', () => world.facts('n3').group === undefined, 60_000)
    await world.states('n3', { n3: 'ready', n4: 'ready', n5: 'ready', n6: 'ready' })
  },
)

/** n3 went when it had the log as far as the init, and no certificate yet. */
async function loseEarly(world: World): Promise<void> {
  await world.zombies(zombies)
  const [n1, n2, n3] = zombies.map(n => world.node(n).machine)
  const back = [n2, n3].map(other => world.cluster.network.path(other!, n1!))
  for (const path of back) path.delay = 400
  const init = world.ask('n1', b => b.init({ name: 'prod', control: zombies, actor: 'ann' }))
  await world.until('n3 has the init', () => state(world, 'n3')?.cluster != null)
  await world.run(300)
  world.kill('n3')
  for (const path of back) path.delay = 0
  await init
  expect(parseIdentity(world.node('n3').disk.identity!).member).toBeUndefined()
}

test.each([
  'was never certified',
  'has a certificate that ran out, of an authority that is retired',
])('a voter that %s takes the log from a leader that came later', async which => {
  const world = secured(56)
  const early = which === 'was never certified'
  if (early) await loseEarly(world)
  else {
    world.cluster.certificateLife = 600_000
    await world.cluster3()
    await certified(world, 3)
    await world.run(1_000)
    world.kill('n3')
  }
  for (const name of ['n4', 'n5']) world.add(name, ['n1', 'n2'])
  await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'failed', n4: 'ready', n5: 'ready' })
  for (const node of ['n4', 'n5']) await promote(world, node)
  if (!early) {
    await world.ask('n1', b => b.rotateCa({ actor: 'ann' }))
    await world.run(700_000)
    expect((await world.ask('n1', b => b.ca())).authorities).toHaveLength(1)
  }
  const leader = async () => (await world.status('n4')).cluster.leader!
  for (let now = await leader(); now === 'n1' || now === 'n2'; now = await leader()) {
    world.kill(now)
    await world.sees('n4', 'another', r => ![now, null].includes(r.cluster.leader))
    world.start(now)
    await world.run(3_000)
  }
  world.start('n3')
  await world.until('n3 has the log', () => state(world, 'n3')?.nodes.size === 5, soon)
  await world.states('n3', { ...four, n5: 'ready' })
})

test('a voter that missed the start of the init, and comes in as anybody else, gets the log', async () => {
  const world = new World(57)
  await world.zombies(zombies)
  const { network } = world.cluster
  const [n1, n2, n3] = zombies.map(n => world.node(n).machine)
  network.path(n3!, n1!).delay = 100
  const init = world.ask('n1', b => b.init({ name: 'prod', control: zombies, actor: 'ann' }))
  await world.until('n3 is prepared', () => world.facts('n3').group !== undefined)
  for (const machine of [n1, n2]) network.block(machine!, n3!)
  await init
  expect(world.facts('n3').group?.prepared?.started).toBe(false)
  world.kill('n3')
  world.heal()
  world.start('n3')
  await world.states('n3', { n1: 'ready', n2: 'ready', n3: 'ready' })
  await world.until('n3 has the log', () => state(world, 'n3')?.voters.length === 3, soon)
})

test('a node that gave in is not taken for its former self once the others have decided as much', async () => {
  const world = new World(58)
  await world.cluster3(['n4'])
  world.kill('n4')
  const change = (grace: string) =>
    world.ask('n1', b => b.changeSettings({ settings: { 'tombstone-grace': grace }, actor: 'ann' }))
  const lost = world.facts('n4').cluster!.metaVersion + 1
  world.setFacts('n4', f => ({ ...f, cluster: { ...f.cluster!, metaVersion: lost } }))
  world.start('n4')
  for (const name of ['n1', 'n2', 'n3'])
    await world.sees(name, 'a refusal', r =>
      r.notices.some(n => /refused n4 at .*DIVERGED/.test(n)),
    )
  await world.ask('n4', b => b.recoverYield({ actor: 'ann' }))
  await world.states('n4', four)
  await change('100s')
  await world.until('n4 knows', () => world.facts('n4').cluster?.metaVersion === lost)
  world.kill('n4')
  await world.run(5_000)
  world.start('n4')
  await world.states('n4', four)
})

test.each(['n3', 'n6'])(
  '%s was removed, and believes one control node that knows more, when the others are gone',
  async name => {
    const world = secured(60)
    await world.cluster3(['n4', 'n5', 'n6'])
    await certified(world, 6)
    await world.run(1_000)
    world.kill(name)
    if (name === 'n3') await demote(world, name)
    await remove(world, name)
    for (const node of ['n4', 'n5']) await promote(world, node)
    world.kill('n2')
    await world.run(5_000)
    await demote(world, 'n2')
    await remove(world, 'n2')
    if (name === 'n6') world.kill('n3')
    await world.run(3_000)
    world.start(name)
    await world.until(`${name} is out`, () => world.facts(name).left === true, soon)
  },
)

test('a node that was removed after a rescue hears so from the only one that was rescued', async () => {
  const world = secured(61)
  await world.cluster3(['n4'])
  await certified(world, 4)
  await world.run(1_000)
  world.kill('n2', 'n3', 'n4')
  await world.run(5_000)
  await world.ask('n1', b => b.recoverApply({ name: 'prod', reason: 'fire', actor: 'ann' }))
  await world.states('n1', { n1: 'ready', n2: 'failed', n3: 'failed', n4: 'failed' })
  await remove(world, 'n4')
  world.start('n4')
  await world.until('n4 is out', () => world.facts('n4').left === true, soon)
})

test.each(['the secret', 'a token'])(
  'a node that comes with %s, and whose disk refuses its certificate, goes on asking and is in once it does not',
  async which => {
    const world = secured(62)
    await world.cluster3()
    await certified(world, 3)
    const token = await joinToken(world)
    const n4 = world.cluster.addNode('n4', { join: ['n1'], ...(which === 'a token' && { token }) })
    world.cluster.start(n4)
    n4.disk.failing = { kind: 'io', message: 'no space left' }
    await world.run(soon)
    n4.disk.failing = undefined
    await world.states('n1', four)
    world.kill('n4')
    world.start('n4')
    await world.states('n4', four)
  },
)

test('a leader that all others contradicted trusts its clock again soon after theirs are right', async () => {
  const world = secured(63)
  await world.cluster3()
  await certified(world, 3)
  const token = await joinToken(world)
  const { leader } = (await world.status('n1')).cluster
  const others = zombies.filter(n => n !== leader)
  for (const name of others) world.node(name).watch.skew += 600_000
  await world.sees(leader!, 'it', r => r.notices.some(n => /its clock is/.test(n)))
  world.cluster.start(world.cluster.addNode('n4', { join: [leader!], token }))
  await world.run(10_000)
  for (const name of others) world.node(name).watch.skew -= 600_000
  await world.until('n4 is in', () => world.facts('n4').cluster !== undefined, soon)
})

test.each(['n2', 'n4'])(
  '%s has no secret, and was away while the authority was changed twice',
  async name => {
    const world = secured(64)
    await cluster4(world)
    await world.run(2_000)
    world.kill(name)
    world.node(name).secret = undefined
    for (let i = 0; i < 2; i++) {
      await world.ask('n1', b => b.rotateCa({ actor: 'ann' }))
      await world.run(15_000)
    }
    // Who was there is not asked to remember: all start anew.
    for (const other of ['n1', 'n3']) {
      world.kill(other)
      world.start(other)
    }
    world.start(name)
    await world.states(name, four)
    const one = async () => (await world.ask('n1', b => b.ca())).authorities.length === 1
    for (let i = 0; i < 100 && !(await one()); i++) await world.run(500)
    expect(await one()).toBe(true)
  },
)

test('a node that has nothing but the secret comes back to quite other control nodes', async () => {
  const world = secured(65)
  const later = ['n5', 'n6', 'n7']
  await world.cluster3(['n4', ...later])
  await certified(world, 7)
  world.kill('n4')
  withSecretOnly(world, 'n4')
  for (const node of later) await promote(world, node)
  for (const node of zombies) {
    await demote(world, node, 'n5')
    world.kill(node)
    await world.run(5_000)
    await remove(world, node, 'n5')
  }
  world.start('n4')
  await world.states('n4', { n4: 'ready', n5: 'ready', n6: 'ready', n7: 'ready' })
})

test('a voter that was never certified comes back to quite other control nodes', async () => {
  const world = secured(66)
  const later = ['n4', 'n5', 'n6']
  await loseEarly(world)
  for (const name of later) world.add(name, ['n1', 'n2'])
  await certified(world, 5)
  for (const node of later) await promote(world, node)
  await demote(world, 'n3', 'n4')
  for (const node of ['n1', 'n2']) {
    await demote(world, node, 'n4')
    world.kill(node)
    await world.run(5_000)
    await remove(world, node, 'n4')
  }
  world.start('n3')
  await world.until('n3 carries no log', () => world.facts('n3').group === undefined, 60_000)
  await world.states('n3', { n3: 'ready', n4: 'ready', n5: 'ready', n6: 'ready' })
})

test('a node that was removed believes a certified control node that came later, when none that it knew is left', async () => {
  const world = secured(67)
  await world.cluster3(['n4', 'n5'])
  await certified(world, 5)
  await world.run(1_000)
  world.kill('n5')
  await remove(world, 'n5')
  await promote(world, 'n4')
  for (const node of zombies) {
    await demote(world, node, 'n4')
    world.kill(node)
    await world.run(5_000)
    await remove(world, node, 'n4')
  }
  const n5 = world.node('n5') as { join: readonly string[] }
  n5.join = ['n4']
  world.start('n5')
  await world.until('n5 is out', () => world.facts('n5').left === true, soon)
})

test.each([
  [1, 'a voter'],
  [4, 'a voter'],
  [1, 'no control node'],
  [2, 'no control node'],
] as const)(
  'all move within a second, faster than that can be agreed, and find each other (seed %i, the last is %s)',
  async (seed, last) => {
    const world = new World(seed)
    await world.cluster3(['n4'])
    world.kill('n4')
    if (last === 'no control node') await demote(world, 'n3')
    for (const name of zombies) {
      world.kill(name)
      world.node(name).port = gossipPort + 7
      world.start(name)
      await world.run(300)
    }
    await world.states('n3', { ...four, n4: 'failed' })
  },
)

test('a node that was removed hears so from those who have retired the authority of its certificate', async () => {
  const world = secured(66)
  await cluster4(world)
  await world.run(1_000)
  const member = () => parseIdentity(world.node('n4').disk.identity!).member!
  const { certificate, authorities } = member()
  await world.ask('n1', b => b.rotateCa({ actor: 'ann' }))
  for (let i = 0; i < 500 && member().authorities.length === authorities.length; i++)
    await world.run(2)
  world.kill('n4')
  expect(member()).toMatchObject({ certificate, authorities: { length: 2 } })
  await remove(world, 'n4')
  await world.run(15_000)
  expect((await world.ask('n1', b => b.ca())).authorities).toHaveLength(1)
  world.start('n4')
  await world.until('n4 is out', () => world.facts('n4').left === true, soon)
  const { notices } = await world.ask('n4', b => b.status())
  expect(notices.join()).toMatch(/n4: was removed from «prod», say n\d, n/)
})

test.each(['a member', 'nobody'])(
  'a node that comes back as %s, and whose control nodes are all elsewhere, looks where an operator says',
  async what => {
    const world = new World(67)
    await world.cluster3(['n4'])
    world.kill('n4')
    if (what === 'nobody') await remove(world, 'n4')
    await moveControl(world)
    // The others know where it was; it is elsewhere, too.
    world.node('n4').port = gossipPort + 8
    world.start('n4')
    await world.run(soon)
    const address = `10.0.0.1:${gossipPort + 7}`
    await expect(world.ask('n4', b => b.join({ address, actor: 'ann' }))).rejects.toThrow(/belongs/)
    if (what === 'nobody')
      await world.until('n4 is out', () => world.facts('n4').left === true, soon)
    else await world.states('n4', four)
  },
)
