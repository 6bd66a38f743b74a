import { beforeEach, describe, expect, it } from 'vitest'
import { ApiTokens, believed, tellJudged } from '../../src/agent/trust/api-tokens.ts'
import type { Answer } from '../../src/net/link-types.ts'
import { apiTokenText, hashOf, newToken } from '../../src/net/security/token.ts'
import type { TokenUse } from '../../src/state/events.ts'
import type { TokenRecord } from '../../src/state/types.ts'
import { ManualClock } from '../net/manual-clock.ts'

/** A leader that knows tokens, and a node that carries no log and asks it. */

let clock: ManualClock
let records: Map<string, TokenRecord>
let heard: number
let reachable: boolean
let asked: number
let held: (() => void)[] | undefined
let dice = 0

const authority = {
  ask(_method: string, body: unknown, _patience: number, done: Answer) {
    asked++
    const { id, hash } = body as { id: string; hash: string }
    const answer = () =>
      reachable
        ? done({ ok: true, body: tellJudged(records.get(id), hash, clock.wall()) })
        : done({ ok: false, code: 'NO_QUORUM', message: 'no leader', remedy: '' })
    if (held) held.push(answer)
    else answer()
  },
}

const parts = { authority, heard: () => heard, inCluster: () => true }
const elsewhere = () => new ApiTokens({ ...parts, clock, plane: () => undefined })
const state = () => ({ tokens: records }) as never
const control = (leads = true) =>
  new ApiTokens({ ...parts, clock, plane: () => ({ state: state(), isLeader: () => leads }) })

function made(over: Partial<TokenRecord> = {}): { text: string; id: string } {
  const { id, secret } = newToken(bytes => new Uint8Array(bytes).fill(++dice))
  const use: TokenUse = { kind: 'api', policies: ['read', 'kv:app/:rw', 'a policy of tomorrow'] }
  records.set(id, {
    ...{ id, hash: hashOf(secret), name: 'ci', expires: null, use, used: 0, revoked: null },
    ...{ by: 'ann', createdAt: 1, time: 0, ...over },
  })
  return { id, text: apiTokenText(id, secret) }
}

const revoke = (id: string) => records.set(id, { ...records.get(id)!, revoked: clock.wall() })

beforeEach(() => {
  clock = new ManualClock()
  records = new Map()
  heard = 1
  reachable = true
  asked = 0
  held = undefined
})

describe.each([
  ['a control node', control],
  ['a node without the log', elsewhere],
])('on %s', (_, node) => {
  it('a token counts with its policies, whichever of them this build knows', async () => {
    const { id, text } = made()
    expect(await node().look(text)).toMatchObject({
      ok: true,
      id,
      name: 'ci',
      policies: [{ kind: 'read' }, { kind: 'kv', prefix: 'app/', write: true }],
    })
  })

  it('says why another does not, without saying what it is', async () => {
    const expired = made({ expires: clock.wall() })
    const revoked = made({ revoked: clock.wall() })
    const joiner = made({ use: { kind: 'join', roles: [], uses: 1, pattern: '*' } })
    const { id, text } = made()
    const forged = text.slice(0, -43) + 'A'.repeat(43)
    const book = node()
    const why = async (token: string) => {
      const found = await book.look(token)
      expect(JSON.stringify(found)).not.toContain(token.slice(-43) || 'nothing')
      return found.ok ? 'it counts' : found.why
    }
    expect(await why(expired.text)).toBe(`token ${expired.id} expired`)
    expect(await why(revoked.text)).toBe(`token ${revoked.id} was revoked`)
    expect(await why(joiner.text)).toContain('lets nodes in')
    for (const wrong of [forged, apiTokenText('0123456789ab', 'A'.repeat(43)), 'x', '', `${text}x`])
      expect(await why(wrong)).toBe('the cluster knows no such token')
    expect(await why(text)).toBe('it counts')
    expect(records.get(id)).toBeDefined()
  })

  it('one that ends, ends at its time', async () => {
    const { text } = made({ expires: clock.wall() + 2_000 })
    const book = node()
    expect(await book.look(text)).toMatchObject({ ok: true })
    clock.advance(2_000)
    expect(await book.look(text)).toMatchObject({ ok: false })
  })
})

describe('a revocation', () => {
  it('counts at once on a control node, leader or not', async () => {
    for (const leads of [true, false]) {
      const book = control(leads)
      const { id, text } = made()
      expect(await book.look(text)).toMatchObject({ ok: true })
      revoke(id)
      expect(await book.look(text)).toMatchObject({ ok: false })
    }
    expect(asked).toBe(0)
  })

  it('counts elsewhere with the next administrative event that is heard of', async () => {
    const { id, text } = made()
    const book = elsewhere()
    await book.look(text)
    revoke(id)
    expect(await book.look(text)).toMatchObject({ ok: true })
    heard++
    expect(await book.look(text)).toMatchObject({ ok: false })
    expect(asked).toBe(2)
  })

  it('and after a few seconds whatever is heard; nothing counts that cannot be asked about', async () => {
    const { id, text } = made()
    const book = elsewhere()
    await book.look(text)
    revoke(id)
    clock.advance(believed - 1)
    expect(await book.look(text)).toMatchObject({ ok: true })
    clock.advance(1)
    expect(await book.look(text)).toMatchObject({ ok: false })
    reachable = false
    clock.advance(believed)
    await expect(book.look(text)).rejects.toMatchObject({ code: 'NO_QUORUM' })
  })
})

describe('questions', () => {
  it('about one that was made a moment ago go to the leader, from a control node too', async () => {
    const { text, id } = made()
    const record = records.get(id)!
    const behind = new ApiTokens({
      ...{ ...parts, clock },
      plane: () => ({ state: { tokens: new Map() } as never, isLeader: () => false }),
    })
    expect(await behind.look(text)).toMatchObject({ ok: true, name: record.name })
    expect(asked).toBe(1)
  })

  it('are asked once at a time for each token, and bounded', async () => {
    held = []
    const { text } = made()
    const book = elsewhere()
    const same = [book.look(text), book.look(text)]
    expect(asked).toBe(1)
    const others = Array.from({ length: 100 }, (_, i) =>
      Promise.resolve(book.look(apiTokenText('0123456789ab', String(i).padEnd(43, 'A')))),
    )
    const settled = Promise.allSettled(others)
    expect(asked).toBe(64)
    for (const answer of held) answer()
    expect(await Promise.all(same)).toMatchObject([{ ok: true }, { ok: true }])
    expect((await settled).filter(one => one.status === 'rejected')).toHaveLength(37)
  })

  it('are not asked by a zombie: no token can count there', async () => {
    const { text } = made()
    const book = new ApiTokens({ ...parts, clock, plane: () => undefined, inCluster: () => false })
    expect(await book.look(text)).toMatchObject({ ok: false })
    expect(asked).toBe(0)
  })
})
