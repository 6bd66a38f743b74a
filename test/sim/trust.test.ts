import { describe, expect, test } from 'vitest'
import type { CaReport, KeysReport } from '../../src/api/trust-types.ts'
import { gossipPort } from './cluster.ts'
import { World } from './world.ts'

/** Secrets, certificates and keys as whole agents use them, told step by step. */

const secret = 'the-secret-of-this-cluster-0123456789-0123456'

function secured(seed = 1): World {
  const world = new World(seed)
  world.cluster.secret = secret
  return world
}

const ca = (world: World, at: string): Promise<CaReport> => world.ask(at, b => b.ca())
const keys = (world: World, at: string): Promise<KeysReport> => world.ask(at, b => b.keys())

/** Asks until it is so; the leader may be on its way. */
async function comes<T>(
  world: World,
  what: string,
  ask: () => Promise<T>,
  holds: (value: T) => boolean,
): Promise<T> {
  const deadline = world.simulation.now + 60_000
  let last: unknown
  while (world.simulation.now < deadline) {
    try {
      const value = await ask()
      if (holds(value)) return value
      last = value
    } catch (error) {
      last = String(error)
    }
    await world.run(100)
  }
  throw world.failure(`never: ${what}; last ${JSON.stringify(last)}`)
}

async function settled(world: World, at: string, primary: number): Promise<void> {
  await comes(
    world,
    `gossip key ${primary} alone`,
    () => keys(world, at),
    k => k.primary === primary && k.keys.length === 1,
  )
}

async function certified(world: World, at: string, nodes: number): Promise<CaReport> {
  const all = (report: CaReport) => {
    const [newest] = report.authorities.slice(-1)
    return (
      report.authorities.length === 1 &&
      report.certificates.filter(c => !c.removed && c.authority === newest?.fingerprint).length ===
        nodes
    )
  }
  return comes(world, `${nodes} certificates of one authority`, () => ca(world, at), all)
}

async function leaderOf(world: World, at: string): Promise<string> {
  return (await world.status(at)).cluster.leader!
}

const foreign = (notices: readonly string[]) => notices.filter(n => /foreign packets?/.test(n))

