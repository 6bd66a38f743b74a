import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { inventList, inventRegister, inventSet } from './invented.ts'
import { justInTime } from './just-in-time.ts'
import { list } from './list.ts'
import type { Model, Operation } from './model.ts'
import { obvious } from './obvious.ts'
import { type RegisterOperation, register } from './register.ts'
import { set } from './set.ts'
import { wingGong } from './wing-gong.ts'

/** Two algorithms, one of them with and without its hints, against trying every order. */

const enough = 1_000_000

function verdicts<State, Call>(
  model: Model<State, Call>,
  history: readonly Operation<Call>[],
): Record<string, boolean | 'unknown'> {
  const sorted = history.toSorted((a, b) => a.invoked - b.invoked)
  const { narrow: _, ...plain } = model
  return {
    search: wingGong(model, sorted, enough).ok,
    plain: wingGong(plain, sorted, enough).ok,
    late: justInTime(model, sorted, enough).ok,
  }
}

/** Counts, so that a property which only ever sees one verdict is noticed. */
function agree<State, Call>(
  model: Model<State, Call>,
  call: fc.Arbitrary<Call>,
  distinct: (calls: readonly Call[]) => readonly Call[] = calls => calls,
): { good: number; bad: number } {
  const counts = { good: 0, bad: 0 }
  const operation = fc.record({
    call,
    invoked: fc.nat(12),
    lasts: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 4 }),
  })
  const histories = fc.array(operation, { minLength: 2, maxLength: 7 }).map(made => {
    const calls = distinct(made.map(one => one.call))
    return made.map(({ invoked, lasts }, i) => ({
      call: calls[i]!,
      invoked,
      returned: lasts === undefined ? undefined : invoked + lasts,
    }))
  })
  fc.assert(
    fc.property(histories, history => {
      const ok = obvious(model, history)
      counts[ok ? 'good' : 'bad']++
      expect(verdicts(model, history)).toEqual({ search: ok, plain: ok, late: ok })
    }),
    { numRuns: 2_000, seed: 11 },
  )
  return counts
}

/** The model never takes a swap that says nothing for one that was answered, and the other way round. */
const value = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: null })

describe('on random histories all agree with trying every order', () => {
  test('a register, with values that repeat', () => {
    const call = fc.oneof(
      fc.record({ kind: fc.constant('read' as const), saw: value }),
      fc.record({ kind: fc.constant('write' as const), value }),
      fc.record({
        kind: fc.constant('cas' as const),
        expected: value,
        value,
        swapped: fc.option(fc.boolean(), { nil: undefined }),
      }),
    )
    const { good, bad } = agree(register, call)
    expect(Math.min(good, bad)).toBeGreaterThan(200)
  })

  test('a list', () => {
    const read = fc
      .shuffledSubarray([0, 1, 2, 3], { maxLength: 3 })
      .map(saw => ({ kind: 'read' as const, saw }))
    const append = fc.constant({ kind: 'append' as const, element: 0 })
    const { good, bad } = agree(list, fc.oneof(read, append), numbered)
    expect(Math.min(good, bad)).toBeGreaterThan(200)
  })

  test('a set', () => {
    const read = fc
      .subarray([0, 1, 2, 3], { maxLength: 3 })
      .map(saw => ({ kind: 'read' as const, saw: new Set(saw) as ReadonlySet<number> }))
    const add = fc.constant({ kind: 'add' as const, element: 0 })
    const { good, bad } = agree(set, fc.oneof(read, add), numbered)
    expect(Math.min(good, bad)).toBeGreaterThan(200)
  })
})

/** No two add the same element. */
function numbered<Call extends { readonly kind: string }>(calls: readonly Call[]): Call[] {
  let next = 0
  return calls.map(call => (call.kind === 'read' ? call : { ...call, element: next++ }))
}

describe('histories of clients and an object that answers at once', () => {
  const shape = { clients: 5, operations: 60, lost: 0.1 }

  test('are linearizable, all agree', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const fine = { search: true, plain: true, late: true }
      const small = { clients: 3, operations: 14, lost: 0.1 }
      expect(verdicts(register, inventRegister(seeded(seed), small)), `${seed}`).toEqual(fine)
      expect(verdicts(list, inventList(seeded(seed), small)), `${seed}`).toEqual(fine)
      expect(verdicts(set, inventSet(seeded(seed), small)), `${seed}`).toEqual(fine)
    }
  })

  test('are not when one read is moved behind what overwrote it', () => {
    let caught = 0
    for (let seed = 1; seed <= 60; seed++) {
      const history = inventRegister(seeded(seed), shape)
      const [at, late] = staleRead(history)
      if (at === undefined) continue
      const broken = history.map(one => (one === at ? late! : one))
      expect(verdicts(register, broken).search, `${seed}`).toBe(false)
      caught++
    }
    expect(caught).toBeGreaterThan(40)
  })
})

/** A read of a value that an answered swap replaced, and the same read after that swap's return. */
function staleRead(
  history: readonly RegisterOperation[],
): [RegisterOperation?, RegisterOperation?] {
  for (const { call, returned } of history) {
    if (call.kind !== 'cas' || call.swapped !== true || returned === undefined) continue
    const read = history.find(o => o.call.kind === 'read' && o.call.saw === call.expected)
    if (read) return [read, { ...read, invoked: returned + 0.001, returned: returned + 0.002 }]
  }
  return []
}
