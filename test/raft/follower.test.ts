/** What a follower takes in, promises and keeps. */
import { describe, expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { defaults, newGroup, Raft } from '../../src/raft/raft.ts'
import type { Message } from '../../src/raft/types.ts'
import { Lone, log } from './lone.ts'

const three = ['a', 'b', 'c']
const append = { type: 'append', prevIndex: 0, prevTerm: 0, commit: 0, entries: [] }

describe('a follower', () => {
  test('promises no more than what is committed to an append from before that', () => {
    const node = new Lone(three, { entries: log(1, 1, 1), term: 2, commit: 2 })
    const sent = node.step({ ...append, prevIndex: 1, prevTerm: 1 })
    expect(sent).toMatchObject([{ type: 'append-response', rejected: false, index: 2 }])
  })

  test('promises no more of its log than the message shows to be the leader’s', () => {
    const node = new Lone(three, { entries: log(1, 1, 1, 1, 1), term: 2 })
    const sent = [
      ...node.step({ ...append, prevIndex: 2, prevTerm: 1 }),
      ...node.step({ ...append, prevIndex: 2, prevTerm: 1, entries: log(1, 1, 1).slice(2) }),
    ]
    // What follows may be contradicted by what the leader sends next, so it is kept and not promised.
    expect(sent).toMatchObject([
      { rejected: false, index: 2 },
      { rejected: false, index: 3 },
    ])
    expect(node.raft.status().lastIndex).toBe(5)
  })

  test('is informed when it knows agreed what its leader does, and not on the way there', () => {
    const node = new Lone(three, { term: 2 })
    const informed = () => node.raft.status().informed
    expect(informed()).toBe(false)
    node.step({ ...append, entries: log(1, 1), commit: 4 })
    expect(node.raft.status()).toMatchObject({ commit: 2, leader: 'b' })
    expect(informed()).toBe(false)
    node.step({ type: 'heartbeat', commit: 2, round: 1 })
    expect(informed()).toBe(false)
    const rest = log(1, 1, 1, 2).slice(2)
    node.step({ ...append, prevIndex: 2, prevTerm: 1, entries: rest, commit: 4 })
    expect(informed()).toBe(true)
    // What another leader knows is another question.
    node.step({ type: 'heartbeat', from: 'c', term: 3, commit: 4, round: 1 })
    expect(informed()).toBe(false)
  })

  test('ignores entries out of sequence', () => {
    const node = new Lone(three, { term: 3 })
    const gap = [log(1)[0], { index: 3, term: 1, type: 'noop' }]
    const backwards = log(2, 1)
    const later = log(4)
    for (const entries of [gap, backwards, later]) {
      expect(node.step({ ...append, entries })).toEqual([])
    }
    expect(node.raft.status()).toMatchObject({ lastIndex: 0, leader: null })
  })

  test('does not install a snapshot of what it has', () => {
    const node = new Lone(three, { entries: log(1, 1, 1, 1), term: 1 })
    const { config } = newGroup(three).snapshot
    const snapshot = { index: 2, term: 1, config }
    const sent = node.step({ type: 'snapshot', snapshot })
    expect(sent).toMatchObject([{ type: 'append-response', rejected: false, index: 2 }])
    expect(node.raft.status()).toMatchObject({ firstIndex: 1, lastIndex: 4, commit: 2 })
    expect(node.committed.map(e => e.index)).toEqual([1, 2])
  })

  test('nor one older than what it has committed', () => {
    const node = new Lone(three, { entries: log(1, 1, 1, 1), term: 2, commit: 4 })
    const { config } = newGroup(three).snapshot
    const sent = node.step({ type: 'snapshot', snapshot: { index: 3, term: 1, config } })
    expect(sent).toMatchObject([{ rejected: false, index: 4 }])
    expect(node.raft.status()).toMatchObject({ firstIndex: 1, lastIndex: 4 })
  })

  test('nor one that ends within what it has compacted', () => {
    const node = new Lone(three, { entries: log(1, 1, 1, 1), term: 2, commit: 4 })
    const { config } = newGroup(three).snapshot
    node.raft.compacted({ index: 3, term: 1, config })
    const sent = node.step({ type: 'snapshot', snapshot: { index: 2, term: 1, config } })
    expect(sent).toMatchObject([{ rejected: false, index: 4 }])
    expect(node.raft.status()).toMatchObject({ firstIndex: 4, lastIndex: 4, commit: 4 })
  })

  test('that finds more applied than the commit index on disk says takes that for committed', () => {
    const { snapshot } = newGroup(three)
    const hardState = { term: 1, vote: null, commit: 1 }
    const initial = { hardState, snapshot, entries: log(1, 1, 1), applied: 2 }
    const raft = new Raft({ id: 'a', ...defaults }, initial, seeded(1), 0)
    expect(raft.status()).toMatchObject({ commit: 2, applied: 2 })
    expect(raft.ready()).toBe(undefined)
  })

  test('refuses to start from a log that has lost what was committed', () => {
    const { snapshot } = newGroup(three)
    const hardState = { term: 1, vote: null, commit: 5 }
    const initial = { hardState, snapshot, entries: log(1, 1), applied: 0 }
    expect(() => new Raft({ id: 'a', ...defaults }, initial, seeded(1), 0)).toThrow('committed')
  })

  test('takes no message that is not for it', () => {
    const node = new Lone(three)
    expect(node.step({ ...append, to: 'c', term: 5 })).toEqual([])
    expect(node.step({ ...append, from: 'a', term: 5 })).toEqual([])
    expect(node.raft.status().term).toBe(0)
  })

  test('becomes leader of itself alone only when that term and vote are durable', () => {
    const raft = new Raft(
      { id: 'a', ...defaults },
      { ...newGroup(['a', 'b']), entries: [], applied: 0 },
      seeded(1),
      0,
    )
    const from = { from: 'b', to: 'a', term: 1 }
    const config = { voters: ['a'], outgoing: [], learners: [], learnersNext: [] }
    const entries = [{ index: 1, term: 1, type: 'config', config }]
    raft.step({ ...from, ...append, entries } as Message, 0)
    const first = raft.ready()!.persist!
    raft.step({ ...from, type: 'timeout-now' }, 0)
    const second = raft.ready()!.persist!
    raft.advance({ persisted: first.id }, 1)
    expect(raft.status().rank).toBe('candidate')
    raft.advance({ persisted: second.id }, 2)
    expect(raft.status().rank).toBe('leader')
  })
})
