import { describe, expect, test } from 'vitest'
import type { Identity } from '../../src/agent/trust/identity.ts'
import { parseIdentity } from '../../src/agent/trust/identity.ts'
import { Security } from '../../src/agent/trust/security.ts'
import { OperatorError } from '../../src/base/errors.ts'
import { realNotary } from '../../src/net/security/notary.ts'
import {
  apiTokenText,
  hashOf,
  joinTokenText,
  newToken,
  parseApiToken,
  parseJoinToken,
} from '../../src/net/security/token.ts'

/** What a node has to show, and tokens as text. */

const notary = realNotary()
const made = newToken(bytes => notary.random(bytes))
const token = { tag: '01980000-0000-7000-8000-000000000001', ca: 'ab'.repeat(32), ...made }

function node(given?: typeof token) {
  const disk: { identity?: string } = {}
  const store = {
    read: () => (disk.identity ? parseIdentity(disk.identity) : undefined),
    write: (identity: Identity) => {
      disk.identity = JSON.stringify(identity)
    },
  }
  const boot = () => new Security({ notary, store, loopback: true, ...(given && { token: given }) })
  return { boot, disk }
}

describe('a node with a token', () => {
  test('keeps what an operator gave it over a restart, and gives it up when told to come without', () => {
    const { boot } = node()
    const before = boot()
    expect([before.open, before.incognito]).toEqual([true, false])
    before.expect(token)
    const after = boot()
    expect([after.open, after.incognito, after.token]).toEqual([false, true, token])
    expect(after.credentials.token).toEqual({ authority: token.ca })
    after.expect(undefined)
    expect([boot().open, boot().token]).toEqual([true, undefined])
  })

  test('goes back to the one that it was started with when it becomes another node', () => {
    const { boot } = node(token)
    const security = boot()
    security.expect({ ...token, ca: 'cd'.repeat(32) })
    security.forget(true)
    expect(security.token).toEqual(token)
  })
})

describe('tokens as text', () => {
  test('are read as they were written, spaces around them or not', () => {
    expect(parseJoinToken(` ${joinTokenText(token)}\n`)).toEqual(token)
    expect(parseApiToken(apiTokenText(made.id, made.secret))).toEqual(made)
    expect(hashOf(made.secret)).toMatch(/^[0-9a-f]{64}$/)
  })

  const text = joinTokenText(token)
  test.each([
    ['nothing', ''],
    ['something else', 'hunter2-hunter2'],
    ['cut off', text.slice(0, -20)],
    ['of the API', apiTokenText(made.id, made.secret)],
    ['of a newer hive', `hive1.${Buffer.from('{"v":2}').toString('base64url')}`],
    ['no object', `hive1.${Buffer.from('null').toString('base64url')}`],
    ['endless', `hive1.${'A'.repeat(5000)}`],
    ['with another id', joinTokenText({ ...token, id: '../x' })],
  ])('%s is refused, and not quoted', (_what, wrong) => {
    let error: unknown
    try {
      parseJoinToken(wrong)
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(OperatorError)
    expect(error).toMatchObject({ code: 'TOKEN_WRONG' })
    if (wrong !== '') expect(String(error)).not.toContain(wrong)
  })

  test('for the API, and nothing else, are tokens for the API', () => {
    for (const wrong of [text, '', 'hive1api.x', `${apiTokenText(made.id, made.secret)}.more`])
      expect(parseApiToken(wrong)).toBeUndefined()
  })
})
