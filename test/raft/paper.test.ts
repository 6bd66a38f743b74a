/**
 * What the papers demand, section by section. "§" without more is Ongaro and Ousterhout, "In Search
 * of an Understandable Consensus Algorithm" (extended version); "thesis §" is Ongaro, "Consensus:
 * Bridging Theory and Practice". Longer stories are in `testdata/`.
 */
import { describe, expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { utf8 } from '../../src/base/utf8.ts'
import { defaults, newGroup, Raft } from '../../src/raft/raft.ts'
import { Lone, log } from './lone.ts'

const timeout = defaults.electionTimeout

const three = ['a', 'b', 'c']
const five = ['a', 'b', 'c', 'd', 'e']
const append = { type: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: [] }
const vote = { type: 'vote', lastIndex: 0, lastTerm: 0, transfer: false }

describe('§5.1 terms', () => {
  const later: Record<string, object> = {
    append,
    heartbeat: { type: 'heartbeat', commit: 0, round: 0 },
    'vote for a transfer': { ...vote, transfer: true },
    'refused vote': { type: 'vote-response', granted: false },
    'append-response': {
      type: 'append-response',
      index: 0,
      rejected: true,
      hintIndex: 0,
      hintTerm: 0,
    },
    'heartbeat-response': { type: 'heartbeat-response', round: 0 },
  }
  for (const [name, message] of Object.entries(later)) {
    test(`a later term in a message of type ${name} makes a leader, a candidate and a follower follow`, () => {
      const leader = new Lone(three)
      leader.lead(['b'])
      expect(leader.rank).toBe('leader')
      const candidate = new Lone(three)
      candidate.stand(['b'])
      expect(candidate.rank).toBe('candidate')
      for (const node of [leader, candidate, new Lone(three)]) {
        node.step({ ...message, term: 7 })
        expect(node.rank).toBe('follower')
        expect(node.raft.status().term).toBe(7)
      }
    })
  }

  test('what an old leader sends changes nothing, and it is told the term', () => {
    const node = new Lone(three, { term: 4 })
    const before = node.raft.status()
    const sent = node.step({ ...append, term: 3, entries: log(3) })
    expect(node.raft.status()).toEqual(before)
    expect(sent).toMatchObject([{ type: 'append-response', term: 4, rejected: true }])
  })

  test('a candidate of an old term is refused', () => {
    const sent = new Lone(three, { term: 4 }).step({ ...vote, term: 3 })
    expect(sent).toMatchObject([{ type: 'vote-response', term: 4, granted: false }])
  })
})

describe('§5.2 elections', () => {
  test('everybody starts as a follower', () => {
    expect(new Lone(three).rank).toBe('follower')
  })

  test('a candidate is in a new term, votes for itself and asks all the others', () => {
    const node = new Lone(three, { term: 3 })
    const sent = node.stand(['b'])
    expect(node.raft.status()).toMatchObject({ rank: 'candidate', term: 4, vote: 'a' })
    expect(sent.map(m => [m.type, m.to, m.term])).toEqual([
      ['vote', 'b', 4],
      ['vote', 'c', 4],
    ])
  })

  test.each([
    [three, ['b'], [], 'leader'],
    [three, [], ['b'], 'candidate'],
    [three, [], ['b', 'c'], 'follower'],
    [five, ['b', 'c'], [], 'leader'],
    [five, ['b'], ['c'], 'candidate'],
    [five, ['b'], ['c', 'd', 'e'], 'follower'],
  ] as const)('among %j, granted by %j and refused by %j: %s', (voters, grant, refuse, rank) => {
    const node = new Lone(voters)
    node.stand(voters.slice(1, voters.length === 3 ? 2 : 3))
    for (const from of grant) node.step({ type: 'vote-response', from, granted: true })
    for (const from of refuse) node.step({ type: 'vote-response', from, granted: false })
    expect(node.rank).toBe(rank)
  })

  test('one vote in a term, first come first served, again for the same if asked again', () => {
    const node = new Lone(three, { term: 1 })
    expect(node.step({ ...vote, from: 'b' })).toMatchObject([{ to: 'b', granted: true }])
    expect(node.step({ ...vote, from: 'c' })).toMatchObject([{ to: 'c', granted: false }])
    expect(node.step({ ...vote, from: 'b' })).toMatchObject([{ to: 'b', granted: true }])
    expect(node.step({ ...vote, from: 'c', term: 2 })).toMatchObject([{ to: 'c', granted: true }])
  })

  test('a vote of an earlier term that comes late does not count in the next one', () => {
    const node = new Lone(five, { term: 3 })
    node.stand(['b', 'c'])
    node.step({ type: 'vote-response', from: 'b', granted: true })
    node.stand(['b', 'c'])
    expect(node.raft.status()).toMatchObject({ rank: 'candidate', term: 5 })
    for (const from of ['b', 'c', 'd', 'e']) {
      node.step({ type: 'vote-response', from, term: 4, granted: true })
    }
    expect(node.rank).toBe('candidate')
    // Nor does a late refusal: the very same voters may still elect it.
    for (const from of ['b', 'c', 'd', 'e']) {
      node.step({ type: 'vote-response', from, term: 4, granted: false })
    }
    for (const from of ['b', 'c']) node.step({ type: 'vote-response', from, granted: true })
    expect(node.rank).toBe('leader')
  })

  test('a candidate that hears the leader of its term follows it', () => {
    const node = new Lone(three)
    node.stand(['b'])
    node.step({ ...append, from: 'c' })
    expect(node.raft.status()).toMatchObject({ rank: 'follower', leader: 'c', term: 1 })
  })

  test('a leader sends heartbeats to everybody when one is due', () => {
    const node = new Lone(three)
    node.lead(['b'])
    node.now += defaults.heartbeat
    node.raft.tick(node.now)
    const beats = node.run().filter(m => m.type === 'heartbeat')
    expect(beats.map(m => m.to)).toEqual(['b', 'c'])
  })
})

describe('§9.3 (thesis §3.4): timeouts are spread, so that votes are seldom split', () => {
  test('over the whole of [T, 2T)', () => {
    const due = Array.from({ length: 400 }, (_, seed) => new Lone(three, { seed }).raft.wakeAt()!)
    expect(Math.min(...due)).toBeGreaterThanOrEqual(timeout)
    expect(Math.max(...due)).toBeLessThan(2 * timeout)
    for (let part = 0; part < 10; part++) {
      const inPart = due.filter(at => Math.floor((at / timeout - 1) * 10) === part)
      expect(inPart.length).toBeGreaterThan(15)
    }
  })

  test('and are thrown anew for each election', () => {
    const node = new Lone(three)
    const waits = Array.from({ length: 20 }, () => {
      const before = node.now
      node.campaign()
      return node.now - before
    })
    expect(new Set(waits).size).toBe(20)
  })
})

describe('§5.3 replication', () => {
  test('an entry is committed once a majority has it, and all before it', () => {
    const node = new Lone(five, { entries: log(1, 1) })
    node.lead(['b', 'c'])
    node.raft.propose([utf8('x')], node.now)
    node.run()
    const ack = { type: 'append-response', index: 4, rejected: false, hintIndex: 0, hintTerm: 0 }
    node.step({ ...ack, from: 'b' })
    expect(node.committed).toEqual([])
    node.step({ ...ack, from: 'c' })
    expect(node.committed.map(e => e.index)).toEqual([1, 2, 3, 4])
  })

  test('a follower learns of it with the next message and applies in order', () => {
    const node = new Lone(three, { term: 1 })
    node.step({ ...append, entries: log(1, 1, 1), commit: 2 })
    expect(node.committed.map(e => e.index)).toEqual([1, 2])
    node.step({ ...append, prevIndex: 3, prevTerm: 1, commit: 3 })
    expect(node.committed.map(e => e.index)).toEqual([1, 2, 3])
  })

  test('a follower commits no further than the message shows its log to be the leader’s', () => {
    const node = new Lone(three, { entries: log(1, 1, 1), term: 2 })
    node.step({ ...append, prevIndex: 1, prevTerm: 1, entries: [], commit: 3 })
    expect(node.raft.status().commit).toBe(1)
  })

  test.each([
    ['ends before', log(1), 2, 2, 1, 1],
    ['has another term there', log(1, 1, 1), 3, 3, 3, 1],
    ['has only later terms than asked for back to', log(1, 3, 3), 3, 2, 1, 1],
  ] as const)(
    'a follower whose log %s the place rejects and says where to look',
    (_, entries, prevIndex, prevTerm, hintIndex, hintTerm) => {
      const node = new Lone(three, { entries: [...entries], term: 3 })
      const sent = node.step({ ...append, prevIndex, prevTerm })
      expect(sent).toMatchObject([{ rejected: true, index: prevIndex, hintIndex, hintTerm }])
    },
  )

  /** Figure 7: what six followers may look like when this leader comes to power. */
  const leader = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
  test.each([
    ['a', [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ['b', [1, 1, 1, 4]],
    ['c', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ['d', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ['e', [1, 1, 1, 4, 4, 4, 4]],
    ['f', [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ])('figure 7 (%s): the leader makes that log its own', (_, terms) => {
    const node = new Lone(three, { entries: log(...leader), term: 7 })
    let toFollower = node.lead(['c']).filter(m => m.to === 'b')
    const follower = new Lone(three, { entries: log(...terms), term: 7 })
    for (let trip = 0; trip < 5 && toFollower.length > 0; trip++) {
      const back = toFollower.flatMap(m => follower.step({ ...m, to: 'a', from: 'b' }))
      toFollower = back
        .flatMap(m => node.step({ ...m, to: 'a', from: 'b' }))
        .filter(m => m.to === 'b')
    }
    expect(follower.raft.entries(1, 99)).toEqual(node.raft.entries(1, 99))
  })
})

describe('§5.4 safety', () => {
  test.each([
    [log(1, 1), 2, 1, true],
    [log(1, 1), 3, 1, true],
    [log(1, 1), 1, 2, true],
    [log(1, 1), 1, 1, false],
    [log(1, 2), 9, 1, false],
    [log(1, 2), 2, 2, true],
  ])(
    '§5.4.1: with the log %j, a candidate whose log ends at %i in term %i gets the vote: %s',
    (entries, lastIndex, lastTerm, granted) => {
      const node = new Lone(three, { entries, term: 3 })
      expect(node.step({ ...vote, term: 4, lastIndex, lastTerm })).toMatchObject([{ granted }])
    },
  )

  test('§5.4.2, figure 8: an entry of an old term is not committed by counting', () => {
    const node = new Lone(five, { entries: log(1, 2), term: 3 })
    node.lead(['b', 'c'])
    const ack = { type: 'append-response', rejected: false, hintIndex: 0, hintTerm: 0 }
    for (const from of ['b', 'c', 'd']) node.step({ ...ack, from, index: 2 })
    expect(node.raft.status().commit).toBe(0)
    for (const from of ['b', 'c']) node.step({ ...ack, from, index: 3 })
    expect(node.raft.status().commit).toBe(3)
  })
})

describe('thesis §3.10, §4.2.3, §6.2: whoever hears a leader wants no other', () => {
  const heard = () => {
    const node = new Lone(three, { term: 1 })
    node.step({ ...append, from: 'b' })
    return node
  }
  const later = { ...vote, from: 'c', term: 2 }

  test('a vote is refused within an election timeout of the leader’s last word', () => {
    const node = heard()
    node.now += timeout - 1
    expect(node.step(later)).toEqual([])
    expect(node.raft.status().term).toBe(1)
    node.now += 1
    expect(node.step(later)).toMatchObject([{ granted: true, term: 2 }])
  })

  test('unless the leader itself asked for the election', () => {
    expect(heard().step({ ...later, transfer: true })).toMatchObject([{ granted: true, term: 2 }])
  })

  test('or there is evidence that its process is gone', () => {
    const node = heard()
    node.raft.suspectLeader(node.now)
    expect(node.raft.status().leader).toBe(null)
    expect(node.raft.wakeAt()! - node.now).toBeLessThanOrEqual(timeout / 4)
    expect(node.step(later)).toMatchObject([{ granted: true }])
  })

  test('a leader that no quorum answers for an election timeout steps down', () => {
    const node = new Lone(five)
    node.lead(['b', 'c'])
    const since = node.now
    for (const later of [0.3, 0.6, 0.9]) {
      node.now = since + later * timeout
      node.raft.tick(node.now)
      node.step({ type: 'heartbeat-response', from: 'b', round: 0 })
      expect(node.rank).toBe('leader')
    }
    node.now = since + timeout
    node.raft.tick(node.now)
    expect(node.rank).toBe('follower')
  })
})

describe('thesis §9.6, pre-vote', () => {
  test('raises no term and is granted to anybody who could win', () => {
    const node = new Lone(three, { entries: log(1), term: 1 })
    const ask = { ...vote, type: 'pre-vote', term: 2, lastTerm: 1 }
    expect(node.step({ ...ask, from: 'b', lastIndex: 1 })).toMatchObject([
      { granted: true, term: 2 },
    ])
    expect(node.step({ ...ask, from: 'c', lastIndex: 2 })).toMatchObject([
      { granted: true, term: 2 },
    ])
    expect(node.step({ ...ask, from: 'c', lastIndex: 0, lastTerm: 0 })).toMatchObject([
      { granted: false, term: 1 },
    ])
    expect(node.raft.status()).toMatchObject({ term: 1, vote: null })
  })
})

describe('thesis §10.2.1: the leader writes while the others do', () => {
  test('and counts its own disk only when that is done', () => {
    const raft = new Raft(
      { id: 'a', ...defaults },
      { ...newGroup(['a']), entries: [], applied: 0 },
      seeded(1),
      0,
    )
    raft.tick(raft.wakeAt()!)
    raft.advance({ persisted: raft.ready()!.persist!.id }, 1000)
    const { persist, commit } = raft.ready()!
    expect(commit).toEqual([])
    expect(raft.status()).toMatchObject({ rank: 'leader', commit: 0 })
    raft.advance({ persisted: persist!.id }, 1000)
    expect(raft.ready()!.commit).toMatchObject([{ index: 1, type: 'noop' }])
  })
})
