import { describe, expect, test } from 'vitest'
import { Attempts, placeOf } from '../../src/base/attempts.ts'

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

  test('that were under way together all count', () => {
    const attempts = new Attempts(10, 6_000, 8)
    for (let i = 0; i < 40; i++) attempts.failed('a', 10_000)
    expect(attempts.wait('a', 10_000)).toBe(31 * 6_000)
    expect(attempts.wait('a', 10_000 + 31 * 6_000)).toBe(0)
  })

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, 'local'],
  ])('from %s are those of %s', (address, place) => {
    expect(placeOf(address)).toBe(place)
  })
})
