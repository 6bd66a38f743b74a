import type { JoinRequestReport, NewToken, TokenReport } from '../api/token-types.ts'
import { formatTime } from '../client/event-text.ts'
import { type Painter, paintLine, printable } from '../client/paint.ts'
import { tableOf } from './table.ts'

/** Tokens, for people. Pure. */

const tones = {
  alive: 'good',
  expired: 'dim',
  spent: 'dim',
  revoked: 'dim',
  outdated: 'warn',
} as const

export function renderTokens(
  tokens: readonly TokenReport[],
  width: number,
  paint: Painter,
): string {
  if (tokens.length === 0) return 'no tokens'
  const columns = [
    { title: 'ID', least: 12, expendable: 0 },
    { title: 'STATE', least: 7, expendable: 0 },
    { title: 'USED', least: 4, expendable: 0 },
    { title: 'UNTIL', least: 19, expendable: 0 },
    { title: 'FOR', least: 16, expendable: 0 },
    { title: 'NOTE', least: 6, expendable: 1 },
    { title: 'BY', least: 8, expendable: 2 },
  ]
  const plain = (text: string) => ({ text, tone: 'plain' as const })
  const rows = tokens.map(({ id, state, use, used, expires, name, by }) => [
    { text: id, tone: 'strong' as const },
    { text: state, tone: tones[state] },
    plain(use.kind === 'join' ? `${used}/${use.uses}` : '-'),
    plain(expires === null ? 'never' : formatTime(expires)),
    plain(printable(purpose(use))),
    plain(printable(name) || '-'),
    { text: printable(by.replace(/^token:/, 'token ')), tone: 'dim' as const },
  ])
  return tableOf(columns, rows, width)
    .map(line => paintLine(line, paint).trimEnd())
    .join('\n')
}

/** What stands beside a new token, for whoever looks; the token itself stands alone. */
export function renderNewToken({ id, use, expires }: NewToken): string {
  const until = expires === null ? 'for ever' : `until ${formatTime(expires)}`
  if (use.kind === 'api') return `token ${id} counts ${until}; it is not shown again`
  const whom = use.pattern === '*' ? '' : ` called ${use.pattern}`
  const nodes = use.uses === 1 ? `one node${whom}` : `${use.uses} nodes${whom}`
  const roles =
    use.roles.length > 0
      ? ` and gives ${use.uses === 1 ? 'it' : 'them'} ${use.roles.join(', ')}`
      : ''
  return `token ${id} lets in ${nodes}${roles} ${until}; it is not shown again`
}

function purpose(use: TokenReport['use']): string {
  if (use.kind === 'api') return `API: ${use.policies.join(' ')}`
  const roles = use.roles.length > 0 ? ` as ${use.roles.join(', ')}` : ''
  return `nodes ${use.pattern}${roles}`
}

export function renderRequests(
  requests: readonly JoinRequestReport[],
  width: number,
  paint: Painter,
): string {
  if (requests.length === 0) return 'nobody asks to be let in'
  const columns = [
    { title: 'NODE', least: 6, expendable: 0 },
    { title: 'STATE', least: 7, expendable: 0 },
    { title: 'ADDRESS', least: 15, expendable: 0 },
    { title: 'KEY', least: 16, expendable: 0 },
    { title: 'SINCE', least: 19, expendable: 2 },
    { title: 'ROLES', least: 5, expendable: 3 },
    { title: 'TOKEN', least: 12, expendable: 4 },
    { title: 'ID', least: 13, expendable: 1 },
    { title: 'REASON', least: 6, expendable: 5 },
  ]
  const plain = (text: string) => ({ text: printable(text), tone: 'plain' as const })
  const rows = requests.map(r => [
    { text: printable(r.name), tone: 'strong' as const },
    { text: r.state, tone: r.state === 'waits' ? ('warn' as const) : ('dim' as const) },
    plain(r.address),
    plain(r.key?.slice(0, 16) ?? 'none'),
    plain(formatTime(r.since)),
    plain(r.roles.join(', ') || '-'),
    plain(r.token ?? '-'),
    { text: r.id, tone: 'dim' as const },
    plain(r.reason || '-'),
  ])
  return tableOf(columns, rows, width)
    .map(line => paintLine(line, paint).trimEnd())
    .join('\n')
}
