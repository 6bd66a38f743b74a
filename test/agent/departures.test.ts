import { describe, expect, test } from 'vitest'
import { Departure } from '../../src/agent/entrance/departure.ts'
import { newGroup } from '../../src/raft/raft.ts'
import { Machines } from './machines.ts'

const three = ['n1', 'n2', 'n3']

describe('what a crash leaves on the disk', () => {
  test('a group that the facts do not name is set aside at the start, and the node can still carry a log', async () => {
    const room = new Machines()
    room.start(...three)
    await room.pass(2_000)
    room.kill('n3')
    const { snapshot, hardState } = newGroup(['n3'])
    room.disk('n3').group = {
      hardState,
      base: snapshot,
      entries: [],
      applied: snapshot,
      rows: new Map(),
    }
    room.boot(room.cluster.node('n3'))
    await room.initialise(three)
    expect(room.disk('n3').aside.has('unfinished')).toBe(true)
  })

  test('a voter whose log is gone does not start as if it had promised nothing', async () => {
    const room = new Machines()
    room.start(...three)
    await room.initialise(three)
    room.kill('n3')
    room.disk('n3').group = undefined
    room.boot(room.cluster.node('n3'))
    await expect(room.pass(1_000)).rejects.toThrow(/log\.db is gone/)
  })

  test('a reset makes the new identity durable before it touches the log', async () => {
    const room = new Machines()
    room.start(...three)
    await room.initialise(three)
    const before = room.agent('n3').self.id
    const disk = room.disk('n3')
    const seen: string[] = []
    const { aside } = disk
    const set = aside.set.bind(aside)
    aside.set = (label, group) => {
      seen.push(disk.facts!)
      return set(label, group)
    }
    await room.ask('n3', b => b.reset({ actor: 'test' }))
    expect(seen).toHaveLength(1)
    const facts = JSON.parse(seen[0]!)
    expect(facts.id).not.toBe(before)
    expect(facts.group).toBeUndefined()
    expect(facts.cluster).toBeUndefined()
  })
})

describe('a second life in the same process', () => {
  test('who left meets zombies when told to join them, though their link stands already', async () => {
    const room = new Machines()
    room.start('n1', 'n2', 'n3')
    await room.initialise(['n1', 'n2', 'n3'])
    await room.ask('n1', b => b.leave({ force: true, actor: 'test' }))
    await room.ask('n2', b => b.reset({ actor: 'test' }))
    const address = `${room.cluster.node('n1').machine.ip}:4483`
    await room.ask('n2', b => b.join({ address, actor: 'test' }))
    await room.pass(2_000)
    expect(room.agent('n1').gossip.members()).toHaveLength(0)
    const back = await room.ask('n1', b =>
      b.join({ address: `${room.cluster.node('n2').machine.ip}:4483`, actor: 'test' }),
    )
    expect(back.state).toBe('zombie')
    expect(
      room
        .agent('n1')
        .gossip.members()
        .map(m => m.name),
    ).toContain('n2')
  })

  test('after resets, a new cluster is followed from its first event on', async () => {
    const room = new Machines()
    room.start('n1', 'n2', 'n3', 'n4')
    await room.initialise(['n1', 'n2', 'n3', 'n4'], three)
    for (let i = 0; i < 20; i++) {
      await room.ask('n1', b =>
        b.drain({
          node: 'n4',
          cancel: i % 2 === 1,
          dryRun: false,
          force: true,
          deadline: null,
          reason: '',
          actor: 'test',
        }),
      )
    }
    for (const name of ['n1', 'n2', 'n3', 'n4'])
      await room.ask(name, b => b.reset({ actor: 'test' }))
    await room.pass(3_000)
    await room.initialise(['n1', 'n2', 'n3', 'n4'], three)
    await room.ask('n1', b =>
      b.drain({
        node: 'n4',
        cancel: false,
        dryRun: false,
        force: true,
        deadline: null,
        reason: '',
        actor: 'test',
      }),
    )
    await room.until('n4 hears of its drain', () => room.phase('n4') === 'drained', 10_000)
  })

  test('an announcement of the old life does not throw the new one out', async () => {
    const room = new Machines()
    room.start(...three)
    await room.initialise(three)
    const other = room.cluster.addNode('m1')
    room.boot(other)
    await room.pass(500)
    await room.initialise(['m1'])
    // Without a quorum, n3 announces itself in vain: its operator moves it to the other cluster.
    for (const name of three) room.kill(name)
    room.boot(room.cluster.node('n3'))
    await room.pass(2_000)
    await room.ask('n3', b => b.reset({ actor: 'test' }))
    const { id } = room.agent('n3').self
    const address = `${other.machine.ip}:4483`
    const answer = await room.ask('n3', b => b.join({ address, actor: 'test' }))
    expect(answer.state).toBe('joined')
    await room.pass(15_000)
    expect(room.agent('n3').self.facts.left).toBeUndefined()
    expect(room.agent('n3').self.id).toBe(id)
    expect(room.phase('n3')).toBe('ready')
  })
})

