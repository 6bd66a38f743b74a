import fc from 'fast-check'
import { type EventData, type EventType, eventsVersion } from '../../src/state/events.ts'
import { packEntries } from '../../src/state/restoring.ts'
import type { EntryLike } from '../../src/state/types.ts'
import { describeNode, event, initialised } from './support.ts'

/** Entries that meet each other: few nodes, few keys, few clients, so that everything collides. */

const name = fc.constantFrom('n1', 'n2', 'n3', 'n4', 'n5')
const id = name.map(name => `id-${name}`)
const incarnation = fc.integer({ min: 1, max: 4 })
const role = fc.constantFrom('host', 'dns', 'nginx')
const roles = fc.uniqueArray(role, { maxLength: 2 })
export const key = fc.constantFrom(
  'a',
  'a/',
  'a/b',
  'a/c',
  'a/b/c',
  'b',
  'é',
  '\uffee',
  '😀',
  '😀/x',
  'ab',
)
export const prefix = fc.oneof(key, fc.constantFrom('', 'a/b/', '/', 'z'))
export const value = fc.uint8Array({ maxLength: 3, max: 2 })
const cas = fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined, freq: 2 })

const request = fc.option(
  fc.record({
    client: fc.constantFrom('id-n1/1', 'id-n1/2', 'id-n2/1', 'odd#client'),
    serial: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 60, max: 130 })),
    acked: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(66)),
  }),
  { nil: undefined },
)

const node = fc
  .record({ name, incarnation, roles, id: fc.option(id, { nil: undefined }) })
  .map(({ name, incarnation, roles, id }) =>
    describeNode(name, { incarnation, roles, ...(id && { id }) }),
  )

const ca = fc.constantFrom('ca1', 'ca2', 'ca3')
const restore = fc.constantFrom('r1', 'r2')
const gossipKey = fc.integer({ min: 0, max: 3 })

const token = fc.constantFrom('t1', 't2', 't3')

const states = ['assigned', 'bootstrapping', 'running', 'draining', 'stopped', 'failed'] as const

