import type { StatusReport } from '../api/types.ts'
import { formatAddress } from '../base/address.ts'
import type { LoggedEvent } from './agent-client.ts'
import { type Painter, printable, type Tone } from './paint.ts'
import { laidOut } from './wrap.ts'

/** An event of the log on one line that a person can read. Pure. */

/** Names by node id; grows with the nodes that the shown events introduce. */
export type Names = Map<string, string>

export function namesIn(report: StatusReport): Names {
  return new Map(report.nodes.map(node => [node.id, node.name]))
}

/** `   41  2026-11-21 08:11:02  NodeDraining         n3, "kernel update"   by root@h1`; `width`: of a terminal. */
export function renderEvent(
  event: LoggedEvent,
  names: Names,
  paint: Painter,
  width?: number,
): string {
  learn(event, names)
  const seq = String(event.seq).padStart(7)
  const type = event.type.padEnd(19)
  const time = formatTime(event.time)
  const told = printable(tell(event, names))
  const by = `by ${printable(nameActor(event.actor, names))}`
  return laidOut(
    {
      head: `${seq}  ${time}  ${type} `,
      painted: `${paint(seq, 'dim')}  ${time}  ${paint(type, tones[event.type] ?? 'strong')} `,
      pieces: [
        ...(told === '' ? [] : [{ text: told, tone: 'plain' as const }]),
        { text: by, tone: 'dim', whole: true },
      ],
    },
    width,
    paint,
  )
}

