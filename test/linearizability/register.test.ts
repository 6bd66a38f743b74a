import { describe, expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { checkRegister, type RegisterCall, type RegisterOperation } from './register.ts'

function operation(call: RegisterCall, invoked: number, returned?: number): RegisterOperation {
  return { call, invoked, returned }
}
const write = (value: string, from: number, to?: number) =>
  operation({ kind: 'write', value }, from, to)
const read = (saw: string | null, from: number, to: number) =>
  operation({ kind: 'read', saw }, from, to)
const cas = (
  expected: string,
  value: string,
  swapped: boolean | undefined,
  from: number,
  to?: number,
) => operation({ kind: 'cas', expected, value, swapped }, from, to)

describe('histories that are linearizable', () => {
  const good: Record<string, RegisterOperation[]> = {
    'nothing happened': [],
    'one after the other': [write('a', 0, 1), read('a', 2, 3), write('b', 4, 5), read('b', 6, 7)],
    'a read beside a write sees the old value': [
      write('a', 0, 1),
      write('b', 2, 5),
      read('a', 3, 4),
    ],
    'a read beside a write sees the new value': [
      write('a', 0, 1),
      write('b', 2, 5),
      read('b', 3, 4),
    ],
    'a write without an answer happened': [
      write('a', 0, 1),
      write('b', 2),
      read('a', 3, 4),
      read('b', 5, 6),
    ],
    'a write without an answer never happened': [write('a', 0, 1), write('b', 2), read('a', 9, 10)],
    'a swap that matched': [write('a', 0, 1), cas('a', 'b', true, 2, 3), read('b', 4, 5)],
    'a swap that did not match': [write('a', 0, 1), cas('x', 'b', false, 2, 3), read('a', 4, 5)],
    'a swap refused because of a write without an answer': [
      write('a', 0, 1),
      write('b', 2),
      cas('a', 'c', false, 3, 4),
    ],
    'two writes at once, seen in one order': [
      write('a', 0, 10),
      write('b', 0, 10),
      read('b', 11, 12),
    ],
  }
  for (const [name, history] of Object.entries(good)) {
    test(name, () => expect(checkRegister(history)).toEqual({ ok: true }))
  }
})

describe('histories that are not', () => {
  const bad: Record<string, RegisterOperation[]> = {
    'a read of what was never written': [write('a', 0, 1), read('b', 2, 3)],
    'a stale read': [write('a', 0, 1), write('b', 2, 3), read('a', 4, 5)],
    'an acknowledged write is lost': [write('a', 0, 1), read(null, 2, 3)],
    'reads that go back': [write('a', 0, 1), write('b', 2, 9), read('b', 3, 4), read('a', 5, 6)],
    'a retried write takes effect twice': [
      write('a', 0),
      write('b', 2, 3),
      read('a', 4, 5),
      write('c', 6, 7),
      read('a', 8, 9),
    ],
    'two swaps of the same value': [
      write('a', 0, 1),
      cas('a', 'b', true, 2, 3),
      cas('a', 'c', true, 4, 5),
    ],
    'a swap refused though it matched': [write('a', 0, 1), cas('a', 'b', false, 2, 3)],
    'two writes at once, seen in two orders': [
      write('a', 0, 10),
      write('b', 0, 10),
      read('b', 11, 12),
      read('a', 13, 14),
    ],
  }
  for (const [name, history] of Object.entries(bad)) {
    test(name, () => expect(checkRegister(history).ok).toBe(false))
  }
})

/** Every order of the operations that respects time, tried one by one. */
function obvious(operations: readonly RegisterOperation[]): boolean {
  const search = (left: readonly RegisterOperation[], value: string | null): boolean => {
    if (left.every(o => o.returned === undefined)) return true
    const firstReturn = Math.min(...left.map(o => o.returned ?? Number.POSITIVE_INFINITY))
    return left.some(chosen => {
      if (chosen.invoked > firstReturn) return false
      const { call } = chosen
      const rest = left.filter(o => o !== chosen)
      if (call.kind === 'read') return call.saw === value && search(rest, value)
      if (call.kind === 'write') return search(rest, call.value)
      const matches = call.expected === value
      if (call.swapped !== undefined && call.swapped !== matches) return false
      return search(rest, matches ? call.value : value)
    })
  }
  return search(operations, null)
}

test('agrees with trying every order, on random small histories', () => {
  const dice = seeded(7)
  let good = 0
  for (let round = 0; round < 3000; round++) {
    const history: RegisterOperation[] = []
    const values = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    const any = () => values[dice.below(4)]!
    for (let i = 0; i < 2 + dice.below(5); i++) {
      const invoked = dice.below(12)
      const returned = dice.next() < 0.8 ? invoked + 1 + dice.below(6) : undefined
      const kind = dice.below(3)
      if (kind === 0)
        history.push(read(dice.next() < 0.2 ? null : any(), invoked, returned ?? invoked + 1))
      else if (kind === 1)
        history.push(operation({ kind: 'write', value: values[i]! }, invoked, returned))
      else {
        const swapped = returned === undefined ? undefined : dice.next() < 0.5
        history.push(cas(any(), values[i]!, swapped, invoked, returned))
      }
    }
    const expected = obvious(history)
    if (expected) good++
    expect(checkRegister(history).ok, JSON.stringify(history)).toBe(expected)
  }
  expect(good).toBeGreaterThan(300)
  expect(good).toBeLessThan(2700)
})
