import { describe, expect, test } from 'vitest'
import { chooseControl, sameInit, validClusterName } from '../../src/cluster/init.ts'

/** `a b c!`: three nodes, of which c is silent. */
const present = (text: string) =>
  text.split(' ').map(word => {
    const name = word.replace('!', '')
    return { id: `id-${name}`, name, alive: !word.endsWith('!') }
  })

const chosen = (text: string, named?: readonly string[]): string => {
  const choice = chooseControl(present(text), named)
  return choice.ok ? choice.ids.map(id => id.slice(3)).join(' ') : choice.code
}

describe('without names', () => {
  test.each([
    ['a', 'a'],
    ['b a', 'a'],
    ['c b a', 'a b c'],
    ['d c b a', 'a b c'],
    ['e d c b a', 'a b c d e'],
    ['g f e d c b a', 'a b c d e'],
    ['a! b c d', 'b c d'],
    ['a! b! c d', 'c'],
  ])('of %s: %s', (here, outcome) => {
    expect(chosen(here)).toBe(outcome)
  })

  test('it says why, and what that survives', () => {
    expect(chooseControl(present('a b c d'), undefined)).toMatchObject({
      why: '3 of 4 present: the largest odd number up to 5, first by name; survives 1 failure',
    })
    expect(chooseControl(present('a b'), [])).toMatchObject({
      why: '1 of 2 present: the largest odd number up to 5, first by name; survives no failure',
    })
  })
})

describe('with names', () => {
  test.each([
    ['a', 'survives no failure'],
    ['a b', 'survives no failure, no more than 1 would'],
    ['a b c', 'survives 1 failure'],
    ['a b c d', 'survives 1 failure, no more than 3 would'],
  ])('of %s it says what that survives', (names, survives) => {
    expect(chooseControl(present(names), names.split(' '))).toMatchObject({
      why: `named by the operator; ${survives}`,
    })
  })

  test.each([
    ['a b c', ['b', 'a'], 'b a'],
    ['a b c', ['id-b', 'b'], 'b'],
    ['a b c', ['a', 'z'], 'UNKNOWN_NODE'],
    ['a b! c', ['a', 'b'], 'INIT_FAILED'],
  ])('of %s, %s: %s', (here, named, outcome) => {
    expect(chosen(here, named)).toBe(outcome)
  })
})

describe('a second init', () => {
  const done = { name: 'prod', control: ['n1', 'n2', 'n3'] }
  test.each([
    [{}, true],
    [{ name: 'prod' }, true],
    [{ control: ['n3', 'n1', 'n2'] }, true],
    [{ control: [] }, true],
    [{ control: ['n1', 'n1', 'n2', 'n3'] }, true],
    [{ name: 'test' }, false],
    [{ control: ['n1', 'n2'] }, false],
    [{ control: ['n1', 'n2', 'n3', 'n4'] }, false],
    [{ control: ['n1', 'n2', 'n4'] }, false],
    [{ name: 'test', control: ['n1', 'n2', 'n3'] }, false],
  ])('%j is the same: %s', (asked, same) => {
    expect(sameInit(done, asked)).toBe(same)
  })
})

test.each([
  ['prod', true],
  ['a', true],
  ['a'.repeat(63), true],
  ['eu-west-1', true],
  ['', false],
  ['a'.repeat(64), false],
  ['-a', false],
  ['a-', false],
  ['Prod', false],
  ['a b', false],
  ['a.b', false],
])('«%s» is a name for a cluster: %s', (name, valid) => {
  expect(validClusterName(name)).toBe(valid)
})
