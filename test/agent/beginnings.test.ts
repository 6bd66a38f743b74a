import { describe, expect, test } from 'vitest'
import type { Backend } from '../../src/api/types.ts'
import { Machines } from './machines.ts'

describe('init', () => {
  test('a start that is lost on the way is told again', async () => {
    const room = new Machines()
    room.start('n1', 'n2')
    await room.until('they have met', () => room.agent('n1').gossip.members().length === 1)
    const { links } = room.agent('n1')
    const request = links.request.bind(links)
    let lost = 0
    links.request = (to, method, body, timeout, done, blob) => {
      if (method !== 'init-start' || lost++ > 0)
        return request(to, method, body, timeout, done, blob)
      done({ ok: false, code: 'TIMEOUT', message: 'lost' })
    }
    const control = ['n1', 'n2']
    const answer = await room.ask('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
    expect(answer.control).toEqual(control)
    expect(lost).toBe(2)
  })

  test.each([
    ['', undefined],
    [', with a secret', 'the-secret-of-this-cluster-0123456789-0123456'],
  ])(
    'whose coordinator dies when one has heard the start is finished by that one%s',
    async (_, secret) => {
      const room = new Machines()
      room.cluster.secret = secret
      room.start('n1', 'n2', 'n3')
      const all = ['n1', 'n2', 'n3']
      await room.until('they have met', () =>
        all.every(n => room.agent(n).gossip.members().length === 2),
      )
      const { links } = room.agent('n1')
      const request = links.request.bind(links)
      const n2 = room.agent('n2').self
      links.request = (to, method, body, timeout, done, blob) => {
        if (method === 'init-start' && to !== n2.id) return
        request(to, method, body, timeout, method === 'init-start' ? () => {} : done, blob)
      }
      room.call('n1', b => b.init({ name: 'prod', control: all, actor: 'test' }))
      await room.until('n2 has started', () => n2.facts.group?.prepared?.started === true)
      room.kill('n1')
      await room.until('the others are a cluster', () =>
        ['n2', 'n3'].every(n => room.phase(n) === 'ready'),
      )
      room.boot(room.cluster.node('n1'))
      await room.until('n1 is in it', () => room.phase('n1') === 'ready')
    },
  )

  /** Two voters, both prepared; the second dies when the start reaches it. */
  async function halfBegun(heard: boolean): Promise<{ room: Machines; answer: Promise<unknown> }> {
    const room = new Machines()
    room.start('n1', 'n2')
    await room.until('they have met', () => room.agent('n1').gossip.members().length === 1)
    const { links, self } = room.agent('n1')
    const request = links.request.bind(links)
    const n2 = room.agent('n2').self
    let tried = false
    links.request = (to, method, body, timeout, done, blob) => {
      if (method !== 'init-start' || room.cluster.node('n2').boots > 1)
        return request(to, method, body, timeout, done, blob)
      tried = true
      if (heard) request(to, method, body, timeout, () => {}, blob)
    }
    const control = ['n1', 'n2']
    const asked = room.call('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
    await room.until(
      'n2 has come so far',
      () => tried && n2.facts.group?.prepared?.started === heard,
    )
    room.kill('n2')
    const answer = room
      .until('it is told', () => asked.settled !== undefined)
      .then(() => asked.settled)
    await answer
    await room.until('n1 waits no longer', () => self.facts.group === undefined)
    return { room, answer }
  }

  test('whose only other voter dies before it begins is over, and may be begun anew', async () => {
    const { room, answer } = await halfBegun(false)
    expect(await answer).toMatchObject({
      error: { code: 'TIMEOUT', message: expect.stringMatching(/n2 has not said that it began/) },
    })
    room.boot(room.cluster.node('n2'))
    await room.until('they have met', () =>
      room
        .agent('n1')
        .gossip.members()
        .some(m => m.status === 'alive'),
    )
    await room.pass(5_000)
    expect(['n1', 'n2'].map(n => room.agent(n).self.facts.group)).toEqual([undefined, undefined])
    const control = ['n1', 'n2']
    await room.ask('n1', b => b.init({ name: 'again', control, actor: 'test' }))
    await room.until('both are in it', () => control.every(n => room.phase(n) === 'ready'))
  })

  test('whose only other voter dies when it has begun goes on when that is back, whatever was told', async () => {
    const { room } = await halfBegun(true)
    room.boot(room.cluster.node('n2'))
    await room.until('both are in it', () => ['n1', 'n2'].every(n => room.phase(n) === 'ready'))
    expect(room.agent('n1').self.facts.cluster?.name).toBe('prod')
    expect(room.agent('n1').self.facts.abandoned).toBeUndefined()
  })

  test('that one node has begun and no other goes on with says so', async () => {
    const { room } = await halfBegun(true)
    await room.ask('n1', b => b.init({ name: 'other', control: ['n1'], actor: 'test' }))
    room.boot(room.cluster.node('n2'))
    await room.pass(15_000)
    const { notices } = await room.ask('n2', b => b.status())
    expect(notices.join()).toMatch(/«prod».*waits for n1.*hive reset/)
    room.agent('n2').reset()
    await room.until('n2 is in the other', () => room.phase('n2') === 'ready')
  })

  test('a disk that refuses the preparation is named, and nobody stays prepared', async () => {
    const room = new Machines()
    room.start('n1', 'n2', 'n3')
    await room.pass(2_000)
    room.disk('n1').failing = { kind: 'full', message: 'no space left' }
    const control = ['n3', 'n2', 'n1']
    const init = room.ask('n1', b => b.init({ name: 'prod', control, actor: 'test' }))
    await expect(init).rejects.toThrow(/n1: .*no space left/)
    await room.until('all are zombies', () =>
      ['n1', 'n2', 'n3'].every(n => room.agent(n).self.facts.group === undefined),
    )
  })
})

describe('init of a node that was told to look for others', () => {
  const init = (control?: readonly string[]) => (b: Backend) =>
    b.init({ name: 'prod', actor: 'test', ...(control && { control }) })

  /** n1 with these to join; n2, n3 are machines whose agents do not run yet. */
  function seeking(...names: readonly string[]): Machines {
    const room = new Machines()
    const join: string[] = []
    const nodes = ['n1', 'n2', 'n3'].map(name => room.cluster.addNode(name, { join }))
    for (const { name, machine } of nodes) if (names.includes(name)) join.push(`${machine.ip}:4483`)
    room.boot(nodes[0]!)
    return room
  }

  test('is refused while nobody answers, unless the operator names it', async () => {
    const room = seeking('n2', 'n3')
    const began = room.simulation.now
    const [n2, n3] = ['n2', 'n3'].map(n => room.cluster.node(n).machine.ip)
    await expect(room.ask('n1', init())).rejects.toMatchObject({
      code: 'INIT_FAILED',
      message: `n1 sees nobody: no answer from ${n2}:4483, ${n3}:4483`,
      remedy: expect.stringMatching(/hive init --control n1$/),
    })
    expect(room.simulation.now - began).toBeLessThan(5_000)
    expect(room.agent('n1').self.facts.group).toBeUndefined()
    expect(await room.ask('n1', init(['n1']))).toMatchObject({ control: ['n1'] })
    expect(await room.ask('n1', init())).toMatchObject({ repeated: true })
  })

  test('waits a moment for them', async () => {
    const room = seeking('n1', 'n2', 'n3')
    const asked = room.call('n1', init())
    await room.pass(200)
    for (const name of ['n2', 'n3']) room.boot(room.cluster.node(name))
    await room.until('it is answered', () => asked.settled !== undefined)
    expect(asked.settled).toMatchObject({ value: { control: ['n1', 'n2', 'n3'] } })
  })

  test('goes on without those who do not answer, and says so', async () => {
    const room = seeking('n2', 'n3')
    room.boot(room.cluster.node('n2'))
    const { control, why } = await room.ask('n1', init())
    expect(control).toEqual(['n1'])
    expect(why).toContain(`no answer from ${room.cluster.node('n3').machine.ip}:4483`)
  })

  test('does not make a cluster of its own of a node that knocks at another', async () => {
    const room = new Machines()
    room.start('n1')
    await room.ask('n1', b => b.init({ name: 'prod', approve: true, actor: 'test' }))
    room.start('n2')
    await room.until('n2 waits', () => room.agent('n2').entry.refusal?.code === 'AWAITS_APPROVAL')
    await expect(room.ask('n2', init())).rejects.toMatchObject({
      code: 'INIT_FAILED',
      message: expect.stringContaining('AWAITS_APPROVAL'),
    })
  })

  test('is waited for by who joins a zombie that it knows already, and nobody joins itself', async () => {
    const room = new Machines()
    room.start('n1', 'n2')
    const [n1, n2] = ['n1', 'n2'].map(n => room.cluster.node(n).machine)
    const join = (ip: string) =>
      room.ask('n2', b => b.join({ address: `${ip}:4483`, actor: 'ann' }))
    for (let i = 0; i < 2; i++)
      expect(await join(n1!.ip)).toMatchObject({
        state: 'zombie',
        detail: 'sees 1 other node; the cluster waits for hive init',
      })
    await expect(join(n2!.ip)).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: `${n2!.ip}:4483 is this node itself`,
    })
  })

  test('is not for a node that is on its way home to its cluster', async () => {
    const room = seeking()
    const tag = '01980000-0000-7000-8000-000000000001'
    room.agent('n1').self.update({ returning: { tag, name: 'prod', epoch: 2, lineage: 0 } })
    const refused = { code: 'REFUSED', message: expect.stringContaining('«prod»') }
    await expect(room.ask('n1', init())).rejects.toMatchObject(refused)
    await expect(room.ask('n1', init(['n1']))).rejects.toMatchObject(refused)
    expect(room.agent('n1').self.facts.group).toBeUndefined()
  })

  test('asks for nobody where it is its own and only one', async () => {
    const room = seeking('n1')
    const began = room.simulation.now
    expect(await room.ask('n1', init())).toMatchObject({ control: ['n1'] })
    expect(room.simulation.now - began).toBeLessThan(1_000)
  })
})

