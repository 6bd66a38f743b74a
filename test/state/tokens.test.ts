import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TokenUse } from '../../src/state/events.ts'
import { stateLimits } from '../../src/state/limits.ts'
import { matches } from '../../src/state/tokens.ts'
import { Bench, describeNode, event, initialised } from './support.ts'

const start = Date.UTC(2026, 0, 1)
const hour = 3_600_000

function bench(): Bench {
  const made = new Bench()
  made.event(initialised)
  return made
}

function create(
  on: Bench,
  id: string,
  more: { expires?: number | null; use?: Partial<TokenUse> } = {},
) {
  const use = { kind: 'join', roles: [], uses: 1, pattern: '*', ...more.use } as TokenUse
  const expires = more.expires === undefined ? start + hour : more.expires
  return on.apply('TokenCreated', { id, hash: `hash ${id}`, name: '', expires, use }).outcome
}

const admit = (on: Bench, name: string, token: string) =>
  on.apply('NodeAdmitted', { node: describeNode(name, { key: `key ${name}` }), token }).outcome

const codeOf = (outcome: { ok: boolean; code?: string }) => (outcome.ok ? 'ok' : outcome.code)

describe('tokens in the agreed state', () => {
  test('are spent by the admission that they make possible, and once for each node', () => {
    const on = bench()
    create(on, 't1', { use: { uses: 2, pattern: 'n?' } as Partial<TokenUse> })
    expect(codeOf(admit(on, 'n4', 't1'))).toBe('ok')
    expect(admit(on, 'n4', 't1')).toMatchObject({ ok: true, value: { repeated: true } })
    expect(on.state.tokens.get('t1')?.used).toBe(1)
    expect(on.state.nodes.get('id-n4')?.token).toBe('t1')
    expect(codeOf(admit(on, 'web', 't1'))).toBe('NAME_REFUSED')
    expect(codeOf(admit(on, 'n5', 't1'))).toBe('ok')
    expect(codeOf(admit(on, 'n6', 't1'))).toBe('TOKEN_SPENT')
    expect(codeOf(admit(on, 'n6', 't9'))).toBe('TOKEN_WRONG')
    expect([...on.state.nodes.keys()]).not.toContain('id-n6')
    on.restart()
    expect(on.state.tokens.get('t1')?.used).toBe(2)
  })

  test('spend nothing where the admission is refused for another reason', () => {
    const on = bench()
    create(on, 't1')
    const taken = describeNode('n1', { id: 'another', key: 'k' })
    expect(codeOf(on.apply('NodeAdmitted', { node: taken, token: 't1' }).outcome)).toBe(
      'NAME_TAKEN',
    )
    expect(on.state.tokens.get('t1')?.used).toBe(0)
  })

  test('expire by the times in the log, and are revoked at once', () => {
    const on = bench()
    create(on, 't1')
    create(on, 't2')
    expect(codeOf(on.apply('TokenRevoked', { id: 't2' }).outcome)).toBe('ok')
    expect(codeOf(on.apply('TokenRevoked', { id: 't3' }).outcome)).toBe('NOT_FOUND')
    expect(codeOf(admit(on, 'n4', 't2'))).toBe('TOKEN_REVOKED')
    const late = event(
      'NodeAdmitted',
      { node: describeNode('n4'), token: 't1' },
      undefined,
      start + hour,
    )
    expect(codeOf(on.event(late).outcome)).toBe('TOKEN_EXPIRED')
    expect(codeOf(create(on, 't4', { expires: null }))).toBe('BAD_REQUEST')
    expect(codeOf(create(on, 't4', { expires: start }))).toBe('TOKEN_EXPIRED')
  })

  test('are bounded: the dead make room, the living do not', () => {
    const on = bench()
    for (let i = 0; i < stateLimits.tokens; i++) create(on, `t${i}`)
    expect(codeOf(create(on, 'more'))).toBe('REFUSED')
    on.apply('TokenRevoked', { id: 't7' })
    expect(codeOf(create(on, 'more'))).toBe('ok')
    expect(on.state.tokens.size).toBe(stateLimits.tokens)
    expect(on.state.tokens.has('t7')).toBe(false)
    const use: TokenUse = { kind: 'api', policies: ['read'] }
    const week = event(
      'TokenCreated',
      { id: 'later', hash: 'h', name: '', expires: null, use },
      undefined,
      start + hour + stateLimits.deadTokens + 1,
    )
    on.event(week)
    expect([...on.state.tokens.keys()]).toEqual(['later'])
  })
})

