import { describe, expect, test } from 'vitest'
import { entrance, type House, requestNotices, type Wish } from '../../src/cluster/entrance.ts'
import type { NodeDescription } from '../../src/state/events.ts'
import type { JoinRequest, NodeRecord, TokenRecord } from '../../src/state/types.ts'

/** Who is let in by what: a row per case. */

const now = 1_000_000
const node: NodeDescription = {
  id: 'id-n4',
  name: 'n4',
  address: { host: '10.0.0.4', port: 4483 },
  dc: 'dc1',
  version: '0.1.0',
  incarnation: 1,
  roles: [],
  key: 'key-4',
}
const token: TokenRecord = {
  id: 't1',
  hash: 'hash-1',
  name: '',
  expires: now + 1,
  use: { kind: 'join', roles: ['host'], uses: 1, pattern: 'n*' },
  used: 0,
  revoked: null,
  by: 'ann',
  createdAt: 5,
  time: 0,
}
const record = (more: Partial<NodeRecord> = {}): NodeRecord => ({
  ...node,
  phase: 'ready',
  before: null,
  drainDeadline: null,
  roles: [],
  admittedAt: 7,
  changedAt: 7,
  ...more,
})
const request = (more: Partial<JoinRequest> = {}): JoinRequest => ({
  ...{ node, requestedAt: 9, since: now, refused: null },
  ...more,
})

interface Facts {
  readonly token?: Partial<TokenRecord>
  readonly nodes?: readonly NodeRecord[]
  readonly asked?: JoinRequest
  readonly settings?: Readonly<Record<string, string>>
}

function house({ token: t, nodes = [], asked, settings = {} }: Facts): House {
  return {
    cluster: { version: '0.1.0', settings, epoch: 2 },
    nodes: new Map(nodes.map(n => [n.id, n])),
    tokens: new Map([['t1', { ...token, ...t }]]),
    joinRequests: new Map(asked ? [[asked.node.id, asked]] : []),
    roles: { requires: role => (role === 'host' ? [] : undefined) },
    wall: now,
  }
}

const shown = { token: { id: 't1', hash: 'hash-1' } }
const byToken: Partial<Wish> = { proved: 'anonymous', ...shown }
const approval = { settings: { 'join-approval': 'yes' } }
const told = { reason: 'no', by: 'ann', time: now }

const rows: [string, Partial<Wish>, Facts, string][] = [
  ['on one machine, where nothing is proved', {}, {}, 'admit'],
  ['with the secret', { proved: 'secret' }, {}, 'admit'],
  ['with a token', byToken, {}, 'admit by t1 as host'],
  ['with the secret and a token', { proved: 'secret', ...shown }, {}, 'admit by t1 as host'],
  ['with nothing', { proved: 'anonymous' }, {}, 'UNTRUSTED'],
  ['with a guess', { ...byToken, token: { id: 't1', hash: 'x' } }, {}, 'TOKEN_WRONG'],
  ['with a token nobody made', { ...byToken, token: { id: 't2', hash: 'x' } }, {}, 'TOKEN_WRONG'],
  [
    'with a guess and the secret',
    { proved: 'secret', token: { id: 't1', hash: 'x' } },
    {},
    'TOKEN_WRONG',
  ],
  [
    'with a token for the API',
    byToken,
    { token: { use: { kind: 'api', policies: [] } } },
    'TOKEN_WRONG',
  ],
  ['too late', byToken, { token: { expires: now } }, 'TOKEN_EXPIRED'],
  ['too many', byToken, { token: { used: 1 } }, 'TOKEN_SPENT'],
  ['with a revoked token', byToken, { token: { revoked: 3 } }, 'TOKEN_REVOKED'],
  ['under another name', { ...byToken, node: { ...node, name: 'x4' } }, {}, 'NAME_REFUSED'],
  ['without its key', { keyObjection: 'no key' }, {}, 'IDENTITY_MISMATCH'],
  [
    'under the name of another',
    byToken,
    { nodes: [record({ id: 'id-9', key: 'k' })] },
    'NAME_TAKEN',
  ],
  [
    'again, never told that it is in',
    byToken,
    { token: { used: 1 }, nodes: [record({ token: 't1' })] },
    'welcome',
  ],
  [
    'again, by a token that let in another',
    byToken,
    { token: { used: 1 }, nodes: [record()] },
    'TOKEN_SPENT',
  ],
  ['again, by a new token', byToken, { nodes: [record()] }, 'welcome'],
  [
    'under the id of a node, with another key',
    byToken,
    { nodes: [record({ key: 'k' })] },
    'IDENTITY_MISMATCH',
  ],
  ['where an operator decides', byToken, approval, 'wait by t1 as host'],
  [
    'where an operator said no',
    {},
    { ...approval, asked: request({ refused: told }) },
    'JOIN_REFUSED',
  ],
  [
    'where an operator said no, and nobody decides any more',
    {},
    { asked: request({ refused: told }) },
    'JOIN_REFUSED',
  ],
  [
    'where somebody with another key asks under that id',
    {},
    { ...approval, asked: request({ node: { ...node, key: 'k' } }) },
    'IDENTITY_MISMATCH',
  ],
  [
    'in time when it asked, and waiting since',
    byToken,
    { ...approval, token: { expires: now }, asked: request({ token: 't1', since: now - 1 }) },
    'wait by t1 as host',
  ],
  ['in this epoch', { epoch: 2 }, {}, 'admit'],
  ['in an epoch that is over: it may have come and left since', { epoch: 1 }, {}, 'BUSY'],
  ['in an epoch that is over, and is in', { epoch: 1 }, { nodes: [record()] }, 'welcome'],
  ['back from an older epoch, and removed', { returning: true }, {}, 'UNKNOWN_NODE'],
]

describe('entrance', () => {
  test.each(rows)('%s', (_what, wish, facts, expected) => {
    const verdict = entrance({ node, returning: false, proved: 'nothing', ...wish }, house(facts))
    const shown =
      verdict.outcome === 'refuse'
        ? verdict.code
        : verdict.outcome === 'welcome'
          ? 'welcome'
          : [
              verdict.outcome,
              verdict.token && `by ${verdict.token}`,
              verdict.node.roles.length > 0 && `as ${verdict.node.roles.join()}`,
            ]
              .filter(Boolean)
              .join(' ')
    expect(shown).toBe(expected)
  })

  test('operators read who waits, and not who was refused', () => {
    const asks = (name: string) => request({ node: { ...node, id: name, name } })
    const all = (...of: JoinRequest[]) => requestNotices(new Map(of.map(r => [r.node.id, r])))
    expect(all()).toEqual([])
    expect(all(request({ refused: told }))).toEqual([])
    expect(all(asks('a'))).toEqual(['a waits to be let in; see hive join-requests'])
    expect(all(...['a', 'b', 'c', 'd', 'e', 'f'].map(asks))).toEqual([
      'a, b, c, d and 2 more wait to be let in; see hive join-requests',
    ])
  })
})
