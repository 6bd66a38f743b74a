import { expect, test } from 'vitest'
import type { StatusReport } from '../../src/api/types.ts'
import type { Hello, ValidationHandler } from '../../src/net/handshake.ts'
import { gossipPort } from './cluster.ts'
import { World } from './world.ts'

/** A scenario for every row of the first validation (design §4), with whole agents. */

const notice = (pattern: RegExp) => (report: StatusReport) =>
  report.notices.some(n => pattern.test(n))

/** What a member of the cluster would say, but for `more`. */
function memberHello(
  world: World,
  of: string,
  more: Partial<Hello['allegiance'] & object>,
): Partial<Hello> {
  const { cluster } = world.facts(of)
  const { tag, name: clusterName, epoch, metaVersion } = cluster!
  return { allegiance: { tag, clusterName, epoch, metaVersion, ...more } }
}

test('an empty node: among zombies it waits for the init, of a cluster it asks the control plane', async () => {
  const world = new World()
  await world.cluster3()
  world.add('n4', ['n2'])
  await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  await world.sees('n4', 'its cluster', ({ cluster }) => cluster.state === 'active')
})

test('busy: the joiner hears it, and gets in elsewhere', async () => {
  const world = new World()
  await world.cluster3()
  world.kill('n2', 'n3')
  // It asks n1 to be admitted, and n1 waits for a quorum: so n4 is busy.
  world.add('n4', ['n1'])
  await world.run(2_000)
  const knock = await world.knock('n4', {})
  expect(knock).toMatchObject({ failure: { why: 'busy', reason: /n4 is in the middle of/ } })
  world.add('n5', ['n4'])
  const { notices } = await world.sees('n5', 'BUSY', r => r.refused === 'BUSY')
  expect(notices.join()).toMatch(/has no time for this node: BUSY: n4 is in the middle of/)
  world.start('n2', 'n3')
  await world.states('n5', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready', n5: 'ready' })
})

test('an initialised node among zombies infects nobody; once its cluster resumes, they join it', async () => {
  const world = new World()
  await world.cluster3()
  await world.run(2_000)
  world.kill('n1', 'n2', 'n3')
  world.start('n1')
  world.add('z1', ['n1'])
  world.add('z2', ['z1'])
  await world.sees('z1', 'no quorum', notice(/NO_QUORUM/))
  await world.run(10_000)
  for (const zombie of ['z1', 'z2']) {
    expect(world.facts(zombie)).not.toHaveProperty('cluster')
    expect((await world.status(zombie)).cluster).toMatchObject({ state: 'zombie', tag: null })
  }
  expect((await world.status('n1')).nodes.map(n => n.name)).toEqual(['n1', 'n2', 'n3'])
  world.start('n2', 'n3')
  await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', z1: 'ready', z2: 'ready' })
})

test('another cluster: final, with both names, the cure, and nothing left behind', async () => {
  const world = new World()
  await world.cluster3([], 'prod', 'a')
  await world.cluster3([], 'test', 'b')
  const before = world.facts('b1')
  world.kill('b1')
  const b1 = world.node('b1') as { join: readonly string[] }
  b1.join = ['a1']
  world.start('b1')
  const told = await world.sees('b1', 'a refusal', notice(/refused by a1 at .*TAG_MISMATCH/))
  expect(told.notices.join()).toMatch(/«prod» \(tag .*«test» \(tag .*hive reset makes it empty/)
  await world.sees('a1', 'whom it refused', notice(/a1: refused b1 at .*TAG_MISMATCH.*«test»/))
  // It has its own cluster, and is well.
  await world.states('b1', { b1: 'ready', b2: 'ready', b3: 'ready' })
  expect((await world.status('a1')).nodes.map(n => n.name)).toEqual(['a1', 'a2', 'a3'])
  expect(world.facts('b1').cluster?.tag).toBe(before.cluster?.tag)
  const news = world.trace.filter(line => /b1.*refused by a peer/.test(line)).length
  await world.run(25_000)
  expect(world.trace.filter(line => /b1.*refused by a peer/.test(line)).length - news).toBeLessThan(
    3,
  )
})

test('a smaller meta version: it joins and takes the newer configuration', async () => {
  const world = new World()
  await world.cluster3(['n4', 'n5'])
  const { metaVersion } = (await world.status('n1')).cluster
  world.kill('n4')
  const request = { node: 'n5', observer: false, force: false, actor: 'test' }
  await world.ask('n1', backend => backend.promote(request))
  world.start('n4')
  await world.until('n4 knows', () => world.facts('n4').cluster!.metaVersion > metaVersion)
  await world.sees('n4', 'its cluster', r => r.nodes.every(n => n.state === 'ready'))
})

test('a larger meta version that the cluster has: the node asked refreshes itself first', async () => {
  const world = new World()
  await world.cluster3(['n4', 'n5'])
  // n4 is cut off and falls behind.
  world.split(['n1', 'n2', 'n3', 'n5'], ['n4'])
  await world.run(100)
  const request = { node: 'n5', observer: false, force: false, actor: 'test' }
  await world.ask('n1', backend => backend.promote(request))
  const behind = world.facts('n4').cluster!.metaVersion
  await world.until('the others are ahead', () => world.facts('n5').cluster!.metaVersion > behind)
  const hello = memberHello(world, 'n5', {})
  world.heal()
  const first = await world.knock('n4', hello)
  expect(first).toMatchObject({ failure: { why: 'busy', reason: /asks the control plane first/ } })
  await world.run(3_000)
  expect(await world.knock('n4', hello)).toEqual({ outcome: 'welcome' })
})

test('a larger meta version of control nodes that are all elsewhere by now: who puts them off calls back', async () => {
  const world = new World()
  await world.cluster3(['n4'])
  world.kill('n4')
  await world.ask('n1', b => b.demote({ node: 'n3', force: true, actor: 'test' }))
  for (const name of ['n1', 'n2', 'n3']) {
    world.kill(name)
    world.node(name).port = gossipPort + 7
    world.start(name)
    // Who moves before it has heard where the last one is would find nobody.
    const at = `:${gossipPort + 7}`
    for (const each of ['n1', 'n2', 'n3'])
      await world.sees(each, `${name} at ${at}`, ({ nodes }) =>
        nodes.some(n => n.name === name && n.state === 'ready' && n.address.endsWith(at)),
      )
  }
  world.start('n4')
  await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
})

test('a larger meta version that the cluster never had: DIVERGED, and nothing is lost', async () => {
  const world = new World()
  await world.cluster3(['n4'])
  world.kill('n4')
  world.setFacts('n4', facts => ({ ...facts, cluster: { ...facts.cluster!, metaVersion: 99 } }))
  const kept = world.facts('n4').cluster
  world.start('n4')
  const told = await world.sees('n4', 'a refusal', notice(/refused by n\d at .*DIVERGED/))
  expect(told.notices.join()).toMatch(/meta version 99 of «prod».*nothing is lost.*hive recover/)
  for (const node of ['n1', 'n2', 'n3']) {
    await world.sees(node, 'whom it refused', notice(/refused n4 at .*DIVERGED/))
  }
  await world.run(30_000)
  expect(world.facts('n4').cluster).toEqual(kept)
  await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
})

test('without a quorum nobody is called diverged: the node asked puts the other off', async () => {
  const world = new World()
  await world.cluster3()
  world.kill('n2', 'n3')
  await world.run(5_000)
  for (let i = 0; i < 3; i++) {
    const knock = await world.knock('n1', memberHello(world, 'n1', { metaVersion: 99 }))
    expect(knock).toMatchObject({ failure: { why: 'busy' } })
    await world.run(6_000)
  }
})

test('a clock beyond the limit: refused at both ends, and in once it is set', async () => {
  const world = new World()
  await world.cluster3()
  const late = world.cluster.addNode('late', { join: ['n1'] })
  late.watch.skew = -600_000
  world.cluster.start(late)
  const told = await world.sees('late', 'a refusal', notice(/CLOCK_SKEW.*10 min behind/))
  expect(told.notices.join()).toMatch(/set the clock/)
  await world.sees('n1', 'whom it refused', notice(/refused late at .*CLOCK_SKEW/))
  late.watch.skew = 0
  await world.states('n1', { late: 'ready', n1: 'ready', n2: 'ready', n3: 'ready' })
})

test('the clock of a member goes wrong: it stays', async () => {
  const world = new World()
  await world.cluster3()
  world.kill('n3')
  world.node('n3').watch.skew = 86_400_000
  world.start('n3')
  await world.states('n3', { n1: 'ready', n2: 'ready', n3: 'ready' })
})

test('no common protocol version', async () => {
  const world = new World()
  await world.cluster3()
  const knock = await world.knock('n1', { protocolMin: 8, protocolMax: 9, version: '9.0.0' })
  expect(knock).toMatchObject({
    failure: {
      why: 'rejected',
      code: 'VERSION_MISMATCH',
      reason: /hive 9.0.0.*speaks protocol 8–9/,
    },
  })
  await world.sees('n1', 'whom it refused', notice(/refused stranger1 at .*VERSION_MISMATCH/))
})

test('a rule of a role or a module: it may refuse or put off, with a code of its own choice', async () => {
  const odd: ValidationHandler = ({ name }) => {
    if (name === 'busybody') return { outcome: 'busy', reason: 'the rack is being moved' }
    if (name === 'intruder')
      return { outcome: 'rejected', code: 'REFUSED', reason: 'not from this rack' }
    return { outcome: 'welcome' }
  }
  const world = new World(1, () => ({ validation: [() => ({ outcome: 'welcome' }), odd] }))
  await world.cluster3()
  expect(await world.knock('n1', { name: 'busybody' })).toMatchObject({
    failure: { why: 'busy', reason: 'the rack is being moved' },
  })
  expect(await world.knock('n1', { name: 'intruder' })).toMatchObject({
    failure: { why: 'rejected', code: 'REFUSED', reason: 'not from this rack' },
  })
  expect(await world.knock('n1', { name: 'friend' })).toEqual({ outcome: 'welcome' })
  await world.sees(
    'n1',
    'whom it refused',
    notice(/refused intruder at .*REFUSED: not from this rack/),
  )
})

test('a handshake that is cut is no word about anybody: the joiner says what it saw, and goes on trying', async () => {
  const world = new World()
  world.cluster.secret = 'the-secret-of-this-cluster-0123456789-0123456'
  await world.cluster3()
  world.add('n4', ['n1', 'n2'])
  const codes = new Set<string | undefined>()
  const told = new Set<string>()
  const deadline = world.simulation.now + 20_000
  while (world.simulation.now < deadline) {
    // As a network that drops its connections, whatever has been said over them.
    for (const stream of [...world.node('n4').machine.streams]) stream.fail('reset')
    await world.run(1)
    if (world.simulation.now % 100 >= 1) continue
    const { refused, notices } = await world.status('n4')
    codes.add(refused)
    for (const notice of notices) told.add(notice)
  }
  expect([...codes].filter(c => c !== undefined)).toEqual(['TIMEOUT'])
  expect([...told].join()).toMatch(/broke the connection off.*goes on trying/)
  await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  expect((await world.status('n4')).notices.join()).not.toMatch(/broke the connection off/)
})

test('the second validation: a name that is taken, a role that nobody knows, and one that needs another', async () => {
  const world = new World()
  await world.cluster3(['n4'])
  world.kill('n4')
  world.node('n4').disk.facts = undefined
  world.start('n4')
  world.add('n5', ['n1'], ['nonsense'])
  world.add('n6', ['n2'], ['dns'])
  for (const [name, code, cure] of [
    ['n4', 'NAME_TAKEN', /hive node remove n4/],
    ['n5', 'UNKNOWN_ROLE', /hive role list/],
    ['n6', 'MISSING_ROLE', /hive role assign NODE host/],
  ] as const) {
    const { notices, cluster } = await world.sees(name, code, r => r.refused === code)
    expect(notices.join()).toMatch(cure)
    expect(cluster.tag).toBeNull()
  }
  await world.run(20_000)
  expect((await world.status('n1')).nodes.map(n => n.name)).toEqual(['n1', 'n2', 'n3', 'n4'])
  // What can pass is asked about again.
  await world.ask('n1', b => b.assignRoles({ node: 'n1', roles: ['host'], actor: 'test' }))
  await world.sees('n1', 'n6', ({ nodes }) =>
    nodes.some(n => n.name === 'n6' && n.state === 'ready'),
  )
})

test('who was refused leaves no trace but in the journal, which is bounded', async () => {
  const world = new World()
  await world.cluster3()
  const before = JSON.stringify(world.facts('n1'))
  for (let i = 0; i < 300; i++) {
    await world.knock('n1', { name: `x${i}`, protocolMin: 9, protocolMax: 9 })
  }
  expect(JSON.stringify(world.facts('n1'))).toBe(before)
  const { nodes, notices } = await world.status('n1')
  expect(nodes.map(n => n.name)).toEqual(['n1', 'n2', 'n3'])
  expect(notices.filter(n => n.includes('VERSION_MISMATCH')).length).toBeLessThanOrEqual(4)
})