describe('requests for an operator', () => {
  const ask = (on: Bench, name: string, token?: string) =>
    on.apply('JoinRequested', {
      node: describeNode(name, { key: `key ${name}` }),
      ...(token !== undefined && { token }),
    }).outcome

  test('wait until one admits or refuses; a token that was in time then is in time', () => {
    const on = bench()
    create(on, 't1', { expires: start + 4_000 })
    expect(codeOf(ask(on, 'n4', 't1'))).toBe('ok')
    expect(ask(on, 'n4', 't1')).toMatchObject({ value: { repeated: true } })
    expect(codeOf(ask(on, 'n5', 'none'))).toBe('TOKEN_WRONG')
    const late = event(
      'NodeAdmitted',
      { node: describeNode('n4', { key: 'key n4' }), token: 't1' },
      undefined,
      start + hour,
    )
    expect(codeOf(on.event(late).outcome)).toBe('ok')
    expect(on.state.joinRequests.size).toBe(0)
    expect(on.state.tokens.get('t1')?.used).toBe(1)
  })

  test('that come late ask for nobody: the node has left since, or has asked again', () => {
    const on = bench()
    const asked = (incarnation: number) =>
      codeOf(
        on.apply('JoinRequested', { node: describeNode('n4', { key: 'key n4', incarnation }) })
          .outcome,
      )
    expect(asked(3)).toBe('ok')
    expect(asked(2)).toBe('REFUSED')
    const node = describeNode('n4', { key: 'key n4', incarnation: 4 })
    on.apply('NodeAdmitted', { node })
    on.apply('NodeLeft', { id: node.id, reason: '' })
    expect([asked(3), asked(4), asked(5)]).toEqual(['REFUSED', 'REFUSED', 'ok'])
  })

  test('that were refused stay refused, under that key, and are admitted by another word', () => {
    const on = bench()
    ask(on, 'n4')
    expect(codeOf(on.apply('JoinRefused', { id: 'id-n4', reason: 'no' }).outcome)).toBe('ok')
    expect(ask(on, 'n4')).toMatchObject({
      code: 'JOIN_REFUSED',
      message: expect.stringMatching(/n4: no/),
    })
    expect(codeOf(on.apply('JoinRefused', { id: 'id-n5', reason: '' }).outcome)).toBe('NOT_FOUND')
    const another = { node: describeNode('n4', { key: 'another' }) }
    expect(codeOf(on.apply('JoinRequested', another).outcome)).toBe('IDENTITY_MISMATCH')
    on.restart()
    expect(on.state.joinRequests.get('id-n4')?.refused?.reason).toBe('no')
    const node = describeNode('n4', { key: 'key n4' })
    expect(codeOf(on.apply('NodeAdmitted', { node }).outcome)).toBe('ok')
    expect(on.state.joinRequests.size).toBe(0)
  })

  test('are bounded: those that were refused make room', () => {
    const on = bench()
    for (let i = 0; i < stateLimits.joinRequests; i++) ask(on, `x${i}`)
    expect(codeOf(ask(on, 'more'))).toBe('BUSY')
    on.apply('JoinRefused', { id: 'id-x3', reason: '' })
    expect(codeOf(ask(on, 'more'))).toBe('ok')
    expect(on.state.joinRequests.size).toBe(stateLimits.joinRequests)
  })
})

describe('patterns of names', () => {
  test.each([
    ['*', 'n1', true],
    ['web-*', 'web-1', true],
    ['web-*', 'web', false],
    ['web-?', 'web-12', false],
    ['WEB-*', 'web-1', true],
    ['*-db-*', 'a-db-1-db-2', true],
    ['n1', 'n11', false],
    ['', 'n', false],
    ['*a*b', 'xaxbxb', true],
  ])('%s and %s', (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected)
  })

  test('do what a regular expression does', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 8 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 6 })
    fc.assert(
      fc.property(pattern, letters, (wanted, name) => {
        const source = wanted.replaceAll('?', '.').replaceAll('*', '.*')
        expect(matches(wanted, name)).toBe(new RegExp(`^${source}$`).test(name))
      }),
    )
  })
})
