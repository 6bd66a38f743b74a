import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, parseDuration } from '../../src/base/duration.ts'

describe('durations', () => {
  it('are read as Go writes them', () => {
    const known: [string, number][] = [
      ['0', 0],
      ['10s', 10_000],
      ['1m30s', 90_000],
      ['1.5h', 5_400_000],
      ['.5s', 500],
      ['1h2m3s4ms', 3_723_004],
      ['250us', 0.25],
      ['1µs', 0.001],
    ]
    for (const [text, millis] of known) expect(parseDuration(text)).toBeCloseTo(millis, 9)
  })

  it('are nothing else', () => {
    for (const text of [
      '',
      '10',
      's',
      '-1s',
      '1 s',
      '1d',
      '10sec',
      '1s ',
      '1..5s',
      '9'.repeat(65),
    ]) {
      expect(parseDuration(text)).toBeUndefined()
    }
  })

  it('survive being written and read again', () => {
    fc.assert(
      fc.property(fc.nat(10 ** 12), millis => {
        expect(parseDuration(formatDuration(millis))).toBe(millis)
      }),
    )
    expect([3_600_000, 90_000, 60_000, 250].map(formatDuration)).toEqual([
      '1h',
      '90s',
      '1m',
      '250ms',
    ])
  })
})
