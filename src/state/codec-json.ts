import {
  type EventData,
  type EventType,
  type HiveEvent,
  type NodeDescription,
  roleStates,
  type TokenUse,
} from './events.ts'
import { Fields } from './fields.ts'

/**
 * Administrative events as JSON: rare, and worth reading with the naked eye in a dump. Reading builds
 * each event anew from the fields it knows, in a fixed order, so that every node keeps the same.
 */

const name = 255
const prose = 1024

type JsonType = Exclude<EventType, 'KvPut' | 'RestoreAdded'>

const data: { readonly [T in JsonType]: (f: Fields) => EventData[T] } = {
  ClusterInitialised: f => ({
    tag: f.text('tag', name, 1),
    name: f.text('name', name, 1),
    version: f.text('version', name),
    control: f.list('control', 64, node),
    settings: f.dictionary('settings', 256, 4096),
    ...(f.has('events') && { events: f.count('events') }),
  }),
  ClusterUpgraded: f => ({ events: f.count('events') }),
  NodeAdmitted: f => ({ node: describe(f.fields('node')), ...token(f) }),
  NodeReady: f => ({ id: id(f), incarnation: f.count('incarnation') }),
  NodeUpdated: f => ({
    id: id(f),
    ...(f.has('address') && { address: f.address('address') }),
    ...(f.has('version') && { version: f.text('version', name) }),
    ...(f.has('dc') && { dc: f.text('dc', name) }),
    ...(f.has('key') && { key: f.text('key', name, 1) }),
    incarnation: f.count('incarnation'),
  }),
  NodeDraining: f => ({
    id: id(f),
    deadline: f.isNull('deadline') ? null : f.count('deadline'),
    reason: f.text('reason', prose),
  }),
  NodeDrainCancelled: f => ({ id: id(f) }),
  NodeDrained: f => ({ id: id(f), forced: f.flag('forced') }),
  NodeFailed: f => ({
    id: id(f),
    incarnation: f.count('incarnation'),
    accusers: f.texts('accusers', 256, name),
    ...(f.has('health') && { health: f.counts('health', 256) }),
  }),
  VoterReplacing: f => ({ id: id(f), by: f.text('by', name, 1), reason: f.text('reason', prose) }),
  NodeLeaving: f => ({ id: id(f) }),
  NodeLeft: f => ({ id: id(f), reason: f.text('reason', prose) }),
  RoleAssigned: f => ({ id: id(f), roles: f.texts('roles', 64, name) }),
  RoleUnassigned: f => ({ id: id(f), roles: f.texts('roles', 64, name) }),
  RoleReported: f => ({
    id: id(f),
    role: f.text('role', name, 1),
    state: f.oneOf('state', roleStates),
    detail: f.text('detail', prose),
  }),
  SettingsChanged: f => ({ settings: f.dictionary('settings', 256, 4096) }),
  KvDelete: f => ({
    key: f.text('key', 4096),
    ...(f.has('recurse') && { recurse: f.flag('recurse') }),
    ...(f.has('cas') && { cas: f.count('cas') }),
  }),
  CaCreated: f => ({
    certificate: f.text('certificate', 4096, 1),
    fingerprint: f.text('fingerprint', name, 1),
    sealedKey: f.text('sealedKey', prose, 1),
  }),
  CaRetired: f => ({ fingerprint: f.text('fingerprint', name, 1) }),
  CertificateIssued: f => ({
    id: id(f),
    serial: f.text('serial', name, 1),
    notBefore: f.count('notBefore'),
    notAfter: f.count('notAfter'),
    fingerprint: f.text('fingerprint', name, 1),
    ca: f.text('ca', name, 1),
  }),
  GossipKeyAdded: f => ({ id: f.count('id'), sealed: f.text('sealed', prose, 1) }),
  GossipKeyUsed: f => ({ id: f.count('id') }),
  GossipKeyDropped: f => ({ id: f.count('id') }),
  TokenCreated: f => ({
    id: id(f),
    hash: f.text('hash', name, 1),
    name: f.text('name', name),
    expires: f.isNull('expires') ? null : f.count('expires'),
    use: use(f.fields('use')),
  }),
  TokenRevoked: f => ({ id: id(f) }),
  JoinRequested: f => ({ node: describe(f.fields('node')), ...token(f) }),
  JoinRefused: f => ({ id: id(f), reason: f.text('reason', prose) }),
  TombstonesCollected: f => ({ epoch: f.count('epoch'), through: f.count('through') }),
  ClusterRecovered: f => ({
    epoch: f.count('epoch'),
    metaVersion: f.count('metaVersion'),
    lineage: f.count('lineage'),
    voters: f.texts('voters', 64, name),
    lost: f.texts('lost', 64, name),
    reason: f.text('reason', prose),
  }),
  RestoreBegun: f => ({
    id: id(f),
    tag: f.text('tag', name),
    name: f.text('name', name),
    index: f.count('index'),
    taken: f.count('taken'),
    settings: f.dictionary('settings', 256, 4096),
  }),
  RestoreDropped: f => ({ id: id(f), reason: f.text('reason', prose) }),
  SnapshotRestored: f => ({
    id: id(f),
    parts: f.count('parts'),
    keys: f.count('keys'),
    name: f.text('name', name),
    index: f.count('index'),
    taken: f.count('taken'),
  }),
}

/** All that this build can read. */
export const eventTypes: readonly EventType[] = [
  ...(Object.keys(data) as JsonType[]),
  'KvPut',
  'RestoreAdded',
]

export function knowsJsonType(type: string): type is JsonType {
  return Object.hasOwn(data, type)
}

/** The checked event, of the same content and nothing else. Throws MalformedError. */
export function readEvent(value: unknown, type: JsonType): HiveEvent {
  const f = new Fields(value, 'event')
  const event = {
    v: f.count('v'),
    type,
    time: f.count('time'),
    actor: f.text('actor', name),
    data: data[type](f.fields('data', type)),
    ...(f.has('request') && { request: readRequest(f.fields('request')) }),
  }
  // `data` has the shape of `type`; that the two belong together is beyond what TypeScript follows.
  return event as HiveEvent
}

function readRequest(f: Fields) {
  return { client: f.text('client', name, 1), serial: f.count('serial'), acked: f.count('acked') }
}

function id(f: Fields): string {
  return f.text('id', name, 1)
}

function token(f: Fields): { readonly token?: string } {
  return f.has('token') ? { token: f.text('token', name, 1) } : {}
}

function use(f: Fields): TokenUse {
  const kind = f.oneOf('kind', ['join', 'api'])
  if (kind === 'api') return { kind, policies: f.texts('policies', 64, prose) }
  return {
    kind,
    roles: f.texts('roles', 64, name),
    uses: f.count('uses'),
    pattern: f.text('pattern', name, 1),
  }
}

function node(value: unknown, path: string): NodeDescription {
  return describe(new Fields(value, path))
}

function describe(f: Fields): NodeDescription {
  return {
    id: id(f),
    name: f.text('name', name, 1),
    address: f.address('address'),
    dc: f.text('dc', name),
    version: f.text('version', name),
    incarnation: f.count('incarnation'),
    roles: f.texts('roles', 64, name),
    ...(f.has('key') && { key: f.text('key', name, 1) }),
  }
}