describe('who is to carry the log', () => {
  test('two nodes promoted at once both come to vote', async () => {
    const room = new Machines()
    room.start('n1', 'n2', 'n3', 'n4', 'n5')
    await room.initialise(['n1', 'n2', 'n3', 'n4', 'n5'], three)
    const both = ['n4', 'n5'].map(node =>
      room.call('n1', b => b.promote({ node, observer: false, force: false, actor: 'test' })),
    )
    await room.until('both are answered', () => both.every(b => b.settled !== undefined), 60_000)
    expect(both.map(b => 'value' in b.settled!)).toEqual([true, true])
    expect(room.agent(room.leader()).plane!.state.voters).toHaveLength(5)
    expect(room.agent('n5').plane?.state.cluster).toBeDefined()
  })

  test('of two demotions at once, the second is judged by what the first left', async () => {
    const room = new Machines()
    room.start(...three)
    await room.initialise(three)
    const force = true
    const both = ['n2', 'n3', 'n1'].map(node =>
      room.call('n1', b => b.demote({ node, force, actor: 'test' })),
    )
    await room.until('all are answered', () => both.every(b => b.settled !== undefined), 130_000)
    const errors = both.flatMap(b => ('error' in b.settled! ? [b.settled.error.message] : []))
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatch(/is the only voter/)
    expect(room.agent(room.leader()).plane!.state.voters).toHaveLength(1)
  })
})

describe('a node that was asked twice to carry the log', () => {
  test('still finds out that it carries it no longer', async () => {
    const room = new Machines()
    room.start(...three, 'n4')
    await room.initialise([...three, 'n4'], three)
    const actor = 'test'
    await room.ask('n1', b => b.promote({ node: 'n4', observer: false, force: false, actor }))
    const leader = three.concat('n4').find(name => room.agent(name).plane?.isLeader())!
    const other = [...three].find(name => name !== leader)!
    const victim = room.agent(other)
    // The second question crosses what the first one began.
    const { tag } = victim.self.facts.cluster!
    let answered = false
    const body = { tag, control: [], term: 1 }
    room.agent(leader).links.request(victim.self.id, 'enrol', body, 1_000, outcome => {
      answered = outcome.ok
    })
    await room.pass(500)
    expect(answered).toBe(true)
    await room.ask(leader, b => b.demote({ node: other, force: true, actor }))
    await room.until('it is retired', () => victim.self.facts.group === undefined)
  })
})

describe('a word that this node is out', () => {
  const control = ['a', 'b', 'c'].map(id => ({ id, name: id, host: id, port: 1 }))
  const cluster = { tag: 't', name: 'prod', epoch: 1, metaVersion: 1, seen: 9, control }

  function leaver() {
    const facts: { cluster?: typeof cluster } = {}
    let expelled = 0
    const departure = new Departure({
      self: { id: 'x', facts },
      group: {},
      fault: { guard: () => expelled++ },
      seen: () => 9,
    } as never)
    const says = (id: string, more: object = {}): number => {
      departure.heardRemoved({
        ...{ why: 'rejected', code: 'REMOVED', reason: '' },
        by: { id, name: id, allegiance: { tag: 't', epoch: 1, metaVersion: 1, ...more } },
        identity: { kind: 'node', id },
      } as never)
      return expelled
    }
    return { facts, departure, says }
  }

  test('is believed of one control node by who leaves at its own wish', () => {
    const { facts, departure, says } = leaver()
    facts.cluster = cluster
    departure.letGo()
    expect(says('a', { seen: 8 })).toBe(1)
  })

  test('is not believed of those who have not heard of its admission, however many they are', () => {
    const { facts, says } = leaver()
    facts.cluster = cluster
    for (const id of ['a', 'b', 'c']) expect(says(id, { seen: 8, carries: true })).toBe(0)
    expect(says('a', { seen: 9, carries: true })).toBe(1)
  })

  test('is believed of most of them in a life that began after the answer to a leave', () => {
    const { facts, departure, says } = leaver()
    departure.letGo()
    facts.cluster = cluster
    expect(says('a')).toBe(0)
    expect(says('b')).toBe(1)
  })
})
