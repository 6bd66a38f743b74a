import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Edn, keyword, readEdn, writeEdn } from './edn.ts'
import { jepsenHistory, type Recorded } from './histories.ts'

const { value } = fc.letrec<{ value: Edn }>(tie => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.string({ unit: 'grapheme' }),
    fc.stringMatching(/^[a-z][a-z0-9-]{0,5}$/).map(keyword),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.uniqueArray(fc.integer(), { maxLength: 4 }).map(items => new Set<Edn>(items)),
    fc
      .uniqueArray(fc.string(), { maxLength: 4 })
      .chain(keys => fc.tuple(...keys.map(key => fc.tuple(fc.constant(key), tie('value')))))
      .map(pairs => new Map<Edn, Edn>(pairs)),
  ),
}))

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.array(value), forms => {
      // -0 is written as 0.
      const sane = forms.filter(form => !Object.is(form, -0))
      expect(readEdn(sane.map(writeEdn).join('\n'))).toEqual(sane)
    }),
    { seed: 3 },
  )
})

test('is written as Clojure prints it', () => {
  const map = new Map<Edn, Edn>([
    [keyword('f'), keyword('txn')],
    [
      keyword('value'),
      [
        [keyword('append'), 'k', 1],
        [keyword('r'), 'k', null],
      ],
    ],
  ])
  expect(writeEdn(map)).toBe('{:f :txn, :value [[:append "k" 1] [:r "k" nil]]}')
  expect(writeEdn(new Set([1, 2]))).toBe('#{1 2}')
  expect(writeEdn('a "b"\n\\ \u0001\b')).toBe('"a \\"b\\"\\n\\\\ \\u0001\\u0008"')
  expect(() => writeEdn(0.5)).toThrow()
})

test('what is not EDN is refused', () => {
  for (const bad of ['[1', ']', '{:a}', '1.5', '"a', '#{1]', '(1)', '#inst "2026"'])
    expect(() => readEdn(bad), bad).toThrow()
})

test('a history has calls and ends in order of time, numbered', () => {
  const base = { process: 0, f: 'read', asked: null, told: null, outcome: 'ok' as const }
  const operations: Recorded[] = [
    { ...base, f: 'write', asked: 1, told: 1, invoked: 0.5, returned: 2 },
    { ...base, process: 1, told: 1, invoked: 1, returned: 3 },
    {
      ...base,
      process: 2,
      f: 'cas',
      asked: [1, 2],
      told: [1, 2],
      invoked: 4,
      returned: 5,
      outcome: 'info',
    },
    { ...base, process: 3, invoked: 6, returned: undefined },
  ]
  expect(jepsenHistory(operations)).toBe(
    [
      '{:process 0, :type :invoke, :f :write, :value 1, :time 500000, :index 0}',
      '{:process 1, :type :invoke, :f :read, :value nil, :time 1000000, :index 1}',
      '{:process 0, :type :ok, :f :write, :value 1, :time 2000000, :index 2}',
      '{:process 1, :type :ok, :f :read, :value 1, :time 3000000, :index 3}',
      '{:process 2, :type :invoke, :f :cas, :value [1 2], :time 4000000, :index 4}',
      '{:process 2, :type :info, :f :cas, :value [1 2], :time 5000000, :index 5}',
      '{:process 3, :type :invoke, :f :read, :value nil, :time 6000000, :index 6}',
      '{:process 3, :type :info, :f :read, :value nil, :time 6000000, :index 7}',
      '',
    ].join('\n'),
  )
  expect(readEdn(jepsenHistory(operations))).toHaveLength(8)
})
