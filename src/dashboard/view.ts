import type { NodeState, StatusNode, StatusReport } from '../api/types.ts'
import { formatTime } from '../client/event-text.ts'
import { type Line, printable, type Span, type Tone } from '../client/paint.ts'
import { type Cell, type Column, tableOf } from './table.ts'

/**
 * What a status report looks like, as lines of toned text: the same for `hive status`, its live view and
 * `hive dev`. Pure. A tired person reads it top down: is the cluster well, which node is not, what to do.
 */
export interface View {
  readonly headline: readonly Line[]
  readonly nodes: readonly Line[]
  readonly notices: readonly Line[]
}

export function viewOf(report: StatusReport, width: number): View {
  return {
    headline: flow(headlineOf(report), width),
    nodes: report.nodes.length === 0 ? [] : tableOf(columns, rowsOf(report), width),
    notices: noticesOf(report).flatMap(notice => wrap(notice.text, width - 2, notice.tone)),
  }
}

/** All lines of a view, with air between its parts. */
export function linesOf(view: View): Line[] {
  return [view.headline, view.nodes, view.notices]
    .filter(part => part.length > 0)
    .flatMap((part, i) => (i === 0 ? part : [[], ...part]))
}

/** How the cluster fares, for people and for exit codes. */
export type Health = 'healthy' | 'degraded' | 'no quorum'

/** No quorum: fewer voters answer than decisions need. Degraded: it decides, but something is not as it should be. */
export function healthOf(report: StatusReport): Health {
  const { state, quorum } = report.cluster
  // Who has not found its cluster yet does not even know how many decide.
  const unknown = quorum.voters === 0
  if (state !== 'zombie' && (unknown || quorum.reachable < quorum.needed)) return 'no quorum'
  if (state !== 'active' || report.cluster.leader === null) return 'degraded'
  const broken = report.nodes.some(
    node => isBroken(node.state) || node.roles.some(r => r.state === 'failed'),
  )
  return broken || quorum.reachable < quorum.voters ? 'degraded' : 'healthy'
}

const columns: readonly Column[] = [
  { title: 'NAME', least: 12, expendable: 0 },
  { title: 'STATE', least: 11, expendable: 0 },
  { title: 'CONTROL', least: 8, expendable: 0 },
  { title: 'ROLES', least: 12, expendable: 0 },
  { title: 'DC', least: 6, expendable: 2 },
  { title: 'ADDRESS', least: 21, expendable: 1 },
  { title: 'VERSION', least: 7, expendable: 3 },
]

const stateTones: Record<NodeState, Tone> = {
  zombie: 'warn',
  validating: 'warn',
  waiting: 'warn',
  recovering: 'warn',
  ready: 'good',
  draining: 'warn',
  drained: 'dim',
  leaving: 'warn',
  left: 'dim',
  unreachable: 'bad',
  failed: 'bad',
}

function isBroken(state: NodeState): boolean {
  return state === 'failed' || state === 'unreachable'
}

/** The cluster in a row of facts. */
function headlineOf(report: StatusReport): Span[] {
  const { cluster } = report
  if (cluster.state === 'zombie') {
    const seen = report.nodes.length
    return [
      { text: 'zombie', tone: 'warn' },
      { text: 'no cluster yet', tone: 'plain' },
      { text: `${seen} ${seen === 1 ? 'node' : 'nodes'} in sight`, tone: 'plain' },
    ]
  }
  const { voters, needed, reachable } = cluster.quorum
  const quorumTone = reachable < needed ? 'bad' : reachable < voters ? 'warn' : 'plain'
  return [
    { text: printable(cluster.name ?? '?'), tone: 'strong' },
    { text: cluster.state, tone: cluster.state === 'active' ? 'good' : 'bad' },
    cluster.leader === null
      ? { text: 'no leader', tone: 'bad' }
      : { text: `leader ${printable(cluster.leader)}`, tone: 'plain' },
    { text: `term ${cluster.term}`, tone: 'plain' },
    { text: `quorum ${reachable}/${voters}`, tone: quorumTone },
    { text: `epoch ${cluster.epoch}`, tone: 'plain' },
    { text: `meta ${cluster.metaVersion}`, tone: 'plain' },
  ]
}

/** Facts side by side, on as many lines as they need. */
function flow(facts: readonly Span[], width: number): Line[] {
  const between: Span = { text: '   ', tone: 'plain' }
  const lines: Span[][] = []
  let used = width
  for (const fact of facts) {
    const needed = between.text.length + fact.text.length
    if (used + needed > width) {
      lines.push([fact])
      used = fact.text.length
    } else {
      lines.at(-1)!.push(between, fact)
      used += needed
    }
  }
  return lines
}

