import { describe, expect, test } from 'vitest'
import { missingVoters } from '../../src/cluster/missing-voters.ts'
import { removalVerdict } from '../../src/cluster/removal.ts'
import { node, nodesOf } from './nodes.ts'

interface Case {
  voters?: string
  observers?: string
  /** Who answers. */
  up: string
  own?: boolean
  force?: boolean
  phase?: 'ready' | 'failed' | 'drained'
}

function told(
  id: string,
  { voters = 'a b c', observers = '', up, own, force, phase }: Case,
): string {
  const words = (text: string) => text.split(' ').filter(Boolean)
  const all = ['a', 'b', 'c', 'd', 'e', 'f']
  const nodes = nodesOf(
    ...all.map(name => node(name, { id: name, ...(name === id && phase && { phase }) })),
  )
  const verdict = removalVerdict({
    voters: words(voters),
    observers: words(observers),
    reachable: new Set(words(up)),
    nameOf: name => name,
    node: nodes.get(id)!,
    nodes,
    own: own === true,
    force: force === true,
  })
  return verdict.ok
    ? `ok ${verdict.advice}`.trim()
    : `${verdict.code}: ${verdict.message} > ${verdict.remedy}`
}

describe('taking a node out', () => {
  test('a dead one that does not vote', () => {
    expect(told('d', { up: 'a b c', phase: 'failed' })).toBe('ok')
  })

  test('one that is alive is drained first, or goes by itself, or by force', () => {
    const alive = /^REFUSED: d is alive.* > hive drain d first, or hive leave on it; --force/
    expect(told('d', { up: 'a b c d' })).toMatch(alive)
    expect(told('d', { up: 'a b c d', own: true })).toBe('ok')
    expect(told('d', { up: 'a b c d', force: true })).toBe('ok')
    expect(told('d', { up: 'a b c d', phase: 'drained' })).toBe('ok')
  })

  test('a dead voter, and what is left then', () => {
    expect(told('c', { up: 'a b d', phase: 'failed' })).toBe(
      'ok 2 control nodes are left, and the loss of one stops the cluster: hive control promote d',
    )
    expect(told('c', { up: 'a b d e', observers: 'e', phase: 'failed' })).toMatch(/promote e$/)
    expect(told('c', { up: 'a b', phase: 'failed' })).toMatch(/promote NODE$/)
    expect(told('e', { voters: 'a b c d e', up: 'a b c d', phase: 'failed' })).toBe('ok')
  })

  test('never the last, nor one that the quorum needs', () => {
    expect(told('a', { voters: 'a', up: 'a d', own: true })).toBe(
      'WOULD_BREAK_QUORUM: a is the only voter > promote another node first (hive control promote d); a cluster of one ends with hive reset',
    )
    expect(told('a', { voters: 'a b c d e', up: 'a b c', own: true, force: true })).toBe(
      'WOULD_BREAK_QUORUM: without a, 4 voters remain of which 2 answer; 3 are needed > start d, e again, or give votes to others first: hive control promote NODE',
    )
  })

  test('not so that no failure is survived, unless by force', () => {
    expect(told('a', { up: 'a b c f', own: true })).toBe(
      'WOULD_BREAK_QUORUM: without a the cluster survives no failure of a control node (now 1) > hive control promote f first, or use --force',
    )
    expect(told('a', { up: 'a b c f', own: true, force: true })).toMatch(/^ok 2 control nodes/)
  })
})

describe('control nodes that are missing', () => {
  const dead = { phase: 'failed', failedAt: 100 } as const
  const nodes = nodesOf(
    ...['a', 'b', 'd', 'e'].map(id => node(id, { id })),
    node('c', { id: 'c', ...dead }),
  )
  const facts = {
    nodes,
    voters: ['a', 'b', 'c'],
    observers: ['d'],
    reachable: new Set(['a', 'd']),
    after: 1_000,
    lastMove: undefined,
  }

  test('since when, and who gets the vote', () => {
    expect(missingVoters(facts)).toEqual([
      { name: 'b', state: 'unreachable', since: null },
      { name: 'c', state: 'failed', since: 100, heir: 'd', heirFrom: 1_100 },
    ])
  })

  test.each([
    ['no observer', { observers: [] }],
    ['an observer that is silent', { reachable: new Set(['a']) }],
    ['switched off', { after: undefined }],
  ])('nobody gets it: %s', (_, more) => {
    expect(missingVoters({ ...facts, ...more })[1]).toEqual({
      name: 'c',
      state: 'failed',
      since: 100,
    })
  })

  test('not before the time since the last move is over', () => {
    expect(missingVoters({ ...facts, lastMove: 500 })[1]).toMatchObject({ heirFrom: 1_500 })
  })
})
