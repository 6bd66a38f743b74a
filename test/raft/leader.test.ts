/** What a leader counts, and what it does not. */
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/base/utf8.ts'
import { defaults } from '../../src/raft/raft.ts'
import { maxReads } from '../../src/raft/reads.ts'
import { Lone } from './lone.ts'

const three = ['a', 'b', 'c']
const ack = { type: 'append-response', rejected: false, hintIndex: 0, hintTerm: 0 }
const beat = { type: 'heartbeat-response', round: 0 }

function leading(voters: readonly string[] = three): Lone {
  const node = new Lone(voters)
  node.lead(['b'])
  expect(node.rank).toBe('leader')
  return node
}

describe('answers', () => {
  test('of strangers cannot unseat it, those of members can', () => {
    const node = leading()
    node.step({ ...beat, from: 'z', term: 9 })
    node.step({ ...ack, from: 'z', term: 9, index: 1 })
    expect(node.rank).toBe('leader')
    node.step({ ...beat, from: 'c', term: 9 })
    expect(node.rank).toBe('follower')
  })

  test('that claim more than there is are not believed', () => {
    const node = leading()
    node.step({ ...ack, index: 5 })
    expect(node.raft.status().commit).toBe(0)
    node.step({ ...ack, index: 1 })
    expect(node.raft.status().commit).toBe(1)
    expect(node.raft.readIndex(1, node.now)).toBe(true)
    node.run()
    node.step({ ...beat, round: 99 })
    node.raft.readIndex(2, node.now)
    expect(node.reads).toEqual([])
    node.step({ ...beat, round: 1 })
    expect(node.reads).toEqual([1])
  })

  test('and rest: when nothing is new, nothing is sent', () => {
    const node = leading()
    for (const from of ['b', 'c']) node.step({ ...ack, from, index: 1 })
    for (let i = 0; i < 3; i++) {
      node.raft.propose([utf8('x')], node.now)
      node.run()
      for (const from of ['b', 'c']) node.step({ ...ack, from, index: 2 + i })
    }
    expect(node.run()).toEqual([])
    expect(node.raft.ready()).toBe(undefined)
  })
})

describe('one change of configuration at a time', () => {
  const step = { voters: three, learners: ['d'] }

  test('also while one that is not joint is not committed', () => {
    const node = leading()
    node.step({ ...ack, index: 1 })
    expect(node.raft.changeConfig(step, node.now)).toMatchObject({ ok: true, index: 2 })
    expect(node.raft.changeConfig(step, node.now)).toMatchObject({ why: 'change-pending' })
    node.run()
    node.step({ ...ack, index: 2 })
    expect(node.raft.changeConfig(step, node.now)).toMatchObject({ ok: true })
  })

  test('and the joint one is left only when it is committed itself', () => {
    const node = leading()
    node.raft.changeConfig({ voters: ['a', 'b'], learners: [] }, node.now)
    node.run()
    node.step({ ...ack, index: 1 })
    expect(node.raft.status()).toMatchObject({ commit: 1, lastIndex: 2 })
    node.step({ ...ack, index: 2 })
    expect(node.raft.status()).toMatchObject({ commit: 2, lastIndex: 3 })
    expect(node.raft.status().config).toMatchObject({ voters: ['a', 'b'], outgoing: [] })
    expect(node.raft.changeConfig(step, node.now)).toMatchObject({ why: 'change-pending' })
  })

  test('the entry that leaves a joint one says as well who asked for the change', () => {
    const node = leading()
    node.raft.changeConfig({ voters: ['a', 'b'], learners: [], by: 'ann' }, node.now)
    node.run()
    node.step({ ...ack, index: 2 })
    node.step({ ...ack, index: 3 })
    expect(node.committed).toMatchObject([
      { type: 'noop' },
      { type: 'config', config: { outgoing: three }, by: 'ann' },
      { type: 'config', config: { outgoing: [] }, by: 'ann' },
    ])
  })

  test('nor may there be no voters, and only the leader changes them', () => {
    const none = { voters: [], learners: ['a'] }
    expect(leading().raft.changeConfig(none, 0)).toMatchObject({ why: 'no-voters' })
    expect(new Lone(three).raft.changeConfig(step, 0)).toMatchObject({ why: 'not-leader' })
  })

  test('who is named twice is one voter, and no learner besides', () => {
    const node = leading()
    node.step({ ...ack, index: 1 })
    node.raft.changeConfig({ voters: ['a', 'b', 'c', 'b'], learners: ['b', 'd', 'd'] }, node.now)
    expect(node.raft.status().config).toEqual({
      voters: three,
      outgoing: [],
      learners: ['d'],
      learnersNext: [],
    })
  })
})

