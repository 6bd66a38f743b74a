import { describe, expect, test } from 'vitest'
import { swimDefaults } from '../../src/swim/config.ts'
import { Suspicions, suspicionDuration, suspicionTerms } from '../../src/swim/suspicion.ts'

const notice = 400

describe('how long a suspicion lasts (Lifeguard §IV-B)', () => {
  test.each([
    // n, at least, at most, confirmations expected
    [2, 2000, 12_000, 0],
    [3, 2000, 12_000, 1],
    [4, 2000, 12_000, 2],
    [10, 2000, 12_000, 2],
    [100, 4000, 24_000, 2],
    [10_000, 8000, 48_000, 2],
  ])('among %i', (size, min, max, expected) => {
    expect(suspicionTerms(swimDefaults, size)).toEqual({ min, max, expected })
  })

  test('max − (max − min) · log(c + 1) / log(k + 1), never below min', () => {
    const terms = { min: 1000, max: 9000, expected: 3 }
    expect(suspicionDuration(terms, 0)).toBe(9000)
    expect(suspicionDuration(terms, 1)).toBeCloseTo(5000)
    expect(suspicionDuration(terms, 2)).toBeCloseTo(9000 - 8000 * 0.79248, 1)
    expect(suspicionDuration(terms, 3)).toBeCloseTo(1000)
    expect(suspicionDuration(terms, 8)).toBe(1000)
  })

  test('where nobody could confirm, it lasts the least', () => {
    expect(suspicionDuration({ min: 1000, max: 9000, expected: 0 }, 0)).toBe(1000)
  })
})

describe('suspicions that run', () => {
  const terms = { min: 2000, max: 12_000, expected: 2 }

  function timeline(change: (suspicions: Suspicions) => void): string[] {
    const suspicions = new Suspicions()
    suspicions.begin('x', terms, notice, 0)
    change(suspicions)
    const out: string[] = []
    for (let at = suspicions.next(); at !== undefined; at = suspicions.next()) {
      out.push(`${Math.round(at)} ${suspicions.due(notice, at)!.over ? 'over' : 'last call'}`)
    }
    return out
  }

  test('end after the longest time, with a last call before', () => {
    expect(timeline(() => {})).toEqual(['11600 last call', '12000 over'])
  })

  test('end sooner with each confirmation', () => {
    const once = timeline(suspicions => suspicions.confirm('x', 1, notice))
    expect(once).toEqual(['5291 last call', '5691 over'])
    const twice = timeline(suspicions => suspicions.confirm('x', 2, notice))
    expect(twice).toEqual(['1600 last call', '2000 over'])
  })

  test('are never prolonged by evidence', () => {
    const hurried = timeline(suspicions => {
      suspicions.hurry('x', 1000, notice)
      suspicions.confirm('x', 1, notice)
      suspicions.hurry('x', 5000, notice)
    })
    expect(hurried).toEqual(['600 last call', '1000 over'])
  })

  test('get what this node slept through on top, confirmations counted', () => {
    const slept = timeline(suspicions => {
      suspicions.extend(700)
      suspicions.confirm('x', 2, notice)
    })
    expect(slept).toEqual(['2300 last call', '2700 over'])
  })

  test('give the last call its time, however late the confirmation', () => {
    const suspicions = new Suspicions()
    suspicions.begin('x', terms, notice, 0)
    suspicions.confirm('x', 2, notice)
    expect(suspicions.due(notice, 5000)).toEqual({ id: 'x', over: false })
    expect(suspicions.due(notice, 5399)).toBeUndefined()
    expect(suspicions.due(notice, 5400)).toEqual({ id: 'x', over: true })
  })

  test('are asked about in turn', () => {
    const suspicions = new Suspicions()
    for (const id of ['a', 'b', 'c']) suspicions.begin(id, terms, notice, 0)
    expect(suspicions.some(2)).toEqual(['a', 'b'])
    expect(suspicions.some(2)).toEqual(['c', 'a'])
    suspicions.end('b')
    expect(suspicions.some(5)).toEqual(['c', 'a'])
  })
})
