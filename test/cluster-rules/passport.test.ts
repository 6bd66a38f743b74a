import { describe, expect, test } from 'vitest'
import { expiryNotices, ownExpiry } from '../../src/cluster/expiry.ts'
import { type Known, type Proven, standing } from '../../src/cluster/passport.ts'
import type { CertificateRecord, NodeRecord } from '../../src/state/types.ts'

/** Who is what to whom: a row per case. */

const ours = 'tag-1'
const record = { name: 'n2', key: 'key-2' }
const known = (more: Partial<Known> = {}): Known => ({
  ours,
  record: undefined,
  removed: false,
  certain: true,
  ...more,
})
const node = (more: Partial<Proven> = {}): Proven => ({
  kind: 'node',
  id: 'n2',
  tag: ours,
  key: 'key-2',
  ...more,
})
const holder = (more: Partial<Proven> = {}): Proven => ({
  kind: 'secret',
  id: 'n2',
  key: 'key-2',
  ...more,
})
/** Under such an id nobody is taken for a node. */
const alias = '01980000-0000-8000-8000-000000000001'
const anonymous: Proven = { kind: 'anonymous' }
const zombie = { ours: undefined }

const rows: [string, Proven | undefined, Known, string][] = [
  ['where nothing is proved, everybody is believed', undefined, known(), 'member'],
  ['a member', node(), known({ record }), 'member'],
  ['a member whose key is not known yet', node(), known({ record: { name: 'n2' } }), 'member'],
  ['a certificate of another node', node({ id: 'n3' }), known({ record }), 'IDENTITY_MISMATCH'],
  [
    'a certificate for another key than the agreed one',
    node({ key: 'key-9' }),
    known({ record }),
    'IDENTITY_MISMATCH',
  ],
  ['a certificate of another cluster', node({ tag: 'tag-2' }), known({ record }), 'TAG_MISMATCH'],
  ['a removed node', node(), known({ removed: true, certain: false }), 'REMOVED'],
  ['a node that nobody admitted, where everybody is known', node(), known(), 'REMOVED'],
  ['the same, where news may be on its way', node(), known({ certain: false }), 'member'],
  ['a holder of the secret that is a member', holder(), known({ record }), 'member'],
  [
    'a holder of the secret under the id of a member',
    holder({ key: 'key-9' }),
    known({ record }),
    'IDENTITY_MISMATCH',
  ],
  [
    'a holder of the secret under an id that it does not prove',
    holder({ id: 'n3' }),
    known(),
    'IDENTITY_MISMATCH',
  ],
  ['a holder of the secret from outside', holder(), known(), 'joiner'],
  ['a removed node with the secret', holder(), known({ removed: true }), 'joiner'],
  ['a joiner with a token', anonymous, known(), 'joiner'],
  [
    'a joiner with a token under the id of a member',
    anonymous,
    known({ record }),
    'IDENTITY_MISMATCH',
  ],
  ['zombies among themselves', holder(), known(zombie), 'member'],
  ['a member at a joiner', node(), known(zombie), 'member'],
  ['nobody at a zombie', anonymous, known(zombie), 'UNTRUSTED'],
]

describe('standing', () => {
  test.each(rows)('%s', (_what, proven, what, expected) => {
    const stands = standing(proven === anonymous && !what.record ? alias : 'n2', proven, what)
    expect(stands.as === 'nobody' ? stands.code : stands.as).toBe(expected)
  })
})

test('who proves nothing is nobody under the id of a node, known or not', () => {
  const id = '01980000-0000-7000-8000-000000000001'
  expect(standing(id, anonymous, known())).toMatchObject({ code: 'IDENTITY_MISMATCH' })
  expect(standing(alias, anonymous, known({ record }))).toMatchObject({ as: 'nobody' })
})

describe('certificates that should have been renewed', () => {
  const day = 86_400_000
  const nodes = new Map([['1', { id: '1', name: 'n1' } as NodeRecord]])
  const held = (left: number) =>
    new Map([['1', { id: '1', notBefore: left - 30 * day, notAfter: left } as CertificateRecord]])

  test.each([
    [16 * day, []],
    [8 * day, []],
    [7 * day, ['n1: its certificate ends in 7 days and was not renewed']],
    [5 * 3_600_000, ['n1: its certificate ends in 5 h and was not renewed']],
    [90_000, ['n1: its certificate ends in 1 min and was not renewed']],
    [-1, ['n1: its certificate has expired']],
  ])('%i ms before the end', (left, expected) => {
    const notices = expiryNotices(nodes, held(left), 0)
    expect(notices.map(text => text.replace(/: it needs.*/, ''))).toEqual(expected)
  })

  test('a node that has run out itself says whether it can help itself', () => {
    expect(ownExpiry(true, 'n1')).toMatch(/has expired; it comes by the secret/)
    expect(ownExpiry(false, 'n1')).toMatch(/--secret-file; or .*hive node remove n1 on another/)
  })

  test('of nodes that are gone, or have none, are nobody’s business', () => {
    expect(expiryNotices(new Map(), held(-1), 0)).toEqual([])
    expect(expiryNotices(nodes, new Map(), 0)).toEqual([])
  })
})
