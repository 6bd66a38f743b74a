import type { RestoreAnswer, SnapshotList } from '../api/types.ts'
import type { Difference, Inspection } from '../snapshot/inspect.ts'
import { formatTime } from './event-text.ts'
import { type Painter, printable } from './paint.ts'
import { sizeText } from './transfer.ts'

/** Snapshots for people. Pure. */

export function renderInspection(of: Inspection, paint: Painter): string {
  const { header } = of
  const lines: [string, string][] = [
    ['cluster', `${printable(header.cluster.name)}   tag ${header.cluster.tag}`],
    ['as of', `${formatTime(header.time)}   index ${header.index}, term ${header.term}`],
    ['epoch', `${header.epoch}, meta version ${header.metaVersion}`],
    ['made', `${formatTime(header.taken)} by ${printable(header.node)}, hive ${header.version}`],
    ['nodes', `${of.nodes.length}: ${shortened(of.nodes)}`],
    ['voters', shortened(of.voters)],
    ['keys', `${of.keys}   ${sizeText(of.keyBytes + of.valueBytes)}`],
    ['tokens', String(of.tokens)],
    ['events', `${of.events} administrative ones`],
    ['file', `${sizeText(of.bytes)}, ${of.rows} rows`],
    ['sha-256', of.sum],
  ]
  const out = [paint('The snapshot is whole.', 'good')]
  for (const [name, value] of lines) out.push(`${paint(name.padEnd(8), 'dim')}  ${value}`)
  if (of.prefixes.length > 0) out.push('', paint('largest prefixes', 'strong'))
  const width = Math.max(...of.prefixes.map(p => printable(p.prefix).length))
  for (const { prefix, keys, bytes } of of.prefixes) {
    out.push(
      `  ${printable(prefix).padEnd(width)}  ${String(keys).padStart(8)} ${keys === 1 ? 'key ' : 'keys'}  ${sizeText(bytes).padStart(9)}`,
    )
  }
  return out.join('\n')
}

export function renderDifference(of: Difference, paint: Painter): string {
  const out: string[] = []
  const say = (what: string, keys: readonly string[]) => {
    if (keys.length === 0) return
    out.push(`${paint(`${counted(keys.length)} ${what}:`, 'strong')} ${shortened(keys)}`)
  }
  say('to come back', of.added)
  say('to change', of.changed)
  say('to go', of.removed)
  out.push(`${counted(of.same)} as now`)
  for (const [name, now, then] of of.settings)
    out.push(`setting ${printable(name)}: ${now ?? 'not set'} becomes ${then ?? 'not set'}`)
  out.push(
    paint('Nodes, roles, tokens, certificates and history stay; the epoch rises by 1.', 'dim'),
  )
  return out.join('\n')
}

export function renderSnapshots(of: SnapshotList, paint: Painter): string {
  const out = of.snapshots.map(
    ({ name, bytes, index, taken }) =>
      `${formatTime(taken)}  index ${String(index).padEnd(9)} ${sizeText(bytes).padStart(9)}  ${printable(name)}`,
  )
  if (out.length === 0) out.push('no snapshots yet')
  const every =
    of.every === null
      ? 'none are made by the clock'
      : of.next === null
        ? 'none are made here: this is no control node'
        : `${of.keep} are kept, the next ${formatTime(of.next)}`
  out.push(paint(`${printable(of.node)}: ${of.folder}; ${every}`, 'dim'))
  if (of.failure !== null) out.push(paint(`the last one failed: ${printable(of.failure)}`, 'bad'))
  return out.join('\n')
}

export function renderRestored(answer: RestoreAnswer, paint: Painter): string {
  const { keys, added, changed, removed, index, epoch } = answer
  return [
    `${paint('restored', 'good')} at index ${index}, epoch ${epoch}`,
    `${counted(keys)}: ${added} came back, ${changed} changed; ${removed} went`,
  ].join('\n')
}

function counted(keys: number): string {
  return `${keys} ${keys === 1 ? 'key' : 'keys'}`
}

function shortened(names: readonly string[], most = 8): string {
  const shown = names.slice(0, most).map(printable).join(', ')
  return names.length > most ? `${shown} … and ${names.length - most} more` : shown
}
