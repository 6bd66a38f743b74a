import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  maxPolicies,
  type Need,
  parsePolicies,
  parsePolicy,
  permits,
  policyFor,
} from '../../src/base/policy.ts'

const kv = (key: string, write = false, range = false): Need => ({ key, write, range })

describe('policies as text', () => {
  it.each([
    ['read', { kind: 'read' }],
    ['operator', { kind: 'operator' }],
    ['kv:app/:r', { kind: 'kv', prefix: 'app/', write: false }],
    ['kv:app/:rw', { kind: 'kv', prefix: 'app/', write: true }],
    ['kv::r', { kind: 'kv', prefix: '', write: false }],
    ['kv:a:b:rw', { kind: 'kv', prefix: 'a:b', write: true }],
    ['kv:a\nb:r', { kind: 'kv', prefix: 'a\nb', write: false }],
  ])('%j', (text, policy) => {
    expect(parsePolicy(text)).toEqual(policy)
  })

  it.each([
    '',
    'Read',
    'root',
    'kv',
    'kv:',
    'kv:app/',
    'kv:app/:w',
    'kv:app/:rwx',
    'kv:r',
    ' read',
  ])('%j is none', text => {
    expect(parsePolicy(text)).toBeUndefined()
  })

  it('one that this build does not know allows nothing, and no more than a few count', () => {
    expect(parsePolicies(['everything', 'read'])).toEqual([{ kind: 'read' }])
    expect(parsePolicies(Array(100).fill('read'))).toHaveLength(maxPolicies)
    expect(parsePolicy(`kv:${'x'.repeat(600)}:r`)).toBeUndefined()
  })
})

describe('who may what', () => {
  const table: [policies: string[], need: Need, allowed: boolean][] = [
    [[], 'token', true],
    [[], 'read', false],
    [[], 'operator', false],
    [[], kv(''), false],
    [['read'], 'read', true],
    [['read'], 'operator', false],
    [['read'], kv('a'), false],
    [['operator'], 'read', true],
    [['operator'], 'operator', true],
    [['operator'], kv('a', true, true), true],
    [['kv:app/:r'], 'read', false],
    [['kv:app/:r'], 'operator', false],
    [['kv:app/:r'], kv('app/x'), true],
    [['kv:app/:r'], kv('app/'), true],
    [['kv:app/:r'], kv('app'), false],
    [['kv:app/:r'], kv('apple'), false],
    [['kv:app/:r'], kv('app/x', true), false],
    [['kv:app/:rw'], kv('app/x', true), true],
    [['kv:app/:rw'], kv('app/x'), true],
    [['kv:app/:rw'], kv('app/', true, true), true],
    [['kv:app/:rw'], kv('app', true, true), false],
    [['kv:app/:rw'], kv('', true, true), false],
    [['kv:app/:r', 'kv:app/tmp/:rw'], kv('app/tmp/1', true), true],
    [['kv:app/:r', 'kv:app/tmp/:rw'], kv('app/', true, true), false],
    [['kv::rw'], kv('', true, true), true],
    [['kv::rw'], 'operator', false],
  ]
  it.each(table)('%j and %j: %s', (policies, need, allowed) => {
    expect(permits(parsePolicies(policies), need)).toBe(allowed)
  })

  it('a range is allowed exactly when no key that it could ever hold is denied', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é'), maxLength: 5 })
    const policy = fc
      .tuple(text, fc.boolean())
      .map(([prefix, write]) => `kv:${prefix}:${write ? 'rw' : 'r'}`)
    fc.assert(
      fc.property(fc.array(policy, { maxLength: 4 }), text, fc.boolean(), (texts, key, write) => {
        const policies = parsePolicies(texts)
        const may = (one: string) => permits(policies, kv(one, write))
        // No policy has a prefix that long, so one key outside all of them stands for the rest.
        const sample = ['', 'a', 'b', '/', 'é', 'zzzzzz', 'aaaaaaa', '\u{10ffff}'].map(e => key + e)
        expect(permits(policies, kv(key, write, true))).toBe(sample.every(may))
      }),
    )
  })

  it('what is named to who was refused would have done', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), fc.boolean(), fc.boolean(), (key, write, range) => {
        const { policy } = policyFor(kv(key, write, range))
        expect(permits(parsePolicies([policy]), kv(key, write, range))).toBe(true)
      }),
    )
  })
})
