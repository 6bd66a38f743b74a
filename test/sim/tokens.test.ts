import { describe, expect, test } from 'vitest'
import type { JoinRequestReport, NewToken, TokenWish } from '../../src/api/token-types.ts'
import type { InitAnswer } from '../../src/api/types.ts'
import { World } from './world.ts'

/** Join tokens and operators' approval, as whole agents use them, told step by step. */

const secret = 'the-secret-of-this-cluster-0123456789-0123456'
const hour = 3_600_000

async function secured(seed = 1, name = 'prod', prefix = 'n'): Promise<World> {
  const world = new World(seed)
  world.cluster.secret = secret
  await world.cluster3([], name, prefix)
  await certified(world, `${prefix}1`, 3)
  return world
}

async function certified(world: World, at: string, nodes: number): Promise<void> {
  const deadline = world.simulation.now + 60_000
  for (;;) {
    const { certificates } = await world.ask(at, b => b.ca())
    if (certificates.filter(c => !c.removed).length === nodes) return
    if (world.simulation.now > deadline) throw world.failure(`no ${nodes} certificates`)
    await world.run(200)
  }
}

const create = (
  world: World,
  at = 'n2',
  use: Partial<Extract<TokenWish['use'], { kind: 'join' }>> = {},
  life = hour,
): Promise<NewToken> =>
  world.ask(at, b =>
    b.createToken({
      name: '',
      life,
      use: { kind: 'join', roles: [], uses: 1, pattern: '*', ...use },
      actor: 'test',
    }),
  )

function addWithToken(world: World, name: string, token: string, join = ['n2']): void {
  world.cluster.start(world.cluster.addNode(name, { join, token }))
}

const refused = (world: World, name: string, code: string) =>
  world.sees(name, code, report => report.refused === code)

const used = async (world: World, id: string): Promise<number | undefined> =>
  (await world.ask('n1', b => b.tokens())).find(t => t.id === id)?.used

describe('a join token', () => {
  test('is outdated, and shown so, once its authority is retired', async () => {
    const world = await secured()
    const old = await create(world)
    await world.ask('n1', b => b.rotateCa({ actor: 'test' }))
    const deadline = world.simulation.now + 60_000
    while ((await world.ask('n1', b => b.ca())).authorities.length > 1) {
      if (world.simulation.now > deadline) throw world.failure('the old authority stays')
      await world.run(200)
    }
    const fresh = await create(world)
    const states = (await world.ask('n1', b => b.tokens())).map(t => [t.id, t.state])
    expect(states).toContainEqual([old.id, 'outdated'])
    expect(states).toContainEqual([fresh.id, 'alive'])
  })

  test('lets in who has no secret, with its roles, once', async () => {
    const world = await secured()
    const { id, token } = await create(world, 'n2', { roles: ['host'] })
    addWithToken(world, 'n4', token)
    await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    await certified(world, 'n1', 4)
    const { nodes } = await world.status('n1')
    expect(nodes.find(n => n.name === 'n4')?.roles.map(r => r.name)).toEqual(['host'])
    expect(await used(world, id)).toBe(1)
    addWithToken(world, 'n5', token)
    await refused(world, 'n5', 'TOKEN_SPENT')
    expect((await world.status('n1')).nodes).toHaveLength(4)
    // It is a member like any other now, and needs the token no more.
    world.kill('n4')
    world.start('n4')
    await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    expect(await used(world, id)).toBe(1)
  })

  test('is worth nothing when it is wrong, expired, revoked, of another cluster, or for other names', async () => {
    const world = await secured(2)
    const good = await create(world)
    const short = await create(world, 'n2', {}, 2_000)
    const revoked = await create(world)
    await world.ask('n3', b => b.revokeToken({ id: revoked.id.slice(0, 8), actor: 'test' }))
    const named = await create(world, 'n2', { pattern: 'web-*' })
    const changed = { ...JSON.parse(decode(good.token)), secret: 'x'.repeat(43) }
    const foreign = { ...JSON.parse(decode(good.token)), ca: '0'.repeat(64) }
    await world.run(3_000)
    addWithToken(world, 'x1', encode(changed))
    addWithToken(world, 'x2', short.token)
    addWithToken(world, 'x3', revoked.token)
    addWithToken(world, 'x4', encode(foreign))
    addWithToken(world, 'x5', named.token)
    await refused(world, 'x1', 'TOKEN_WRONG')
    await refused(world, 'x2', 'TOKEN_EXPIRED')
    await refused(world, 'x3', 'TOKEN_REVOKED')
    const { notices } = await refused(world, 'x4', 'TOKEN_FOREIGN')
    expect(notices.join()).toMatch(/another cluster than the token.*hive token create/)
    await refused(world, 'x5', 'NAME_REFUSED')
    addWithToken(world, 'web-1', named.token)
    await world.sees('n1', 'web-1', ({ nodes }) => nodes.some(n => n.name === 'web-1'))
    expect((await world.status('n2')).nodes).toHaveLength(4)
    expect((await world.status('n2')).notices.join()).toMatch(/x3 at .*TOKEN_REVOKED/)
  })

  test('is spent once though the answer is lost and the leader dies', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const world = await secured(seed)
      const { id, token } = await create(world)
      addWithToken(world, 'n4', token, ['n1', 'n2', 'n3'])
      // Somewhere between the first packet and the last.
      await world.run(40 * seed)
      const { leader } = (await world.status('n1')).cluster
      world.kill(leader!)
      await world.run(1_500)
      world.start(leader!)
      await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
      expect(await used(world, id)).toBe(1)
    }
  })

  test('makes nobody a node: whoever comes by one comes under no id of a node', async () => {
    const world = await secured(6)
    const { token } = await create(world)
    const papers = { token: { authority: JSON.parse(decode(token)).ca as string } }
    const { nodes } = await world.status('n1')
    const unknown = '01980000-0000-7000-9000-00000000000a'
    for (const id of [nodes.find(n => n.name === 'n2')!.id, unknown]) {
      expect(await world.knock('n1', { id, incarnation: 99 }, papers)).toMatchObject({
        failure: { why: 'rejected', code: 'IDENTITY_MISMATCH' },
      })
    }
    const alias = '01980000-0000-8000-9000-00000000000a'
    expect(await world.knock('n1', { id: alias }, papers)).toEqual({ outcome: 'welcome' })
    expect((await world.status('n1')).nodes).toHaveLength(3)
  })

  test('holds up who guesses', async () => {
    const world = await secured(4)
    const { token } = await create(world)
    const guess = { ...JSON.parse(decode(token)), secret: 'x'.repeat(43) }
    addWithToken(world, 'x1', encode(guess), ['n1'])
    await refused(world, 'x1', 'TOKEN_WRONG')
    for (let i = 0; i < 12; i++) {
      const asked = { address: 'n1:4483', token: encode(guess), actor: 'test' }
      await world.ask('x1', b => b.join(asked)).catch(() => {})
    }
    const { notices } = await world.status('n1')
    expect(notices.join()).toMatch(/RATE_LIMITED: too many failed attempts to join from 10\./)
    world.kill('x1')
    await world.run(10_000)
    addWithToken(world, 'n4', token, ['n1'])
    await world.states('n1', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  })
})