describe('who left and comes back at once', () => {
  test('is not believed to have the log that it once acknowledged', () => {
    const node = leading()
    const acknowledge = (index: number, ...from: string[]) =>
      from.flatMap(id => node.step({ ...ack, from: id, index }))
    acknowledge(1, 'b', 'c')
    expect(node.raft.status().progress).toMatchObject([{ match: 1 }, { id: 'c', match: 1 }])
    // c is slow to write that it leaves, so it is still being told.
    node.raft.changeConfig({ voters: ['a', 'b'], learners: [] }, node.now)
    node.run()
    acknowledge(2, 'b')
    acknowledge(3, 'b')
    expect(node.raft.status()).toMatchObject({ commit: 3, config: { voters: ['a', 'b'] } })
    expect(node.raft.status().progress.map(peer => peer.id)).toEqual(['b', 'c'])
    // Meanwhile it has set its log aside, has an empty one ready, and is about to be taken in again.
    node.now += defaults.heartbeat
    node.raft.tick(node.now)
    expect(node.run().filter(m => m.type === 'heartbeat')).toMatchObject([
      { to: 'b', commit: 3 },
      { to: 'c', commit: 0 },
    ])
    node.raft.changeConfig({ voters: ['a', 'b'], learners: ['c'] }, node.now)
    expect(node.raft.status().progress).toMatchObject([{ match: 3 }, { id: 'c', match: 0 }])
    node.run()
    node.now += defaults.heartbeat
    node.raft.tick(node.now)
    const beats = node.run().filter(m => m.type === 'heartbeat')
    expect(beats).toMatchObject([
      { to: 'b', commit: 3 },
      { to: 'c', commit: 0 },
    ])
    // A probe that it rejects leads back to the very beginning.
    node.step({ ...ack, from: 'c', rejected: true, index: 3, hintIndex: 0 })
    const change = { voters: three, learners: [] }
    acknowledge(4, 'b')
    expect(node.raft.changeConfig(change, node.now)).toMatchObject({ why: 'not-caught-up' })
    expect(node.raft.status().progress).toMatchObject([{}, { id: 'c', next: 1 }])
  })
})

describe('reads', () => {
  test('need the answers of a quorum, of both majorities while there are two', () => {
    const node = new Lone(['a', 'b', 'c', 'd', 'e'])
    node.lead(['b', 'c'])
    for (const from of ['b', 'c', 'd', 'e']) node.step({ ...ack, from, index: 1 })
    const ask = (context: number) => {
      expect(node.raft.readIndex(context, node.now)).toBe(true)
      return node.run().find(m => m.type === 'heartbeat')!.round
    }
    const first = { ...beat, round: ask(1) }
    node.step({ ...first, from: 'b' })
    node.step({ ...first, from: 'b' })
    node.step({ ...first, from: 'z' })
    expect(node.reads).toEqual([])
    node.step({ ...first, from: 'd' })
    expect(node.reads).toEqual([1])
    // Three of the five answer, but of the next voters only the leader itself.
    node.raft.changeConfig({ voters: three, learners: [] }, node.now)
    node.run()
    const second = { ...beat, round: ask(2) }
    node.step({ ...second, from: 'd' })
    node.step({ ...second, from: 'e' })
    expect(node.reads).toEqual([1])
    node.step({ ...second, from: 'b' })
    expect(node.reads).toEqual([1, 2])
    // The other way round: two of the next voters, and of the five no more than these.
    const third = { ...beat, round: ask(3) }
    node.step({ ...third, from: 'b' })
    expect(node.reads).toEqual([1, 2])
    node.step({ ...third, from: 'e' })
    expect(node.reads).toEqual([1, 2, 3])
  })

  test('share rounds of heartbeats when there are many', () => {
    const node = leading()
    node.step({ ...ack, index: 1 })
    const rounds = new Set<number>()
    for (let context = 1; context <= 20; context++) {
      node.raft.readIndex(context, node.now)
      for (const m of node.run()) if (m.type === 'heartbeat') rounds.add(m.round)
    }
    expect(rounds.size).toBe(4)
    node.step({ ...beat, round: 4 })
    expect(node.reads).toEqual([1, 2, 3, 4])
    node.step({ ...beat, round: 5 })
    expect(node.reads.length).toBe(20)
  })

  test('are refused beyond a limit', () => {
    const node = leading()
    for (let i = 0; i < maxReads; i++) expect(node.raft.readIndex(i, node.now)).toBe(true)
    expect(node.raft.readIndex(maxReads, node.now)).toBe(false)
  })
})