describe('a node that was refused for good', () => {
  test('is let in once the cause is gone', async () => {
    const room = new Machines()
    room.start('n1', 'n2', 'n3', 'n4')
    await room.initialise(['n1', 'n2', 'n3', 'n4'], ['n1', 'n2', 'n3'])
    room.kill('n4')
    const { n4 } = Object.fromEntries(room.cluster.nodes.map(n => [n.name, n]))
    n4!.disk.facts = undefined
    room.boot(n4!)
    await room.until('n4 is refused', () => room.agent('n4').entry.refusal?.code === 'NAME_TAKEN')
    const old = [...room.agent('n1').plane!.state.nodes.values()].find(n => n.name === 'n4')!
    await room.ask('n1', b => b.leave({ node: old.id, force: true, actor: 'test' }))
    await room.until('n4 is in', () => room.phase('n4') === 'ready', 90_000)
  })
})

describe('a node without the log', () => {
  test('turns away from a control node that is cut off from the others', async () => {
    const room = new Machines()
    const all = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']
    room.start(...all)
    await room.initialise(all, all.slice(0, 5))
    const machine = (name: string) => room.cluster.node(name).machine
    // Whomever n6 follows now, everybody but n6 loses it.
    const follower = room.agent('n6')
    const { links } = follower
    const request = links.request.bind(links)
    let guardian = ''
    links.request = (to, method, body, timeout, done, blob) => {
      if (method === 'follow') guardian = to
      request(to, method, body, timeout, done, blob)
    }
    await room.until('n6 asks', () => guardian !== '', 20_000)
    const cut = all.find(n => room.agent(n).self.id === guardian)!
    for (const other of all.slice(0, 5)) {
      if (other === cut) continue
      room.cluster.network.block(machine(cut), machine(other))
      room.cluster.network.block(machine(other), machine(cut))
    }
    await room.until(
      'the others lead',
      () =>
        all.slice(0, 5).some(n => n !== cut && room.agent(n).plane!.isLeader()) &&
        !room.agent(cut).plane!.isLeader(),
    )
    const at = all.slice(0, 5).find(n => n !== cut)!
    await room.ask(at, b =>
      b.drain({
        node: 'n6',
        cancel: false,
        dryRun: false,
        force: true,
        deadline: null,
        reason: '',
        actor: 'test',
      }),
    )
    await room.until('n6 hears of its drain', () => room.phase('n6') === 'drained', 30_000)
  })

  test('finds its cluster again though all control nodes that it knew are others now', async () => {
    const room = new Machines()
    const all = ['n1', 'n2', 'n3', 'n4']
    room.start(...all)
    await room.initialise(all, ['n2'])
    room.kill('n4')
    await room.ask('n1', b =>
      b.promote({ node: 'n3', observer: false, force: false, actor: 'test' }),
    )
    await room.ask('n1', b => b.demote({ node: 'n2', force: true, actor: 'test' }))
    await room.until('n3 votes alone', () => room.agent('n3').plane?.state.voters.length === 1)
    await room.ask('n1', b => b.leave({ node: 'n2', force: true, actor: 'test' }))
    room.kill('n2')
    room.boot(room.cluster.node('n4'))
    await room.until('n4 is back', () => room.agent('n4').view()?.control[0]?.name === 'n3', 60_000)
  })
})
