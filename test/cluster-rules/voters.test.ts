import { describe, expect, test } from 'vitest'
import { demoteVerdict, promoteVerdict, quorumOf } from '../../src/cluster/voters.ts'

/** `abc|d` a, b, c vote and d observes; `up`: who answers. */
function now(config: string, up: string) {
  const [voters = '', observers = ''] = config.split('|')
  return {
    voters: [...voters],
    observers: [...observers],
    reachable: new Set(up),
    nameOf: (id: string) => id.toUpperCase(),
  }
}

function shown(verdict: ReturnType<typeof promoteVerdict>): string {
  if (!verdict.ok) return verdict.code
  const to = `${verdict.voters.join('')}|${verdict.observers.join('')}`
  return verdict.nothing ? `nothing ${to}` : to
}

test('a quorum is more than half', () => {
  expect([1, 2, 3, 4, 5, 6].map(quorumOf)).toEqual([1, 2, 2, 3, 3, 4])
})

describe('promotion', () => {
  test.each([
    ['abc|', 'abcd', 'd', false, 'abcd|'],
    ['abc|', 'abcd', 'd', true, 'abc|d'],
    ['abc|d', 'abcd', 'd', false, 'abcd|'],
    ['abc|d', 'abcd', 'd', true, 'nothing abc|d'],
    ['abc|d', 'abcde', 'e', true, 'abc|de'],
    ['abc|', 'abc', 'c', false, 'nothing abc|'],
    ['abc|', 'abc', 'c', true, 'REFUSED'],
    ['abc|', 'abc', 'd', false, 'REFUSED'],
    ['abc|', 'ab', 'c', false, 'nothing abc|'],
  ])('of %s with %s up: %s, observer %s: %s', (config, up, id, observer, outcome) => {
    expect(shown(promoteVerdict(now(config, up), id, observer))).toBe(outcome)
  })
})

describe('demotion', () => {
  test.each([
    // Nothing to take away.
    ['abc|', 'abc', 'd', false, 'nothing abc|'],
    ['abc|d', 'abc', 'd', false, 'abc|'],
    // The last vote stays, whatever is forced.
    ['a|', 'a', 'a', false, 'WOULD_BREAK_QUORUM'],
    ['a|', 'a', 'a', true, 'WOULD_BREAK_QUORUM'],
    // Those that remain must be able to decide.
    ['ab|', 'ab', 'b', false, 'a|'],
    ['ab|', 'a', 'a', true, 'WOULD_BREAK_QUORUM'],
    ['ab|', 'a', 'b', false, 'a|'],
    ['abc|', 'ab', 'a', true, 'WOULD_BREAK_QUORUM'],
    // From "one may fail" to "none may": only on purpose.
    ['abc|', 'abc', 'c', false, 'WOULD_BREAK_QUORUM'],
    ['abc|', 'abc', 'c', true, 'ab|'],
    // Nothing is lost by what does not answer anyway.
    ['abc|', 'ab', 'c', false, 'ab|'],
    ['abcd|', 'abcd', 'd', false, 'abc|'],
    ['abcde|', 'abcde', 'e', false, 'abcd|'],
  ])('of %s with %s up: %s, force %s: %s', (config, up, id, force, outcome) => {
    expect(shown(demoteVerdict(now(config, up), id, force))).toBe(outcome)
  })

  test('never leaves fewer answering voters than decide, nor takes another away', () => {
    const all = 'abcde'
    for (let voters = 1; voters < 32; voters++) {
      for (let up = 0; up < 32; up++) {
        const chosen = (mask: number) => [...all].filter((_, i) => mask & (1 << i)).join('')
        for (const force of [false, true]) {
          for (const id of chosen(voters)) {
            const verdict = demoteVerdict(now(`${chosen(voters)}|`, chosen(up)), id, force)
            if (!verdict.ok) continue
            const answering = verdict.voters.filter(v => chosen(up).includes(v)).length
            expect(answering).toBeGreaterThanOrEqual(quorumOf(verdict.voters.length))
            expect([...verdict.voters, id].sort().join('')).toBe(chosen(voters))
          }
        }
      }
    }
  })
})
