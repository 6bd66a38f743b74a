import type { CaReport, KeysReport } from '../api/trust-types.ts'
import { formatTime } from '../client/event-text.ts'
import { type Painter, paintLine, printable } from '../client/paint.ts'
import { tableOf } from './table.ts'

/** Authorities, certificates and gossip keys, for people. Pure. */

export function renderCa(
  report: CaReport,
  width: number,
  paint: Painter,
  now = Date.now(),
): string {
  const authorities = report.authorities.map(ca => {
    const part = ca.certifies
      ? paint('certifies', 'good')
      : paint('believed until its last certificate is replaced', 'warn')
    const since = `since ${formatTime(ca.created)}`
    const short = 'authority '.length + ca.fingerprint.length + since.length + 20 > width
    return `authority ${ca.fingerprint}${short ? '\n  ' : '   '}${since}   ${part}`
  })
  const columns = [
    { title: 'NODE', least: 6, expendable: 0 },
    { title: 'UNTIL', least: 19, expendable: 0 },
    { title: 'AUTHORITY', least: 16, expendable: 1 },
    { title: 'SERIAL', least: 8, expendable: 2 },
    { title: '', least: 7, expendable: 0 },
  ]
  const rows = report.certificates.map(({ node, notAfter, authority, serial, removed }) => [
    { text: printable(node), tone: removed ? ('dim' as const) : ('strong' as const) },
    { text: formatTime(notAfter), tone: 'plain' as const },
    { text: authority.slice(0, 16), tone: 'plain' as const },
    { text: serial, tone: 'dim' as const },
    {
      text: removed ? 'removed: refused' : notAfter <= now ? 'expired' : '',
      tone: 'warn' as const,
    },
  ])
  const table = tableOf(columns, rows, width).map(line => paintLine(line, paint).trimEnd())
  return [...authorities, '', ...table].join('\n')
}

export function renderKeys(report: KeysReport, paint: Painter): string {
  const tones = { arriving: 'warn', 'in use': 'good', leaving: 'warn' } as const
  const keys = report.keys.map(
    ({ id, state, seq }) => `gossip key ${id}   ${paint(state, tones[state])}   since event ${seq}`,
  )
  const waits =
    report.waitsFor.length > 0 ? [`waiting for ${report.waitsFor.map(printable).join(', ')}`] : []
  return [...keys, ...waits].join('\n')
}

/** One key, and everybody uses it. */
export function isSettled({ keys }: KeysReport): boolean {
  return keys.length === 1
}