describe('an init', () => {
  const zombies = async (world: World) => {
    for (const name of ['n1', 'n2']) world.add(name, ['n1', 'n2'])
    await world.until('they meet', () =>
      ['n1', 'n2'].every(n => world.node(n).process?.agent.swimMembers().length === 1),
    )
  }
  const init = (world: World, approve: boolean): Promise<InitAnswer> =>
    world.ask('n1', b => b.init({ name: 'prod', control: ['n1'], approve, actor: 'test' }))

  test('answers with a token for those who come', async () => {
    const world = new World(7)
    world.cluster.secret = secret
    await zombies(world)
    const { token, join } = await init(world, false)
    expect(join).toMatch(/--token-file join.token$/)
    addWithToken(world, 'n3', token!.token)
    await world.states('n3', { n1: 'ready', n2: 'ready', n3: 'ready' })
    expect((await init(world, false)).token).toBeUndefined()
  })

  test('has none where nodes prove nothing', async () => {
    const world = new World(8)
    await zombies(world)
    expect((await init(world, false)).token).toBeUndefined()
  })

  test('may have everybody wait from its first moment on', async () => {
    const world = new World(9)
    world.cluster.secret = secret
    await zombies(world)
    await init(world, true)
    await refused(world, 'n2', 'AWAITS_APPROVAL')
    const { notices } = await world.status('n1')
    expect(notices.join()).toMatch(/n2 waits to be let in; see hive join-requests/)
    await world.ask('n1', b => b.admitNode({ node: 'n2', actor: 'test' }))
    await world.states('n2', { n1: 'ready', n2: 'ready' })
  })
})

describe('where an operator decides', () => {
  const waiting = async (world: World, at = 'n1'): Promise<readonly JoinRequestReport[]> =>
    world.ask(at, b => b.joinRequests())

  test('joiners wait, are admitted or refused, and no leader forgets it', async () => {
    const world = await secured(5)
    const settings = { 'join-approval': 'yes' }
    await world.ask('n1', b => b.changeSettings({ settings, actor: 'test' }))
    const { id, token } = await create(world, 'n2', { uses: 2 })
    addWithToken(world, 'n4', token)
    world.add('n5', ['n2'])
    for (const name of ['n4', 'n5']) {
      const { nodes } = await refused(world, name, 'AWAITS_APPROVAL')
      expect(nodes.find(n => n.name === name)?.state).toBe('waiting')
    }
    expect(await used(world, id)).toBe(0)
    const { leader } = (await world.status('n1')).cluster
    world.kill(leader!)
    const [other] = ['n1', 'n2', 'n3'].filter(n => n !== leader)
    await world.sees(other!, 'another leader', r => ![leader, null].includes(r.cluster.leader))
    const asked = await waiting(world, other)
    expect(asked.map(r => [r.name, r.state, r.token])).toEqual(
      expect.arrayContaining([
        ['n4', 'waits', id],
        ['n5', 'waits', null],
      ]),
    )
    world.start(leader!)
    await world.ask(other!, b => b.refuseNode({ node: 'n5', reason: 'who is that', actor: 'test' }))
    await world.ask(other!, b => b.admitNode({ node: 'n4', actor: 'test' }))
    await world.states('n4', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
    const { notices } = await refused(world, 'n5', 'JOIN_REFUSED')
    expect(notices.join()).toMatch(/refused n5: who is that.*hive admit n5/)
    expect(await used(world, id)).toBe(1)
    await world.ask('n1', b => b.admitNode({ node: 'n5', actor: 'test' }))
    await world.states('n5', { n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready', n5: 'ready' })
    expect(await waiting(world)).toEqual([])
  })
})

function decode(token: string): string {
  return Buffer.from(token.slice('hive1.'.length), 'base64url').toString()
}

function encode(content: object): string {
  return `hive1.${Buffer.from(JSON.stringify(content)).toString('base64url')}`
}
