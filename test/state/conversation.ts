import type {
  EventData,
  EventType,
  LoggedEvent,
  RequestId,
  RoleState,
} from '../../src/state/events.ts'
import type { Applied, NodeRecord } from '../../src/state/types.ts'
import { Bench, describeNode, event } from './support.ts'

/**
 * A conversation with a state: blocks of commands, `----`, and what it said. A command is a word, its
 * arguments, and `name=value` options. Commands that make entries:
 *
 *   init NAME NODE… [tag=T]            admit NODE [id=I] [at=HOST:PORT] [roles=A,B] [inc=N] [dc=D]
 *   ready|fail NODE [inc=N] [by=A,B]   update NODE [at=] [dc=] [version=] [inc=]
 *   drain NODE [until=MS]  cancel NODE  drained NODE [forced]  leaving NODE  left NODE
 *   assign|unassign NODE ROLE…         report NODE ROLE STATE [why=W]
 *   set [NAME=VALUE]…                  put KEY VALUE [cas=N] [flags=N]  delete KEY [recurse] [cas=N]
 *   elect                              config voters=A,B [outgoing=…] [observers=…]
 *   later TYPE needs=N
 *
 * any of them with `as=CLIENT:SERIAL:ACKED`. And commands that look or shake:
 *
 *   nodes  tombstones  cluster  control  kv [PREFIX]  index KEY|PREFIX [recurse]  history [FROM]  save  restart  stopped
 */
export class Conversation {
  readonly #bench = new Bench()