function rowsOf(report: StatusReport): Cell[][] {
  const watched = new Set(report.watches)
  return [...report.nodes].sort(byName).map(node => {
    const gone = node.state === 'left' || node.state === 'drained'
    const rest: Tone = gone ? 'dim' : 'plain'
    return [
      { text: printable(node.name), tone: node.name === report.self ? 'strong' : rest },
      {
        text: watched.has(node.id) ? `${node.state} *` : node.state,
        tone: stateTones[node.state] ?? 'plain',
      },
      {
        text: node.control === 'none' ? '-' : node.control,
        tone: node.control === 'leader' ? 'strong' : rest,
      },
      rolesCell(node, rest),
      { text: printable(node.dc), tone: rest },
      { text: printable(node.address), tone: rest },
      { text: printable(node.version), tone: rest },
    ]
  })
}

/** A role that runs is its name; any other says how far it is. */
function rolesCell(node: StatusNode, rest: Tone): Cell {
  const words = node.roles.map(r =>
    printable(r.state === 'running' ? r.name : `${r.name} ${r.state}`),
  )
  const failed = node.roles.some(r => r.state === 'failed')
  return { text: words.length === 0 ? '-' : words.join(', '), tone: failed ? 'bad' : rest }
}

function noticesOf(report: StatusReport): { text: string; tone: Tone }[] {
  const { cluster, nodes } = report
  const notices: { text: string; tone: Tone }[] = []
  if (cluster.state === 'zombie' && report.refused === undefined) {
    // One that sees nobody and says why is told to make a cluster of its own last of all.
    if (nodes.length > 1)
      notices.push({ text: 'to make these nodes a cluster: hive init', tone: 'plain' })
    else if (report.notices.length === 0)
      notices.push({ text: 'to make a cluster of this node: hive init', tone: 'plain' })
  }
  const { voters, needed, reachable } = cluster.quorum
  if (cluster.state !== 'zombie' && reachable < needed) {
    const text = `no quorum: ${reachable} of ${voters} control nodes answer, ${needed} are needed; nothing can change until then. Start the missing ones; if they are gone for good: hive recover plan`
    notices.push({ text, tone: 'bad' })
  }
  if (report.stale) {
    notices.push({
      text: `this is what ${report.toldBy ?? report.self} knows itself; it may be old`,
      tone: 'warn',
    })
  }
  if (report.watches !== undefined) {
    const own = `${report.self} watches ${report.watches.length} of ${nodes.length} nodes itself, marked *`
    const text = report.stale ? own : `${own}; of the others this is what the control plane says`
    notices.push({ text, tone: 'plain' })
  }
  notices.push(...missingNotices(report))
  for (const node of [...nodes].sort(byName)) {
    if (node.accusers && node.accusers.length > 0) {
      notices.push({
        text: `${node.name} does not answer ${node.accusers.join(', ')}`,
        tone: 'warn',
      })
    }
    for (const role of node.roles) {
      if (role.state === 'failed') {
        notices.push({
          text: `${node.name}: role ${role.name} failed: ${role.detail ?? 'no reason given'}`,
          tone: 'bad',
        })
      }
    }
  }
  for (const text of report.notices) notices.push({ text, tone: 'warn' })
  return notices
}

/** Control nodes that do not answer: since when, what may still be lost, and what to do. */
function missingNotices({ cluster }: StatusReport): { text: string; tone: Tone }[] {
  const { voters, needed, reachable, missing = [] } = cluster.quorum
  const notices = missing.map(({ name, state, since, heir, heirFrom }) => {
    const failed = since === null ? state : `${state}, since ${formatTime(since)}`
    const told =
      state === 'unreachable'
        ? 'the control plane decides in a moment whether it has failed'
        : heir !== undefined && heirFrom !== undefined
          ? `${heir} gets its vote after ${formatTime(heirFrom)}, if it is not back by then`
          : `start it again, or replace it: hive control promote NODE, then hive node remove ${name}`
    const text = `control node ${name}: ${failed}${reachable < needed ? '' : `; ${told}`}`
    return { text, tone: 'bad' as const }
  })
  if (missing.length === 0 || reachable < needed) return notices
  const more = reachable - needed
  const survives =
    more > 0
      ? `${more} more may be lost`
      : 'none may be lost any more: without one more nothing can be decided'
  const text = `${reachable} of ${voters} control nodes answer, ${needed} are needed; ${survives}`
  return [...notices, { text, tone: more > 0 ? 'warn' : 'bad' }]
}

/** n2 before n10. */
function byName(a: { name: string }, b: { name: string }): number {
  const [x, y] = [a.name, b.name].map(name =>
    name.replace(/\d+/g, digits => digits.padStart(10, '0')),
  )
  return x! < y! ? -1 : x! > y! ? 1 : 0
}

/** A notice on as many lines as it needs, under one mark. */
function wrap(text: string, width: number, tone: Tone): Line[] {
  const lines: string[] = []
  let line = ''
  for (const word of printable(text).split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  lines.push(line)
  return lines.map((part, i) => [{ text: `${i === 0 ? '!' : ' '} ${part}`, tone }])
}
