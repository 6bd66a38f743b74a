import { describe, expect, test } from 'vitest'
import { type Identity, parseIdentity } from '../../src/agent/trust/identity.ts'
import { Security } from '../../src/agent/trust/security.ts'
import { aliasId } from '../../src/base/uuid.ts'
import type { Hello } from '../../src/net/handshake.ts'
import type { Credentials } from '../../src/net/security/credentials.ts'
import { simulatedNotary } from './notary.ts'
import { World } from './world.ts'

/**
 * Strangers who lie in their hello: they may speak, as joiners, and say that they belong. Whoever dials a node hears
 * from its certificate what the cluster's tag is, so nothing in these lies has to be known beforehand.
 */

const secret = 'the-secret-of-this-cluster-0123456789-0123456'
const strangerId = '01980000-0000-7000-9000-00000000dead'

/** n1 to n3 decide, n4 follows. */
async function secured(): Promise<World> {
  const world = new World(1)
  world.cluster.secret = secret
  await world.cluster3(['n4'])
  for (let i = 0; i < 300; i++) {
    const { certificates } = await world.ask('n1', b => b.ca())
    const { keys } = await world.ask('n1', b => b.keys())
    if (certificates.length === 4 && keys.length === 1) return world
    await world.run(200)
  }
  throw world.failure('the cluster never got its certificates and its key')
}

const identityOf = (world: World, name: string): Identity =>
  parseIdentity(world.node(name).disk.identity!)

/** What somebody proves who has the secret and makes itself a certificate for that id. */
function holder(world: World, id: string): Credentials {
  let kept: Identity | undefined
  const security = new Security({
    notary: simulatedNotary(world.simulation.dice('stranger')),
    store: {
      read: () => kept,
      write: identity => {
        kept = identity
      },
    },
    secret,
    loopback: false,
  })
  security.be(id)
  return security.credentials
}

/** What somebody proves who has nothing, and believes whoever answers. */
async function nothing(world: World): Promise<Credentials> {
  const { authorities } = await world.ask('n1', b => b.ca())
  return { token: { authority: authorities[0]!.fingerprint } }
}

/** As a member of the cluster, of such an epoch and lineage. */
function claim(world: World, id: string, epoch: number, lineage = 0): Partial<Hello> {
  const { tag, name } = world.facts('n4').cluster!
  const allegiance = { tag, clusterName: name, epoch, metaVersion: 0, seen: 1, lineage }
  return { id, name: 'mallory', incarnation: 99, allegiance }
}

const strangers = ['nothing', 'the secret'] as const

async function papers(world: World, which: (typeof strangers)[number]) {
  if (which === 'the secret') return { id: strangerId, credentials: holder(world, strangerId) }
  const id = aliasId(world.simulation.now, world.simulation.dice('alias'))
  return { id, credentials: await nothing(world) }
}

test('who was removed reads no gossip any more, and says nothing in it, with all that it has', async () => {
  const world = await secured()
  const stolen = identityOf(world, 'n4').gossip!
  world.kill('n4')
  await world.sees('n1', 'n4 failed', ({ nodes }) => nodes.some(n => n.state === 'failed'))
  await world.ask('n1', b => b.leave({ node: 'n4', force: true, actor: 'test' }))
  await world.sees('n1', 'n4 gone', ({ nodes }) => nodes.length === 3)
  await world.run(20_000)
  for (const name of ['n1', 'n2', 'n3']) {
    const ring = identityOf(world, name).gossip!
    const known = ring.keys.filter(({ key }) => stolen.keys.some(s => s.key === key))
    expect([name, known]).toEqual([name, []])
  }
  world.add('n5', ['n1'])
  await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n5: 'ready' })
})

describe.each(strangers)('a stranger who has %s and says that it belongs', which => {
  test('is not gossiped about, neither by who decides nor by who follows', async () => {
    const world = await secured()
    const { id, credentials } = await papers(world, which)
    for (const to of ['n4', 'n1', 'n2', 'n3'])
      await world.knock(to, claim(world, id, 1), credentials)
    await world.run(2_000)
    for (const name of ['n1', 'n2', 'n3', 'n4']) {
      const believed = world.node(name).process!.agent.swimMembers()
      expect([name, believed.map(m => m.name).filter(n => n === 'mallory')]).toEqual([name, []])
    }
  })

  test('sends nobody home to an epoch that does not exist, whoever is alone at that moment', async () => {
    const world = await secured()
    const { id, credentials } = await papers(world, which)
    world.kill('n1', 'n2')
    await world.run(10_000)
    for (const to of ['n3', 'n4']) await world.knock(to, claim(world, id, 99, 7), credentials)
    await world.run(15_000)
    for (const to of ['n3', 'n4']) {
      const { cluster, returning } = world.facts(to)
      expect([to, cluster?.epoch, returning]).toEqual([to, 1, undefined])
    }
    world.start('n1', 'n2')
    for (const to of ['n3', 'n4'])
      await world.states(to, { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  })
})
