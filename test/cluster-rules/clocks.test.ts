import { describe, expect, test } from 'vitest'
import { wrongBy } from '../../src/cluster/clocks.ts'

describe('the clock of a leader is wrong', () => {
  const hour = 3_600_000
  test.each([
    ['alone it is right', [], 1, 0],
    ['all agree', [0, 900], 3, 0],
    ['one other is off', [hour, 0], 3, 0],
    ['both others are, and agree', [hour, hour + 500], 3, hour + 500],
    ['both are, and do not agree', [hour, -hour], 3, 0],
    ['of two, nobody knows which', [hour], 2, 0],
    ['one of the others does not say', [hour], 3, 0],
    ['three of four others', [-hour, -hour, -hour, 0], 5, -hour],
    ['two of four others', [-hour, -hour, 0, 0], 5, 0],
    ['within the limit', [50_000, 50_000], 3, 0],
  ] as const)('%s', (_, offsets, voters, by) => {
    expect(wrongBy(offsets, voters, 60_000)).toBe(by)
  })
})
