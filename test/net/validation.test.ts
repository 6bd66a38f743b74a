import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ValidationHandler, Verdict } from '../../src/net/handshake.ts'
import { runHandlers } from '../../src/net/validation.ts'
import { hello } from './arbitraries.ts'

const from = { host: '10.0.0.1', port: 1 }
const [said] = fc.sample(hello, { numRuns: 1, seed: 1 })

test('rules run in order, and the first that is not a welcome decides', () => {
  const asked: string[] = []
  const rule =
    (name: string, verdict: Verdict): ValidationHandler =>
    (greeting, address) => {
      expect([greeting, address]).toEqual([said, from])
      asked.push(name)
      return verdict
    }
  const busy: Verdict = { outcome: 'busy', reason: 'later' }
  const no: Verdict = { outcome: 'rejected', code: 'NAME_TAKEN', reason: 'no' }
  const rules = [rule('a', { outcome: 'welcome' }), rule('b', busy), rule('c', no)]
  expect(runHandlers(rules, said!, from)).toEqual(busy)
  expect(asked).toEqual(['a', 'b'])
  expect(runHandlers([], said!, from)).toEqual({ outcome: 'welcome' })
})
