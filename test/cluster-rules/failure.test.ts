import { beforeEach, describe, expect, test } from 'vitest'
import { Accusations } from '../../src/cluster/failure.ts'

const well = { unreachable: false, health: 0 }
const lost = { unreachable: true, health: 0 }
const lostAndUnwell = { unreachable: true, health: 3 }

let accusations: Accusations
beforeEach(() => {
  accusations = new Accusations({ accusers: 3, memory: 30_000 })
})

const accused = (by: string, { health = 0, at = 0, incarnation = 1 } = {}) => {
  for (const one of by) accusations.accuse('x', one, incarnation, health, at)
}
const verdict = (own = well, members = 10, now = 0) =>
  accusations.verdict('x', 'l', own, members, now)

describe('a verdict', () => {
  test.each([
    ['the leader cannot reach it', '', lost, 10, ['l']],
    ['the leader cannot, and others neither', 'ab', lost, 10, ['l', 'a', 'b']],
    ['an unwell leader alone is doubted', '', lostAndUnwell, 10, undefined],
    ['an unwell leader and one accuser', 'a', lostAndUnwell, 10, ['l', 'a']],
    ['an unwell leader with nobody else to ask', '', lostAndUnwell, 1, ['l']],
    ['two accusers of ten', 'ab', well, 10, undefined],
    ['three accusers of ten', 'abc', well, 10, ['a', 'b', 'c']],
    ['all who could accuse in a small cluster', 'ab', well, 3, ['a', 'b']],
    ['one accuser is never enough against the leader', 'a', well, 2, undefined],
    ['the leader among its own accusers counts once', 'la', well, 3, undefined],
  ])('%s', (_why, by, own, members, accusers) => {
    accused(by)
    expect(verdict(own, members)?.accusers).toEqual(accusers)
  })

  test('does not rest on accusers that are unwell', () => {
    accused('ab')
    accused('c', { health: 3 })
    expect(verdict()).toBeUndefined()
    accused('c', { health: 2 })
    expect(verdict()?.accusers).toEqual(['a', 'b', 'c'])
  })

  test('is about the newest incarnation that somebody lost', () => {
    accused('ab', { incarnation: 4 })
    accused('c', { incarnation: 6 })
    expect(verdict()?.incarnation).toBe(6)
  })
})

describe('an accusation', () => {
  test('is forgotten unless it is renewed', () => {
    accused('abc', { at: 0 })
    accused('a', { at: 20_000 })
    expect(accusations.accusers('x', 30_000)).toEqual(['a', 'b', 'c'])
    expect(accusations.accusers('x', 30_001)).toEqual(['a'])
    expect(accusations.accusers('x', 50_001)).toEqual([])
    expect(accusations.subjects()).toEqual([])
  })

  test('can be taken back, by its accuser alone', () => {
    accused('ab')
    accusations.withdraw('x', 'c')
    accusations.withdraw('x', 'a')
    expect(accusations.accusers('x', 0)).toEqual(['b'])
    accusations.withdraw('x', 'b')
    expect(accusations.subjects()).toEqual([])
  })

  test('is answered by a higher incarnation, not by the same', () => {
    accused('a', { incarnation: 3 })
    accusations.answered('x', 3)
    expect(accusations.accusers('x', 0)).toEqual(['a'])
    accusations.answered('x', 4)
    expect(accusations.subjects()).toEqual([])
  })

  test('of oneself is none', () => {
    accusations.accuse('x', 'x', 1, 0, 0)
    expect(accusations.subjects()).toEqual([])
  })

  test('goes with its subject, and with the term', () => {
    accused('ab')
    accusations.accuse('y', 'a', 1, 0, 0)
    accusations.forget('y')
    expect(accusations.subjects()).toEqual(['x'])
    accusations.clear()
    expect(accusations.subjects()).toEqual([])
  })
})
