import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deadlines } from '../../src/swim/deadlines.ts'

/** The obvious twin: a list, looked through each time. */
class SlowDeadlines {
  readonly at = new Map<string, number>()

  next(): number | undefined {
    return this.at.size === 0 ? undefined : Math.min(...this.at.values())
  }

  due(now: number): Set<string> {
    const due = new Set([...this.at].filter(([, at]) => at <= now).map(([key]) => key))
    for (const key of due) this.at.delete(key)
    return due
  }

  shift(by: number): void {
    for (const [key, at] of this.at) this.at.set(key, at + by)
  }
}

const key = fc.constantFrom(...'abcdefghijklmnop')
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('set' as const), key, fc.nat(100)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), key, fc.constant(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('due' as const), key, fc.nat(100)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('shift' as const), key, fc.nat(20)) },
)

test('does what a list would do', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), steps => {
      const fast = new Deadlines<string>()
      const slow = new SlowDeadlines()
      for (const [what, name, n] of steps) {
        if (what === 'set') {
          fast.set(name, n)
          slow.at.set(name, n)
        } else if (what === 'delete') {
          fast.delete(name)
          slow.at.delete(name)
        } else if (what === 'shift') {
          fast.shift(n)
          slow.shift(n)
        } else {
          expect(allDue(fast, n)).toEqual(slow.due(n))
        }
        expect(fast.next()).toBe(slow.next())
        expect(fast.size).toBe(slow.at.size)
        expect(fast.at(name)).toBe(slow.at.get(name))
      }
    }),
  )
})

test('hands out what is due earliest first', () => {
  const deadlines = new Deadlines<string>()
  deadlines.set('late', 30)
  deadlines.set('early', 10)
  deadlines.set('middle', 40)
  deadlines.set('middle', 20)
  expect([...allDue(deadlines, 30)]).toEqual(['early', 'middle', 'late'])
})

function allDue(deadlines: Deadlines<string>, now: number): Set<string> {
  const due = new Set<string>()
  for (let key = deadlines.due(now); key !== undefined; key = deadlines.due(now)) due.add(key)
  return due
}