const data: { [T in Exclude<EventType, 'ClusterInitialised'>]: fc.Arbitrary<EventData[T]> } = {
  NodeAdmitted: fc.record({ node, token }, { requiredKeys: ['node'] }),
  NodeReady: fc.record({ id, incarnation }),
  NodeUpdated: fc.record(
    {
      id,
      incarnation,
      dc: fc.constantFrom('dc1', 'dc2'),
      version: fc.constantFrom('0.1.0', '0.2.0'),
    },
    { requiredKeys: ['id', 'incarnation'] },
  ),
  NodeDraining: fc.record({ id, deadline: fc.constantFrom(null, 5), reason: fc.constant('why') }),
  NodeDrainCancelled: fc.record({ id }),
  NodeDrained: fc.record({ id, forced: fc.boolean() }),
  NodeFailed: fc.record({ id, incarnation, accusers: fc.array(id, { maxLength: 2 }) }),
  VoterReplacing: fc.record({ id, by: id, reason: fc.constant('dead') }),
  NodeLeaving: fc.record({ id }),
  NodeLeft: fc.record({ id, reason: fc.constant('asked') }),
  RoleAssigned: fc.record({ id, roles }),
  RoleUnassigned: fc.record({ id, roles }),
  RoleReported: fc.record({
    id,
    role,
    state: fc.constantFrom(...states),
    detail: fc.constantFrom('', 'why'),
  }),
  ClusterUpgraded: fc.record({ events: fc.integer({ min: 1, max: 9 }) }),
  SettingsChanged: fc.record({
    settings: fc.dictionary(
      fc.constantFrom('a', 'b', 'tombstone-grace'),
      fc.constantFrom('', '1s', '2s'),
    ),
  }),
  TombstonesCollected: fc.record({
    epoch: fc.integer({ min: 1, max: 4 }),
    through: fc.integer({ min: 0, max: 60 }),
  }),
  ClusterRecovered: fc.record({
    epoch: fc.integer({ min: 1, max: 4 }),
    metaVersion: fc.integer({ min: 1, max: 9 }),
    lineage: fc.integer({ min: 1, max: 3 }),
    voters: fc.array(id, { maxLength: 2 }),
    lost: fc.array(id, { maxLength: 2 }),
    reason: fc.constant('fire'),
  }),
  CaCreated: ca.map(name => ({ fingerprint: name, certificate: `c ${name}`, sealedKey: 's' })),
  CaRetired: ca.map(fingerprint => ({ fingerprint })),
  CertificateIssued: fc.record({
    id,
    ca,
    serial: fc.constantFrom('01', '02'),
    fingerprint: fc.constant('f'),
    notBefore: fc.constant(0),
    notAfter: fc.constantFrom(0, 2 ** 41),
  }),
  GossipKeyAdded: fc.record({ id: gossipKey, sealed: fc.constantFrom('s', 't') }),
  GossipKeyUsed: fc.record({ id: gossipKey }),
  GossipKeyDropped: fc.record({ id: gossipKey }),
  TokenCreated: fc.record({
    id: token,
    hash: fc.constantFrom('h', 'i'),
    name: fc.constant(''),
    expires: fc.constantFrom(null, 5, 2 ** 41, Date.UTC(2026, 0, 1) + 30_000),
    use: fc.oneof(
      fc.record({
        kind: fc.constant('join' as const),
        roles,
        uses: fc.integer({ min: 0, max: 2 }),
        pattern: fc.constantFrom('*', 'n?', 'n1', 'x*'),
      }),
      fc.constant({ kind: 'api' as const, policies: ['read'] }),
    ),
  }),
  TokenRevoked: fc.record({ id: token }),
  JoinRequested: fc.record({ node, token }, { requiredKeys: ['node'] }),
  JoinRefused: fc.record({ id, reason: fc.constantFrom('', 'no') }),
  RestoreBegun: fc.record({
    id: restore,
    tag: fc.constant('tag-1'),
    name: fc.constant('prod'),
    index: fc.constant(7),
    taken: fc.constant(5),
    settings: fc.constantFrom<Record<string, string>>({}, { 'tombstone-grace': '1s' }),
  }),
  RestoreAdded: fc.record({
    id: restore,
    part: fc.integer({ min: 0, max: 2 }),
    entries: fc
      .array(fc.record({ key, value, flags: fc.integer({ min: 0, max: 1 }) }), { maxLength: 3 })
      .map(packEntries),
  }),
  RestoreDropped: fc.record({ id: restore, reason: fc.constant('why') }),
  SnapshotRestored: fc.record({
    id: restore,
    parts: fc.integer({ min: 0, max: 2 }),
    keys: fc.integer({ min: 0, max: 3 }),
    name: fc.constant('prod'),
    index: fc.constant(7),
    taken: fc.constant(5),
  }),
  KvPut: fc.record({ key, value, flags: fc.integer({ min: 0, max: 1 }), cas }),
  KvDelete: fc.record({ key: prefix, recurse: fc.boolean(), cas }, { requiredKeys: ['key'] }),
}

const anyData = fc.oneof(
  { weight: 3, arbitrary: fc.constant(initialised) },
  ...Object.entries(data).map(([type, made]) => ({
    weight: type.startsWith('Kv') ? 6 : 1,
    arbitrary: fc
      .tuple(made as fc.Arbitrary<EventData['KvPut']>, request)
      .map(([data, request]) => event(type as 'KvPut', withoutUndefined(data), request)),
  })),
)

export const anyEvent = anyData

const ids = fc.uniqueArray(id, { maxLength: 3 })

type Body = EntryLike extends infer E
  ? E extends EntryLike
    ? Omit<E, 'index' | 'term'>
    : never
  : never

export const anyEntry: fc.Arbitrary<Body> = fc.oneof(
  { weight: 10, arbitrary: fc.constant<Body>({ type: 'noop' }) },
  {
    weight: 5,
    arbitrary: fc.uuid().map<Body>(leader => ({ type: 'noop', leader, cause: 'timeout' })),
  },
  {
    weight: 10,
    arbitrary: fc
      .record({ voters: ids, outgoing: fc.oneof(fc.constant([]), ids), learners: ids })
      .map((config): Body => ({ type: 'config', config: { ...config, learnersNext: [] } })),
  },
  { weight: 200, arbitrary: anyData.map((event): Body => ({ type: 'data', event })) },
  {
    weight: 10,
    arbitrary: fc.constant<Body>({
      type: 'data',
      event: { unknown: { type: 'Later', needs: eventsVersion + 1 } },
    }),
  },
)

function withoutUndefined<T extends object>(from: T): T {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as T
}