/** Local time, without the zone: what the clock on the wall said. */
export function formatTime(time: number): string {
  const date = new Date(time)
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

const tones: Partial<Record<LoggedEvent['type'], Tone>> = {
  NodeFailed: 'bad',
  VoterReplacing: 'warn',
  ClusterRecovered: 'bad',
  TombstonesCollected: 'warn',
  SnapshotRestored: 'warn',
  NodeLeft: 'warn',
  JoinRequested: 'warn',
  JoinRefused: 'warn',
  NodeDraining: 'warn',
  ClusterInitialised: 'good',
  NodeReady: 'good',
}

/** Why there was an election. */
const causes: Readonly<Record<string, string>> = {
  first: 'the first one',
  timeout: 'no leader was heard',
  evidence: 'the process of the leader before was gone',
  transfer: 'handed over by the leader before',
  rescue: 'a lost quorum was rescued',
}

/** An event's data as it arrives: a shape that a newer agent may have changed, so nothing is taken for granted. */
type Data = Readonly<Record<string, unknown>>

function tell(event: LoggedEvent, names: Names): string {
  const data: Data = isObject(event.data) ? event.data : {}
  const who = typeof data.id === 'string' ? nameOf(data.id, names) : ''
  switch (event.type) {
    case 'ClusterInitialised':
      return listed(data.name, labelled('control nodes', described(data.control)))
    case 'NodeAdmitted':
      return listed(described([data.node]).join(''), isText(data.token) && `by token ${data.token}`)
    case 'JoinRequested':
      return listed(
        described([data.node]).join(''),
        isText(data.token) && `with token ${data.token}`,
      )
    case 'JoinRefused':
      return listed(who, isText(data.reason) && `"${data.reason}"`)
    case 'TokenCreated':
      return listed(
        String(data.id),
        isObject(data.use) && purposeOf(data.use),
        typeof data.expires === 'number' && `until ${formatTime(data.expires)}`,
        isText(data.name) && `"${data.name}"`,
      )
    case 'TokenRevoked':
      return String(data.id)
    case 'NodeDraining':
      return listed(who, typeof data.reason === 'string' && data.reason && `"${data.reason}"`)
    case 'NodeDrained':
      return listed(who, data.forced === true && 'by its deadline')
    case 'NodeFailed': {
      const accusers = texts(data.accusers).map(id => nameOf(id, names))
      return listed(who, labelled('accused by', accusers))
    }
    case 'LeaderElected':
      return listed(
        isText(data.leader) && nameOf(data.leader, names),
        who,
        `term ${String(data.term)}`,
        isText(data.cause) && (causes[data.cause] ?? data.cause),
      )
    case 'VoterReplacing':
      return listed(
        isText(data.by) && `${nameOf(data.by, names)} gets the vote of ${who}`,
        data.reason,
      )
    case 'NodeLeft':
      return listed(who, data.reason)
    case 'RoleAssigned':
    case 'RoleUnassigned':
      return [who, texts(data.roles).join(', ')].filter(Boolean).join(': ')
    case 'RoleReported': {
      const state = [data.role, data.state].filter(isText).join(' ')
      return listed([who, state].filter(Boolean).join(': '), data.detail)
    }
    case 'KvPut':
    case 'KvDelete':
      return listed(
        isText(data.key) && `${data.key}${data.recurse === true ? '*' : ''}`,
        condition(data.cas),
      )
    case 'NodeUpdated':
      return listed(
        who,
        isObject(data.address) && `at ${addressOf(data.address)}`,
        isText(data.version) && `hive ${data.version}`,
        isText(data.dc) && data.dc,
        isText(data.key) && `key ${short(data.key)}`,
      )
    case 'CaCreated':
    case 'CaRetired':
      return short(data.fingerprint)
    case 'CertificateIssued':
      return listed(who, typeof data.notAfter === 'number' && `until ${formatTime(data.notAfter)}`)
    case 'GossipKeyAdded':
    case 'GossipKeyUsed':
    case 'GossipKeyDropped':
      return `key ${String(data.id)}`
    case 'TombstonesCollected':
      return `epoch ${String(data.epoch)}, deletions up to ${String(data.through)} forgotten`
    case 'ClusterRecovered': {
      const named = (ids: unknown) => texts(ids).map(id => nameOf(id, names))
      return listed(
        `epoch ${String(data.epoch)}`,
        labelled('voters', named(data.voters)),
        labelled('without', named(data.lost)),
        isText(data.reason) && `"${data.reason}"`,
      )
    }
    case 'SnapshotRestored':
      return listed(
        `${String(data.keys)} keys of ${String(data.name)}`,
        `as of index ${String(data.index)}`,
        typeof data.taken === 'number' && formatTime(data.taken),
      )
    case 'NodeReady':
    case 'NodeDrainCancelled':
    case 'NodeLeaving':
      return who
    case 'SettingsChanged':
      return Object.entries(isObject(data.settings) ? data.settings : {})
        .map(([name, value]) => (value === '' ? `${name}: the default` : `${name} = ${value}`))
        .join(', ')
    default:
      return listed(who, ...rest(data, names))
  }
}

/** What a token is good for. */
function purposeOf(use: Data): string {
  if (use.kind === 'api') return `API: ${texts(use.policies).join(' ')}`
  const roles = texts(use.roles)
  const nodes = `${use.uses === 1 ? 'one node' : `${String(use.uses)} nodes`}`
  const called = isText(use.pattern) && use.pattern !== '*' ? ` called ${use.pattern}` : ''
  return `for ${nodes}${called}${roles.length > 0 ? ` as ${roles.join(', ')}` : ''}`
}

/** Enough of a fingerprint to tell two apart. */
function short(fingerprint: unknown): string {
  return isText(fingerprint) ? fingerprint.slice(0, 16) : ''
}

/** What there is of it, with commas. */
function listed(...parts: readonly unknown[]): string {
  return parts.filter(isText).join(', ')
}

function labelled(label: string, items: readonly string[]): string {
  return items.length > 0 ? `${label} ${items.join(', ')}` : ''
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** What no line of its own was written for: the fields that are plain. */
function rest(data: Data, names: Names): string[] {
  return Object.entries(data)
    .filter(([key, value]) => key !== 'id' && !isNothing(value))
    .map(([key, value]) => `${key} ${plainly(value, names)}`)
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0)
}

function plainly(value: unknown, names: Names): string {
  if (typeof value === 'string') return nameOf(value, names)
  if (Array.isArray(value))
    return value
      .map(one => plainly(one, names))
      .sort()
      .join(' ')
  return JSON.stringify(value)
}

function described(nodes: unknown): string[] {
  const known = Array.isArray(nodes) ? nodes.filter(isObject).filter(node => isText(node.name)) : []
  return known.map(node => `${node.name}${node.address ? ` (${addressOf(node.address)})` : ''}`)
}

function addressOf(address: unknown): string {
  const { host, port } = isObject(address) ? address : {}
  return typeof host === 'string' && typeof port === 'number'
    ? formatAddress({ host, port })
    : String(address)
}

function learn(event: LoggedEvent, names: Names): void {
  const data: Data = isObject(event.data) ? event.data : {}
  const nodes = event.type === 'ClusterInitialised' ? data.control : [data.node]
  for (const node of Array.isArray(nodes) ? nodes : []) {
    if (isObject(node) && typeof node.id === 'string' && typeof node.name === 'string')
      names.set(node.id, node.name)
  }
}

/** An id that nobody introduced is shown by its beginning. */
function nameOf(id: string, names: Names): string {
  return names.get(id) ?? (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(id) ? id.slice(0, 8) : id)
}

/** `node:ID` and `leader:ID` with the name instead. */
function nameActor(actor: string, names: Names): string {
  const colon = actor.indexOf(':')
  return colon < 0 ? actor : `${actor.slice(0, colon)} ${nameOf(actor.slice(colon + 1), names)}`
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(isText) : []
}

function isObject(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What was to hold for it; the log has such a write also where it did not hold, and nothing was changed. */
function condition(cas: unknown): string | false {
  if (typeof cas !== 'number') return false
  return cas === 0 ? 'if it was absent' : `if it was of index ${cas}`
}