  say(line: string): string {
    const [command = '', ...words] = line.trim().split(/\s+/)
    const args = words.filter(word => !/^[a-z]+=/.test(word))
    const options = new Map(
      words
        .filter(word => /^[a-z]+=/.test(word))
        .map(word => {
          const at = word.indexOf('=')
          return [word.slice(0, at), word.slice(at + 1)] as const
        }),
    )
    const look = looks[command]
    if (look) return look(this.#bench, args)
    if (command === 'elect') {
      this.#bench.term++
      return said(this.#bench.entry({ type: 'noop' }))
    }
    if (command === 'config') {
      const config = {
        voters: list(options.get('voters')),
        outgoing: list(options.get('outgoing')),
        learners: list(options.get('observers')),
        learnersNext: [],
      }
      return said(this.#bench.entry({ type: 'config', config }))
    }
    if (command === 'later') {
      const unknown = { type: args[0]!, needs: Number(options.get('needs')) }
      return said(this.#bench.entry({ type: 'data', event: { unknown } }))
    }
    const make = makes[command]
    if (make === undefined) throw new Error(`nobody knows how to ${command}`)
    const [type, data] = make(args, options)
    return said(
      this.#bench.event(
        event(type, data as EventData['KvPut'] & never, requestOf(options.get('as'))),
      ),
    )
  }
}

type Options = ReadonlyMap<string, string>
type Made = { [T in EventType]: [T, EventData[T]] }[EventType]

const makes: Record<string, (args: string[], options: Options) => Made> = {
  init: ([name, ...nodes], options) => [
    'ClusterInitialised',
    {
      tag: options.get('tag') ?? 'tag-1',
      name: name!,
      version: '0.1.0',
      control: nodes.map((node, i) =>
        describeNode(node, { address: { host: `10.0.0.${i + 1}`, port: 4483 } }),
      ),
      settings: {},
    },
  ],
  admit: ([name], o) => [
    'NodeAdmitted',
    {
      node: describeNode(name!, {
        id: o.get('id') ?? `id-${name}`,
        address: address(o.get('at') ?? '10.0.0.9:4483'),
        incarnation: Number(o.get('inc') ?? 1),
        roles: list(o.get('roles')),
        dc: o.get('dc') ?? 'dc1',
      }),
    },
  ],
  ready: ([name], o) => ['NodeReady', { ...id(name), incarnation: Number(o.get('inc') ?? 1) }],
  fail: ([name], o) => [
    'NodeFailed',
    {
      ...id(name),
      incarnation: Number(o.get('inc') ?? 1),
      accusers: list(o.get('by')).map(n => `id-${n}`),
    },
  ],
  update: ([name], o) => [
    'NodeUpdated',
    {
      ...id(name),
      ...(o.has('at') && { address: address(o.get('at')!) }),
      ...(o.has('dc') && { dc: o.get('dc')! }),
      ...(o.has('version') && { version: o.get('version')! }),
      incarnation: Number(o.get('inc') ?? 1),
    },
  ],
  drain: ([name], o) => [
    'NodeDraining',
    {
      ...id(name),
      deadline: o.has('until') ? Number(o.get('until')) : null,
      reason: 'maintenance',
    },
  ],
  cancel: ([name]) => ['NodeDrainCancelled', id(name)],
  drained: ([name, forced]) => ['NodeDrained', { ...id(name), forced: forced === 'forced' }],
  leaving: ([name]) => ['NodeLeaving', id(name)],
  left: ([name]) => ['NodeLeft', { ...id(name), reason: 'asked to' }],
  assign: ([name, ...roles]) => ['RoleAssigned', { ...id(name), roles }],
  unassign: ([name, ...roles]) => ['RoleUnassigned', { ...id(name), roles }],
  report: ([name, role, state], o) => [
    'RoleReported',
    { ...id(name), role: role!, state: state as RoleState, detail: o.get('why') ?? '' },
  ],
  set: (_, o) => [
    'SettingsChanged',
    { settings: Object.fromEntries([...o].filter(([k]) => k !== 'as')) },
  ],
  put: ([key, value = ''], o) => [
    'KvPut',
    {
      key: key!,
      value: Buffer.from(value),
      flags: Number(o.get('flags') ?? 0),
      ...(o.has('cas') && { cas: Number(o.get('cas')) }),
    },
  ],
  delete: ([key, recurse], o) => [
    'KvDelete',
    {
      key: key === "''" ? '' : key!,
      ...(recurse === 'recurse' && { recurse: true }),
      ...(o.has('cas') && { cas: Number(o.get('cas')) }),
    },
  ],
}

const looks: Record<string, (bench: Bench, args: string[]) => string> = {
  nodes: ({ state }) => lines([...state.nodes.values()].map(shownNode)),
  tombstones: ({ state }) =>
    lines([...state.tombstones.values()].map(t => `${t.name} left at ${t.leftAt}: ${t.reason}`)),
  cluster: ({ state: { cluster: c } }) =>
    c === null
      ? 'zombie'
      : `«${c.name}» ${c.tag} epoch ${c.epoch} meta ${c.metaVersion} ${JSON.stringify(c.settings)}`,
  control: ({ state }) =>
    `voters ${state.voters.join(' ')}; observers ${state.observers.join(' ') || 'none'}`,
  kv: ({ state }, [prefix = '']) =>
    lines(
      state.kvList(prefix).map(e => {
        const flags = e.flags === 0 ? '' : ` flags ${e.flags}`
        return `${e.key} = ${Buffer.from(e.value)} (created ${e.createIndex}, modified ${e.modifyIndex}${flags})`
      }),
    ),
  index: ({ state }, [prefix = '', recurse]) =>
    String(state.kvIndex(prefix === "''" ? '' : prefix, recurse === 'recurse')),
  history: ({ state }, [from = '0']) => lines(state.history(Number(from), 100).map(shownEvent)),
  save: bench =>
    lines(
      bench
        .save()
        .map(row => `${row.json === null ? 'drop' : 'keep'} ${row.table}/${row.key}`)
        .sort(),
    ),
  restart: bench => {
    const before = bench.state.fingerprint()
    bench.restart()
    return bench.state.fingerprint() === before ? 'the same' : 'changed'
  },
  stopped: ({ state }) => `${JSON.stringify(state.stopped)} applied ${state.applied}`,
}

function shownNode(node: NodeRecord): string {
  const { name, phase, before, drainDeadline, incarnation, roles, dc, version } = node
  const roleWords = roles.map(r => `${r.name} ${r.state}${r.detail && ` (${r.detail})`}`)
  return [
    `${name}: ${phase}`,
    before && `before ${before}`,
    drainDeadline !== null && `until ${drainDeadline}`,
    `inc ${incarnation}`,
    `${node.address.host}:${node.address.port}`,
    dc !== 'dc1' && dc,
    version !== '0.1.0' && version,
    roleWords.length > 0 && `[${roleWords.join(', ')}]`,
  ]
    .filter(Boolean)
    .join(' ')
}

function shownEvent(e: LoggedEvent): string {
  const second = (e.time % 3_600_000) / 1000
  return `${e.seq} term ${e.term} epoch ${e.epoch} +${second}s ${e.type} ${JSON.stringify(e.data)}`
}

function said({ outcome, event }: Applied): string {
  const shown = event ? ` · ${event.type}` : ''
  if (!outcome.ok) return `${outcome.code}: ${outcome.message}${shown}`
  const value = outcome.value === undefined ? '' : ` ${JSON.stringify(outcome.value)}`
  return `ok ${outcome.index}${value}${shown}`
}

function requestOf(text: string | undefined): RequestId | undefined {
  if (text === undefined) return undefined
  const [client, serial, acked] = text.split(':')
  return { client: client!, serial: Number(serial), acked: Number(acked) }
}

function id(name: string | undefined): { id: string } {
  return { id: `id-${name}` }
}

function list(text: string | undefined): string[] {
  return text ? text.split(',') : []
}

function address(text: string) {
  const [host, port] = text.split(':')
  return { host: host!, port: Number(port) }
}

function lines(all: string[]): string {
  return all.length === 0 ? 'none' : all.join('\n')
}
