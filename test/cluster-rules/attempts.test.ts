import { describe, expect, test } from 'vitest'
import { Attempts } from '../../src/cluster/attempts.ts'

describe('failed attempts', () => {
  test('are free at first, then one each period, and forgotten in time', () => {
    const attempts = new Attempts(3, 1000, 8)
    for (let i = 0; i < 3; i++) {
      expect(attempts.wait('a', 0)).toBe(0)
      attempts.failed('a', 0)
    }
    expect(attempts.wait('a', 0)).toBe(1000)
    expect(attempts.wait('b', 0)).toBe(0)
    expect(attempts.wait('a', 500)).toBe(500)
    expect(attempts.wait('a', 1000)).toBe(0)
    attempts.failed('a', 1000)
    expect(attempts.wait('a', 1000)).toBe(1000)
    expect(attempts.wait('a', 4000)).toBe(0)
  })

  test('of ever new places take no more room', () => {
    const attempts = new Attempts(1, 1000, 8)
    for (let i = 0; i < 100; i++) attempts.failed(`place ${i}`, i)
    expect(attempts.size).toBe(8)
    expect(attempts.wait('place 99', 99)).toBeGreaterThan(0)
  })
})