describe('a cluster with a secret', () => {
  test('gets an authority, certificates and a gossip key of its own, and the secret opens no gossip any more', async () => {
    const world = secured()
    await world.cluster3(['n4'])
    await certified(world, 'n4', 4)
    await settled(world, 'n4', 1)
    for (const name of ['n1', 'n2', 'n3', 'n4']) {
      expect(foreign((await world.status(name)).notices)).toEqual([])
    }
  })

  test('is joined later by who has the secret, and never by who has another', async () => {
    const world = secured()
    await world.cluster3()
    await settled(world, 'n1', 1)
    const stranger = world.cluster.addNode('x1', {
      join: ['n1', 'n2'],
      secret: 'another-secret-0123456789-0123456789-01234567',
    })
    world.cluster.start(stranger)
    const plain = world.cluster.addNode('x2', { join: ['n1', 'n2'] })
    plain.secret = undefined
    world.cluster.start(plain)
    world.add('n4', ['n2'])
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    await certified(world, 'n1', 4)
    await world.run(30_000)
    for (const name of ['x1', 'x2']) {
      const { cluster, nodes, notices } = await world.status(name)
      expect([cluster.tag, nodes.map(n => n.name)]).toEqual([null, [name]])
      expect(notices.join()).toMatch(/do not believe each other/)
    }
    expect((await world.status('n1')).nodes).toHaveLength(4)
  })

  test.each([0, 5])(
    'a leader whose disk is full %i ms after it was elected gives up its vote, and another one makes the authority',
    async pause => {
      const world = secured(5)
      const names = ['n1', 'n2', 'n3'] as const
      await world.zombies(names)
      void world
        .node('n1')
        .process!.agent.backend.init({ name: 'prod', control: names, actor: 'test' })
        .catch(() => {})
      const leads = () =>
        names.find(n => world.node(n).process?.agent.raftStatus()?.rank === 'leader')
      while (!leads()) await world.run(0.1)
      await world.run(pause)
      const first = leads()!
      world.node(first).disk.failing = { kind: 'full', message: 'no space left' }
      const [other] = names.filter(n => n !== first)
      await comes(
        world,
        'two certificates',
        () => ca(world, other!),
        r => r.certificates.length >= 2,
      )
      expect((await world.status(first)).notices.join()).toMatch(/storage .*: no space left/)
      world.node(first).disk.failing = undefined
      world.kill(first)
      world.start(first)
      await certified(world, first, 3)
    },
  )

  test('survives the crash of everybody, and a control node that missed everything after the init', async () => {
    const world = secured(3)
    await world.cluster3(['n4'])
    world.kill('n3')
    await world.ask('n1', b => b.rotateCa({ actor: 'test' }))
    await world.run(3_000)
    world.kill('n1', 'n2', 'n4')
    await world.run(2_000)
    world.start('n1', 'n2', 'n3', 'n4')
    await world.states('n3', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    await certified(world, 'n3', 4)
    const leader = await leaderOf(world, 'n1')
    // Whoever leads now must be able to certify, n3 too, though it was away when the key was shared.
    if (leader !== 'n3') world.kill(...['n1', 'n2'].filter(n => n === leader))
    world.add('n5', ['n3'])
    await comes(
      world,
      'n5 is certified',
      () => ca(world, 'n3'),
      r => r.certificates.some(c => c.node === 'n5'),
    )
  })
})

describe('gossip keys', () => {
  test('rotate in calm without one packet that cannot be read', async () => {
    const world = secured(2)
    await world.cluster3(['n4', 'n5'])
    await settled(world, 'n1', 1)
    for (const primary of [2, 3]) {
      await world.ask('n5', b => b.rotateKeys({ actor: 'test' }))
      await settled(world, 'n5', primary)
    }
    await world.run(5_000)
    for (const name of ['n1', 'n2', 'n3', 'n4', 'n5']) {
      expect(foreign((await world.status(name)).notices)).toEqual([])
      expect((await world.status(name)).nodes.map(n => n.state)).toEqual(Array(5).fill('ready'))
    }
    const { events } = await world.ask('n1', b => b.log({ from: 1, limit: 500 }))
    expect(events.filter(e => e.type === 'NodeFailed')).toEqual([])
  })

  test.each([
    ['GossipKeyAdded', 20],
    ['GossipKeyUsed', 21],
    ['GossipKeyUsed', 22],
  ] as const)(
    'a rotation whose leader dies right after %s is finished by the next (seed %i)',
    async (type, seed) => {
      const world = secured(seed)
      await world.cluster3(['n4'])
      await settled(world, 'n1', 1)
      const leader = await leaderOf(world, 'n1')
      const [other] = ['n1', 'n2', 'n3'].filter(n => n !== leader)
      await world.ask(other!, b => b.rotateKeys({ actor: 'test' }))
      await comes(
        world,
        type,
        () => world.ask(other!, b => b.log({ from: 1, limit: 500 })),
        ({ events }) => events.some(e => e.type === type && (e.data as { id: number }).id === 2),
      )
      world.kill(leader)
      await settled(world, other!, 2)
      world.start(leader)
      await world.states(other!, { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
      await settled(world, leader, 2)
    },
  )

  test('a key that somebody still seals with is not dropped, however long that takes', async () => {
    const world = secured(23)
    await world.cluster3(['n4'])
    await settled(world, 'n1', 1)
    const leader = await leaderOf(world, 'n1')
    await world.ask('n1', b => b.rotateKeys({ actor: 'test' }))
    const used = () => world.node(leader).process!.agent.state!.gossipKeys!.primary === 2
    await world.until('the new key is to be used', used)
    // Before it hears of that.
    const { life } = world.node('n4').process!
    world.simulation.freeze(life)
    await world.run(2_600)
    expect((await keys(world, 'n1')).keys.map(k => k.id)).toEqual([1, 2])
    world.simulation.thaw(life)
    await settled(world, 'n1', 2)
    for (const name of ['n1', 'n2', 'n3'])
      expect(foreign((await world.status(name)).notices)).toEqual([])
  })

  test('a node that was away for two rotations hears and is heard again', async () => {
    const world = secured(5)
    await world.cluster3(['n4'])
    await settled(world, 'n1', 1)
    world.kill('n4')
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
    for (const primary of [2, 3]) {
      await world.ask('n1', b => b.rotateKeys({ actor: 'test' }))
      await settled(world, 'n1', primary)
    }
    world.start('n4')
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    await world.until('n4 hears the others', () =>
      world
        .node('n4')
        .process!.agent.swimMembers()
        .every(m => m.status === 'alive'),
    )
  })
})

describe('rotations', () => {
  test('that two ask for at once are answered to both', async () => {
    const world = secured(12)
    await world.cluster3()
    await certified(world, 'n1', 3)
    await settled(world, 'n1', 1)
    const { leader } = (await world.status('n1')).cluster
    const { life, agent } = world.node(leader!).process!
    const ended: string[] = []
    const began = world.simulation.now
    world.simulation.enter(life, () => {
      for (const actor of ['ann', 'bob']) {
        for (const rotate of [agent.backend.rotateCa, agent.backend.rotateKeys]) {
          rotate({ actor }).then(
            () => ended.push('done'),
            error => ended.push(error.code),
          )
        }
      }
    })
    await world.until('all are answered', () => ended.length === 4)
    expect(world.simulation.now - began).toBeLessThan(4_000)
    expect(ended.filter(e => e !== 'done' && e !== 'BUSY')).toEqual([])
    await settled(world, 'n1', 2)
    expect((await certified(world, 'n1', 3)).authorities).toHaveLength(1)
  })
})

describe('an authority that is rotated', () => {
  test('again and again, while a node that is away holds up the end, loses no key that is needed', async () => {
    const world = secured(13)
    await world.cluster3(['n4'])
    await certified(world, 'n1', 4)
    await settled(world, 'n1', 1)
    world.kill('n4')
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
    const refused: string[] = []
    for (let i = 0; i < 24; i++)
      await world.ask('n1', b => b.rotateCa({ actor: 'ann' })).catch(e => refused.push(e.code))
    expect(new Set(refused)).toEqual(new Set(['BUSY']))
    expect(refused.length).toBeGreaterThan(16)
    world.kill('n1', 'n2', 'n3')
    world.start('n1', 'n2', 'n3', 'n4')
    world.add('n5', ['n1'])
    const ready = Object.fromEntries(['n1', 'n2', 'n3', 'n4', 'n5'].map(n => [n, 'ready' as const]))
    await world.states('n5', ready)
    expect((await certified(world, 'n1', 5)).authorities).toHaveLength(1)
  })
})

test('a node that missed a new authority and a new epoch knows its control nodes by their keys, and comes home', async () => {
  const world = secured(41)
  await world.cluster3(['n4', 'n5'])
  await certified(world, 'n1', 5)
  const settings = { 'tombstone-grace': '2s' }
  await world.ask('n1', b => b.changeSettings({ settings, actor: 'test' }))
  await world.run(3_000)
  world.kill('n4', 'n5')
  await world.ask('n1', b => b.leave({ node: 'n5', force: true, actor: 'test' }))
  await world.sees('n1', 'epoch 2', ({ cluster }) => cluster.epoch === 2)
  await world.ask('n1', b => b.rotateCa({ actor: 'test' }))
  await world.run(5_000)
  world.start('n4')
  await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  expect(world.node('n4').disk.aside.has('epoch-1')).toBe(true)
})

test('a node that was removed, and missed a new authority, believes its control nodes by their keys that it is out', async () => {
  const world = secured(42)
  await world.cluster3(['n4'])
  await certified(world, 'n1', 4)
  await world.run(1_000)
  world.kill('n4')
  await world.ask('n1', b => b.leave({ node: 'n4', force: true, actor: 'test' }))
  await world.ask('n1', b => b.rotateCa({ actor: 'test' }))
  await certified(world, 'n1', 3)
  world.start('n4')
  await world.until('n4 is out', () => world.facts('n4').left === true)
  expect((await world.status('n4')).notices.join()).toMatch(/was removed from «prod», say n\d/)
})

test.each(['while the others run', 'at the same moment as the others'])(
  'a node that has nothing but the secret, and was removed, hears that it is out: it starts %s',
  async when => {
    const world = secured(43)
    await world.cluster3(['n4'])
    await certified(world, 'n1', 4)
    await world.run(1_000)
    world.kill('n4')
    await world.ask('n1', b => b.leave({ node: 'n4', force: true, actor: 'test' }))
    // It was taken out before it had a certificate, or had heard of any key.
    world.node('n4').disk.identity = undefined
    world.setFacts('n4', ({ cluster, ...facts }) => ({
      ...facts,
      cluster: { ...cluster!, control: cluster!.control.map(({ key: _, ...c }) => c) },
    }))
    if (when === 'at the same moment as the others') {
      await world.run(1_000)
      world.kill('n1', 'n2', 'n3')
      world.start('n1', 'n2', 'n3')
    }
    world.start('n4')
    await world.until('n4 is out', () => world.facts('n4').left === true)
  },
)

describe('a node that lost its power in the middle', () => {
  /** The facts are on disk, the identity is not yet; what they wrote before is what the others see. */
  test.each([
    ['of a reset', { id: '01980000-0000-7000-8000-0000000000aa' }, false],
    ['of leaving', { left: true }, true],
  ] as const)('%s comes back by what it has', async (_, more, asked) => {
    const world = secured(15)
    await world.cluster3(['n4'])
    await certified(world, 'n1', 4)
    await settled(world, 'n1', 1)
    world.kill('n4')
    await world.ask('n1', b => b.leave({ node: 'n4', force: true, actor: 'test' }))
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready' })
    world.setFacts('n4', ({ cluster: _, group: __, ...facts }) => ({
      ...facts,
      ...{ incarnation: facts.incarnation + 1, known: [], joining: [] },
      ...more,
    }))
    world.start('n4')
    if (asked) {
      const address = `${world.node('n1').machine.ip}:${gossipPort}`
      await world.ask('n4', b => b.join({ address, actor: 'test' }))
    }
    const ready = { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' } as const
    await world.states('n4', ready)
    await world.states('n1', ready)
    await certified(world, 'n1', 4)
  })
})

describe('a leader whose clock is wrong', () => {
  test('forgets nothing and certifies nobody, and says so', async () => {
    const world = secured(16)
    await world.cluster3(['n4', 'n5'])
    await certified(world, 'n1', 5)
    await settled(world, 'n1', 1)
    await world.ask('n1', b => b.leave({ node: 'n5', force: true, actor: 'test' }))
    await settled(world, 'n1', 2)
    const leader = await leaderOf(world, 'n1')
    const log = async () => (await world.ask('n1', b => b.log({ from: 1, limit: 500 }))).events
    const before = (await log()).length
    world.node(leader).watch.skew += 365 * 86_400_000
    await world.sees(leader, 'it', r => r.notices.some(n => /its clock is 365 d ahead of/.test(n)))
    await world.run(30_000)
    expect((await log()).slice(before).map(e => e.type)).toEqual([])
    const { certificates } = await ca(world, 'n1')
    expect(certificates.filter(c => c.removed)).toHaveLength(1)
    world.node(leader).watch.skew -= 365 * 86_400_000
    await world.sees(leader, 'nothing', r => !r.notices.some(n => /its clock is/.test(n)))
    world.add('n6', ['n1'])
    await comes(
      world,
      'n6 is certified',
      () => ca(world, 'n1'),
      r => r.certificates.some(c => c.node === 'n6'),
    )
  })

  /** As many of them as make the story, each short. */
  const minute = 15_000

  test.each([
    ['ahead', 10 * minute],
    ['far behind', -30 * 86_400_000],
  ])('%s spoils the certificates of nobody else', async (_, off) => {
    const world = secured(14)
    world.cluster.certificateLife = 40 * minute
    await world.cluster3()
    await certified(world, 'n1', 3)
    await settled(world, 'n1', 1)
    // A certificate is all that they have to prove themselves by.
    const all = ['n1', 'n2', 'n3']
    for (const name of all) world.node(name).secret = undefined
    world.kill(...all)
    world.start(...all)
    await world.run(12 * minute)
    const leader = await leaderOf(world, 'n1')
    const others = all.filter(n => n !== leader)
    world.node(leader).watch.skew = off
    // One of the two is due by the leader's clock now; both are, with a new authority.
    await world.ask('n1', b => b.rotateCa({ actor: 'ann' }))
    await world.run(minute)
    world.kill(...all)
    await world.run(1_000)
    world.start(...others)
    const [first] = others
    await world.sees(first!, 'a leader', ({ cluster }) => others.includes(cluster.leader ?? ''))
    await world.put(first!, 'a', '1')
    world.node(leader).watch.skew = 0
    // What it made for itself counts in a few minutes, or never again.
    if (off < 0) return
    world.start(leader)
    await world.run(12 * minute)
    await world.states(first!, { n1: 'ready', n2: 'ready', n3: 'ready' })
    await certified(world, first!, 3)
  })
})

describe('certificates', () => {
  test('of a new authority reach everybody before the old one is retired', async () => {
    const world = secured(6)
    await world.cluster3(['n4'])
    const before = await certified(world, 'n1', 4)
    await world.ask('n4', b => b.rotateCa({ actor: 'test' }))
    const after = await certified(world, 'n1', 4)
    expect(after.authorities[0]!.fingerprint).not.toBe(before.authorities[0]!.fingerprint)
    world.kill('n1', 'n2', 'n3', 'n4')
    world.start('n1', 'n2', 'n3', 'n4')
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    const { events } = await world.ask('n1', b => b.log({ from: 1, limit: 500 }))
    const types = events.map(e => e.type)
    expect(types.lastIndexOf('CertificateIssued')).toBeLessThan(types.indexOf('CaRetired'))
  })

  test.each([
    ['the new authority', 1, false, 31],
    ['the second', 3, false, 33],
    ['the old one is retired', 6, false, 35],
    ['the new authority, and a node is away', 1, true, 36],
  ] as const)(
    'of a new authority are finished by the next leader, where one dies right after %s',
    async (_, events, away, seed) => {
      const world = secured(seed)
      await world.cluster3(['n4', 'n5'])
      const before = await certified(world, 'n1', 5)
      await settled(world, 'n1', 1)
      if (away) world.kill('n5')
      const leader = await leaderOf(world, 'n1')
      const [other] = ['n1', 'n2', 'n3'].filter(n => n !== leader)
      const log = async () =>
        (await world.ask(other!, b => b.log({ from: 1, limit: 500 }))).events
          .map(e => e.type)
          .filter(t => t === 'CaCreated' || t === 'CertificateIssued' || t === 'CaRetired').length
      const had = await log()
      void world.ask(other!, b => b.rotateCa({ actor: 'test' })).catch(() => {})
      await comes(world, 'it has come so far', log, n => n >= had + events)
      world.kill(leader)
      await world.run(20_000)
      if (away) world.start('n5')
      await world.run(20_000)
      world.start(leader)
      const names = ['n1', 'n2', 'n3', 'n4', 'n5']
      const ready = Object.fromEntries(names.map(n => [n, 'ready' as const]))
      for (const name of names) await world.states(name, ready)
      const after = await certified(world, other!, 5)
      expect(after.authorities[0]!.fingerprint).not.toBe(before.authorities[0]!.fingerprint)
      // What each has now is enough to meet all others again, without the secret.
      for (const name of names) world.node(name).secret = undefined
      world.kill(...names)
      world.start(...names)
      for (const name of names) await world.states(name, ready)
    },
  )

  test('are renewed at half of their life, for as long as the cluster runs', async () => {
    const world = secured(7)
    world.cluster.certificateLife = 600_000
    await world.cluster3(['n4'])
    const first = await certified(world, 'n1', 4)
    for (let i = 0; i < 3; i++) {
      await world.run(400_000)
      world.kill('n4')
      await world.run(1_000)
      world.start('n4')
      await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    }
    const last = await certified(world, 'n1', 4)
    expect(last.certificates.map(c => c.serial)).not.toEqual(first.certificates.map(c => c.serial))
    const { events } = await world.ask('n1', b => b.log({ from: 1, limit: 500 }))
    const issued = events.filter(e => e.type === 'CertificateIssued').length
    expect(issued).toBeGreaterThanOrEqual(4 * 4)
    expect(issued).toBeLessThan(4 * 8)
  })

  test('that are not renewed are a matter of health: told in time, and told when they have expired', async () => {
    const world = secured(10)
    world.cluster.certificateLife = 600_000
    await world.cluster3(['n4'])
    await certified(world, 'n1', 4)
    const verdict = async () => {
      const { checks } = await world.ask('n1', b => b.doctor({}))
      return checks.find(c => c.name === 'certificates')
    }
    expect(await verdict()).toMatchObject({ verdict: 'ok' })
    const before = (await certified(world, 'n1', 4)).certificates.find(c => c.node === 'n4')!
    world.split(['n1', 'n2', 'n3'], ['n4'])
    const told = (pattern: RegExp) =>
      comes(
        world,
        String(pattern),
        async () => {
          await world.run(5_000)
          return (await world.status('n1')).notices.join()
        },
        notices => pattern.test(notices),
      )
    await world.run(420_000)
    await told(/n4: its certificate ends in \d+ min and was not renewed/)
    expect(await verdict()).toMatchObject({ verdict: 'warn', figures: /n4 ends in/ })
    await world.run(100_000)
    await told(/n4: its certificate has expired/)
    expect(await verdict()).toMatchObject({ verdict: 'fail', figures: 'n4 expired' })
    // It has the secret, so it comes back by itself.
    world.heal()
    await comes(
      world,
      'n4 has another one',
      () => ca(world, 'n1'),
      r => r.certificates.find(c => c.node === 'n4')?.serial !== before.serial,
    )
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    expect(await verdict()).toMatchObject({ verdict: 'ok' })
  })

  test('that ran out while a node was off, and it has no secret: it hears why nobody lets it in', async () => {
    const world = secured(12)
    world.cluster.certificateLife = 600_000
    await world.cluster3(['n4'])
    await certified(world, 'n1', 4)
    world.kill('n4')
    await world.run(700_000)
    const n4 = world.node('n4')
    n4.secret = undefined
    world.start('n4')
    await world.sees('n4', 'why', r =>
      r.notices.some(n =>
        /refused by .*UNTRUSTED: its certificate .*; give this node the secret/.test(n),
      ),
    )
    world.kill('n4')
    n4.secret = secret
    world.start('n4')
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  })

  test('of a removed node are refused at once, and the node learns that it is out', async () => {
    const world = secured(8)
    await world.cluster3(['n4'])
    await certified(world, 'n1', 4)
    world.kill('n4')
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
    await world.ask('n1', b => b.leave({ node: 'n4', force: false, actor: 'test' }))
    const stolen = world.node('n4').disk.identity
    world.start('n4')
    await comes(
      world,
      'n4 is empty',
      () => world.status('n4'),
      s => s.cluster.tag === null,
    )
    expect(JSON.parse(stolen!)).toHaveProperty('member')
    expect(JSON.parse(world.node('n4').disk.identity!)).not.toHaveProperty('member')
    expect((await world.status('n1')).nodes.map(n => n.name)).toEqual(['n1', 'n2', 'n3'])
    // With the secret it may ask again, as anybody who has it.
    await world.ask('n4', b => b.join({ address: `n1:${gossipPort}`, actor: 'test' }))
    await certified(world, 'n1', 4)
  })
})

describe('an address is an attribute', () => {
  test('all control nodes change theirs one by one, and writes go on', async () => {
    const world = secured(9)
    await world.cluster3(['n4'])
    const before = await world.status('n4')
    for (const [i, name] of ['n1', 'n2', 'n3'].entries()) {
      world.kill(name)
      world.node(name).port = gossipPort + 1 + i
      await world.put('n4', `down-${name}`, 'x')
      world.start(name)
      const at = `:${gossipPort + 1 + i}`
      await world.sees('n4', `${name} at ${at}`, ({ nodes }) =>
        nodes.every(n => n.state === 'ready' && (n.name !== name || n.address.endsWith(at))),
      )
      await world.put(name, `up-${name}`, 'x')
    }
    const after = await world.status('n4')
    const by = (report: typeof after) =>
      report.nodes.map(n => [n.name, n.id, n.address.split(':')[1]])
    expect(by(after).map(([name, id]) => [name, id])).toEqual(
      by(before).map(([name, id]) => [name, id]),
    )
    expect(by(after).map(n => n[2])).toEqual(['4484', '4485', '4486', '4483'])
    const { events } = await world.ask('n1', b =>
      b.log({ from: 1, limit: 500, type: 'NodeUpdated' }),
    )
    expect(events).toHaveLength(3)
    // And from a cold start, when nobody is where the seeds say but n4.
    world.kill('n1', 'n2', 'n3', 'n4')
    world.start('n1', 'n2', 'n3', 'n4')
    await world.states('n2', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    expect(await world.get('n3', 'up-n2')).toBe('x')
  })

  test('a node that failed does not know where the only control node went, and is called', async () => {
    const world = new World(10)
    world.add('n1')
    world.add('n2', ['n1'])
    await world.until('they meet', () => world.node('n1').process!.agent.swimMembers().length === 1)
    await world.ask('n1', b => b.init({ name: 'prod', control: ['n1'], actor: 'test' }))
    await world.states('n2', { n1: 'ready', n2: 'ready' })
    world.kill('n2')
    await world.states('n1', { n1: 'ready', n2: 'failed' })
    world.kill('n1')
    world.node('n1').port = gossipPort + 1
    world.start('n1')
    await world.run(5_000)
    world.start('n2')
    await world.states('n2', { n1: 'ready', n2: 'ready' })
  })
})

describe('a node that leaves', () => {
  test('is out as soon as one control node says so, as the others may soon not be able to', async () => {
    const world = secured(7)
    await world.cluster3(['n4'])
    await certified(world, 'n1', 4)
    const { leader } = (await world.status('n4')).cluster
    const { network } = world.cluster
    const n4 = world.node('n4').machine
    for (const other of ['n1', 'n2', 'n3'].filter(n => n !== leader)) {
      network.block(n4, world.node(other).machine)
      network.block(world.node(other).machine, n4)
    }
    const answer = await world.ask('n4', b => b.leave({ force: false, actor: 'test' }))
    expect(answer).toMatchObject({ left: true })
    expect(world.facts('n4').left).toBe(true)
  })
})
