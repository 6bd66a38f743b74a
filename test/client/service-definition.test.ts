import { expect, test } from 'vitest'
import { definitionOf } from '../../src/client/service-definition.ts'

const usual = { interval: '10s', timeout: '5s' }

test('a check has the times that were given', () => {
  expect(definitionOf('db', { ...usual, interval: '1m', check: ['tcp:127.0.0.1:1'] })).toEqual({
    Name: 'db',
    Checks: [{ TCP: '127.0.0.1:1', Interval: '1m', Timeout: '5s' }],
  })
})

test('times that are none are refused, even where no check needs them', () => {
  expect(() => definitionOf('db', { ...usual, interval: '1x' })).toThrow(/--interval: "1x" is not/)
  expect(() => definitionOf('db', { ...usual, timeout: '' })).toThrow(/--timeout: "" is not/)
})
