import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { didYouMean, editDistance } from '../../src/base/similar.ts'

describe('did you mean', () => {
  const known = ['name', 'data_dir', 'bind', 'log_level', 'join']

  it('finds a slip of the finger, and what differs in dashes or case', () => {
    expect(didYouMean('naem', known)).toBe('name')
    expect(didYouMean('data-dir', known)).toBe('data_dir')
    expect(didYouMean('Bind', known)).toBe('bind')
    expect(didYouMean('loglevel', known)).toBe('log_level')
  })

  it('keeps quiet about what is far off', () => {
    expect(didYouMean('timeout', known)).toBeUndefined()
    expect(didYouMean('x'.repeat(1000), known)).toBeUndefined()
    expect(didYouMean('x', [])).toBeUndefined()
  })

  it('measures a distance: the same as a slow definition', () => {
    const word = fc.string({ maxLength: 6, unit: fc.constantFrom('a', 'b', 'c') })
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(slowDistance(a, b))
        expect(editDistance(a, b)).toBe(editDistance(b, a))
      }),
    )
  })
})

/** By its definition, from the ends of both words. */
function slowDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length
  const same = a.at(-1) === b.at(-1) ? 0 : 1
  const swapped = a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1)
  return Math.min(
    slowDistance(a.slice(0, -1), b) + 1,
    slowDistance(a, b.slice(0, -1)) + 1,
    slowDistance(a.slice(0, -1), b.slice(0, -1)) + same,
    swapped ? slowDistance(a.slice(0, -2), b.slice(0, -2)) + 1 : Number.POSITIVE_INFINITY,
  )
}
