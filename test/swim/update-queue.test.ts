import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Update } from '../../src/swim/types.ts'
import { retransmitLimit, subjectOf, UpdateQueue } from '../../src/swim/update-queue.ts'
import { updateBytes } from '../../src/swim/update-size.ts'

const plenty = 10_000
const reader = to('reader', true)

function to(id: string, hears: boolean, told: readonly Update[] = []) {
  return { id, hears, told }
}

function alive(id: string, incarnation = 1, name = id): Update {
  const address = { host: '10.0.0.1', port: 4483 }
  return { kind: 'alive', member: { id, name, address, incarnation, meta: new Uint8Array() } }
}

function suspect(id: string, accuser: string, incarnation = 1): Update {
  return { kind: 'suspect', id, incarnation, accuser }
}

test('news is sent λ⌈log₁₀(n + 1)⌉ times (SWIM §4.1)', () => {
  expect([1, 9, 10, 99, 100, 9999, 10_000].map(n => retransmitLimit(4, n))).toEqual([
    4, 4, 8, 8, 12, 16, 20,
  ])
})

describe('the queue', () => {
  test('sends each piece so often and no more', () => {
    const queue = new UpdateQueue(100)
    for (const id of ['a', 'b', 'c']) queue.put(alive(id))
    const sent = new Map<string, number>()
    for (let i = 0; i < 20; i++) {
      for (const update of queue.fill(plenty, 4, reader)) {
        sent.set(subjectOf(update), (sent.get(subjectOf(update)) ?? 0) + 1)
      }
    }
    expect([...sent.entries()]).toEqual([
      ['a', 4],
      ['b', 4],
      ['c', 4],
    ])
    expect(queue.size).toBe(0)
  })

  test('sends first what was sent least', () => {
    const queue = new UpdateQueue(100)
    const one = updateBytes(suspect('a', 'x'))
    queue.put(suspect('a', 'x'))
    queue.fill(one, 4, reader)
    queue.put(suspect('b', 'x'))
    expect(queue.fill(one, 4, reader)).toEqual([suspect('b', 'x')])
    expect(queue.fill(one, 4, reader)).toEqual([suspect('a', 'x')])
  })

  test('keeps only the newest about a member, and begins anew with it', () => {
    const queue = new UpdateQueue(100)
    queue.put(alive('a', 1))
    for (let i = 0; i < 3; i++) queue.fill(plenty, 4, reader)
    queue.put(suspect('a', 'x'))
    queue.put(alive('a', 2))
    expect(queue.size).toBe(1)
    for (let i = 0; i < 4; i++) {
      expect(queue.fill(plenty, 4, reader)).toEqual([alive('a', 2)])
    }
    expect(queue.fill(plenty, 4, reader)).toEqual([])
  })

  test('keeps the accusers of one suspicion side by side', () => {
    const queue = new UpdateQueue(100)
    queue.put(suspect('a', 'x'))
    queue.put(suspect('a', 'y'))
    queue.put(suspect('a', 'y'))
    expect(queue.fill(plenty, 4, reader)).toEqual([suspect('a', 'x'), suspect('a', 'y')])
    queue.put(suspect('a', 'x', 2))
    expect(queue.fill(plenty, 4, reader)).toEqual([suspect('a', 'x', 2)])
  })

  test('does not spend chances on a reader that may be dead', () => {
    const queue = new UpdateQueue(100)
    queue.put(alive('a'))
    for (let i = 0; i < 9; i++)
      expect(queue.fill(plenty, 4, to('dead', false))).toEqual([alive('a')])
    expect(queue.size).toBe(1)
  })

  test('does not tell a reader that it lives, but that it is suspect', () => {
    const queue = new UpdateQueue(100)
    queue.put(alive('a'))
    queue.put(suspect('b', 'x'))
    expect(queue.fill(plenty, 4, to('a', true))).toEqual([suspect('b', 'x')])
    expect(queue.fill(plenty, 4, to('b', true))).toEqual([alive('a'), suspect('b', 'x')])
    for (let i = 0; i < 4; i++) queue.fill(plenty, 4, to('a', true))
    expect(queue.size).toBe(0)
  })

  test('does not say twice what the packet says already', () => {
    const queue = new UpdateQueue(100)
    queue.put(suspect('b', 'x'))
    queue.put(suspect('b', 'y'))
    const told = [suspect('b', 'x')]
    for (let i = 0; i < 4; i++) {
      expect(queue.fill(plenty, 4, to('a', true, told))).toEqual([suspect('b', 'y')])
    }
    expect(queue.size).toBe(0)
  })

  test('forgets what a cluster that shrank has heard often enough', () => {
    const queue = new UpdateQueue(100)
    queue.put(alive('a'))
    for (let i = 0; i < 5; i++) queue.fill(plenty, 8, reader)
    queue.put(alive('b'))
    expect(queue.fill(plenty, 4, reader)).toEqual([alive('b')])
    expect(queue.size).toBe(1)
  })

  test('over its limit, drops what was sent most', () => {
    const queue = new UpdateQueue(2)
    queue.put(alive('a'))
    queue.fill(plenty, 4, reader)
    queue.put(alive('b'))
    queue.put(alive('c'))
    expect(queue.fill(plenty, 4, reader)).toEqual([alive('b'), alive('c')])
  })

  test('says when something came in', () => {
    const queue = new UpdateQueue(2)
    expect(queue.fresh).toBe(false)
    queue.put(alive('a'))
    expect(queue.fresh).toBe(true)
    queue.settle()
    expect(queue.fresh).toBe(false)
  })

  test('never fills beyond the budget, and loses nothing over it', () => {
    const id = fc.constantFrom(...'abcdefgh')
    const update = fc.oneof(
      fc.tuple(id, fc.string({ maxLength: 100 })).map(([member, name]) => alive(member, 1, name)),
      fc.tuple(id, id).map(([member, accuser]) => suspect(member, accuser)),
    )
    fc.assert(
      fc.property(fc.array(update), fc.nat(600), (updates, budget) => {
        const queue = new UpdateQueue(100)
        for (const u of updates) queue.put(u)
        const before = queue.size
        const taken = queue.fill(budget, 4, reader)
        expect(taken.reduce((sum, u) => sum + updateBytes(u), 0)).toBeLessThanOrEqual(budget)
        expect(queue.size).toBe(before)
        const waiting = queue.fill(1e6, 4, to('reader', false))
        expect(waiting.length).toBe(before)
        expect(new Set(waiting).size).toBe(before)
      }),
    )
  })
})
