import { expect, test } from 'vitest'
import { firstValidation, type Party } from '../../src/cluster/first-validation.ts'

function party(name: string, tag: string | null, change: Partial<Party> = {}): Party {
  return {
    id: name,
    name,
    protocolMin: 1,
    protocolMax: 1,
    version: '0.1.0',
    busy: false,
    ...(tag && { allegiance: { tag, clusterName: `of ${tag}`, epoch: 1, metaVersion: 1 } }),
    ...change,
  }
}

test.each([
  ['two zombies', party('a', null), party('b', null), false, 'welcome'],
  ['an empty node asks an initialised one', party('a', 't'), party('b', null), false, 'welcome'],
  ['an initialised one meets a zombie', party('a', null), party('b', 't'), false, 'welcome'],
  ['two of one cluster', party('a', 't'), party('b', 't'), false, 'welcome'],
  ['two of different clusters', party('a', 't'), party('b', 'u'), false, 'TAG_MISMATCH'],
  ['different clusters, though known', party('a', 't'), party('b', 'u'), true, 'TAG_MISMATCH'],
  ['a busy node and a stranger', party('a', null, { busy: true }), party('b', null), false, 'busy'],
  [
    'a busy node and its partner',
    party('a', null, { busy: true }),
    party('b', null),
    true,
    'welcome',
  ],
  ['a busy peer', party('a', null), party('b', null, { busy: true }), false, 'welcome'],
  [
    'an older peer',
    party('a', null, { protocolMin: 2, protocolMax: 3 }),
    party('b', null),
    true,
    'VERSION_MISMATCH',
  ],
  [
    'a newer peer',
    party('a', null),
    party('b', null, { protocolMin: 2, protocolMax: 2 }),
    true,
    'VERSION_MISMATCH',
  ],
  [
    'ranges that touch',
    party('a', null, { protocolMax: 2 }),
    party('b', null, { protocolMin: 2, protocolMax: 5 }),
    false,
    'welcome',
  ],
  [
    'a busy node and an older peer',
    party('a', null, { busy: true, protocolMin: 2, protocolMax: 2 }),
    party('b', null),
    false,
    'VERSION_MISMATCH',
  ],
])('%s: %s', (_what, self, peer, known, outcome) => {
  const verdict = firstValidation(self, peer, known)
  expect(verdict.outcome === 'rejected' ? verdict.code : verdict.outcome).toBe(outcome)
})

test('a mismatch names both clusters', () => {
  const verdict = firstValidation(party('a', 't'), party('b', 'u'), false)
  expect(verdict).toMatchObject({
    reason: 'a belongs to «of t» (tag t), b to «of u» (tag u)',
  })
})
