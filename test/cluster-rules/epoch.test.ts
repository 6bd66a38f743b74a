import { describe, expect, test } from 'vitest'
import { collectable, givesIn } from '../../src/cluster/epoch.ts'

describe('what may be forgotten', () => {
  const stones = (...times: number[]) => times.map((time, i) => ({ leftAt: (i + 1) * 10, time }))

  test('nothing is younger than the grace period up to there', () => {
    expect(collectable([], 100, 1000)).toBeUndefined()
    expect(collectable(stones(950), 100, 1000)).toBeUndefined()
    expect(collectable(stones(900), 100, 1000)).toBe(10)
    expect(collectable(stones(100, 900, 901), 100, 1000)).toBe(20)
  })

  test('a leader whose clock ran back stops it: order is the log, age is the clock', () => {
    expect(collectable(stones(950, 100), 100, 1000)).toBeUndefined()
    expect(collectable(stones(100, 950, 100), 100, 1000)).toBe(10)
  })
})

describe('who gives in to a newer epoch', () => {
  const cases: readonly [control: string, reached: string, givesIn: boolean][] = [
    ['abc', '', true],
    ['abc', 'a', true],
    ['abc', 'ab', false],
    ['abc', 'abc', false],
    ['ab', 'a', true],
    ['a', 'a', false],
    ['a', '', true],
    ['abcde', 'ab', true],
    ['abcde', 'abe', false],
    ['abc', 'xyz', true],
  ]
  for (const [control, reached, expected] of cases) {
    test(`of ${control}, reached ${reached || 'nobody'}`, () => {
      expect(givesIn({ control: [...control], reached: new Set(reached) })).toBe(expected)
    })
  }
})