describe('compaction', () => {
  test('never goes beyond what was handed out to be applied', () => {
    const node = leading()
    node.raft.propose([utf8('x'), utf8('y')], node.now)
    node.run()
    node.step({ ...ack, index: 2 })
    const { config } = node.raft.status()
    node.raft.compacted({ index: 3, term: 1, config })
    expect(node.raft.status()).toMatchObject({ firstIndex: 3, lastIndex: 3, commit: 2 })
  })
})

describe('the disk fails', () => {
  test('a promise that was not out yet stays in', () => {
    const node = new Lone(three, { term: 1 })
    const append = { type: 'append', prevIndex: 0, prevTerm: 0, commit: 0 } as const
    const entries = [{ index: 1, term: 1, type: 'noop' }] as const
    node.raft.step({ ...append, from: 'b', to: 'a', term: 1, entries }, 0)
    // One promise is held by a batch under way, the other not even that.
    const batch = node.raft.ready()!.persist!
    node.raft.step({ ...append, from: 'b', to: 'a', term: 1, entries: [] }, 0)
    expect(node.raft.ready()).toBe(undefined)
    node.raft.step({ ...append, from: 'b', to: 'a', term: 1, entries: [] }, 0)
    node.raft.stepDown(0)
    node.raft.advance({ persisted: batch.id }, 0)
    const ready = node.raft.ready()
    expect([...(ready?.send ?? []), ...(ready?.sendAfter ?? [])]).toEqual([])
    expect(ready?.persist).toBe(undefined)
  })

  test('nor does one leave that waited for nothing but to be taken', () => {
    const node = new Lone(three, { term: 1 })
    const append = { type: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: [] } as const
    node.raft.step({ ...append, from: 'b', to: 'a', term: 1 }, 0)
    node.raft.stepDown(0)
    expect(node.run()).toEqual([])
  })

  test('it never votes, acknowledges, campaigns or writes again', () => {
    const node = leading()
    node.raft.stepDown(node.now)
    node.run()
    const ask = { lastIndex: 9, lastTerm: 9, transfer: true, term: 9 }
    expect(node.step({ ...ask, type: 'pre-vote' })).toEqual([])
    expect(node.step({ ...ask, type: 'vote' })).toEqual([])
    expect(node.step({ type: 'timeout-now' })).toEqual([])
    const entries = [{ index: 2, term: 9, type: 'noop' }]
    const append = { type: 'append', term: 9, prevIndex: 1, prevTerm: 1, commit: 2, entries }
    expect(node.step(append)).toEqual([])
    expect(node.raft.status()).toMatchObject({ rank: 'follower', leader: 'b', lastIndex: 1 })
    node.now += 100 * defaults.electionTimeout
    node.raft.tick(node.now)
    node.now += defaults.electionTimeout
    node.raft.tick(node.now)
    expect(node.run()).toEqual([])
    expect(node.raft.status().leader).toBe(null)
  })
})
