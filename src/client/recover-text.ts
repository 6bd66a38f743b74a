import type { RecoveryAnswer, RecoveryPlan } from '../api/types.ts'
import { type Painter, printable } from './paint.ts'

/** A rescue as a tired person should read it: who is left, what would happen, what it costs. Pure. */
export function renderPlan(plan: RecoveryPlan, width: number, paint: Painter): string {
  const rows = plan.control.map(node => {
    const { name, votes, answers, epoch, term, lastTerm, lastIndex, commitIndex } = node
    const { leaderless, lastEvent, disk } = node
    return {
      answers,
      cells: [
        printable(name),
        votes ? 'voter' : 'observer',
        !answers ? 'silent' : disk === false ? 'no disk' : 'answers',
        shown(epoch),
        shown(term),
        lastIndex === undefined ? '-' : `${lastIndex} (${lastTerm})`,
        shown(commitIndex),
        age(lastEvent),
        leaderless === null ? 'not yet' : age(leaderless),
      ],
    }
  })
  const titles = [
    'NODE',
    'WAS',
    'IS',
    'EPOCH',
    'TERM',
    'LAST',
    'COMMITTED',
    'LAST EVENT',
    'HAD A LEADER',
  ]
  const widths = titles.map((title, i) =>
    Math.max(title.length, ...rows.map(({ cells }) => cells[i]!.length)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd()
  const table = [
    paint(line(titles), 'dim'),
    ...rows.map(({ answers, cells }) => (answers ? line(cells) : paint(line(cells), 'bad'))),
  ]
  const verdict = plan.possible
    ? `${paint('a rescue is possible', 'warn')}: ${printable(plan.why)}`
    : `${paint('no rescue', 'strong')}: ${printable(plan.why)}`
  if (!plan.possible) return [...table, '', verdict].join('\n')
  const facts = [
    `would lead: ${printable(plan.leader ?? '-')}`,
    `voters: ${listed(plan.voters)}`,
    `without: ${listed(plan.lost)}`,
    `new epoch: ${plan.epoch}`,
  ]
  const costs = plan.consequences.flatMap(text => wrapped(`- ${printable(text)}`, width))
  const summary = wrapped(facts.join('; '), width - 2).map(line => `  ${line}`)
  return [...table, '', verdict, ...summary, '', ...costs].join('\n')
}

export function renderRecovered(answer: RecoveryAnswer): string {
  const { epoch, leader, voters, missing } = answer
  const lines = [`recovered: epoch ${epoch}, ${printable(leader)} leads, voters ${listed(voters)}`]
  if (missing.length > 0) {
    lines.push(`not there yet: ${listed(missing)}; hive control promote NODE once they are ready`)
  }
  if (voters.length < 3) {
    const one = voters.length === 1 ? 'one voter survives' : `${voters.length} voters survive`
    lines.push(`${one} no failure: hive control promote NODE makes it three`)
  }
  return lines.join('\n')
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'nobody' : names.map(printable).join(', ')
}

function shown(value: number | undefined): string {
  return value === undefined ? '-' : String(value)
}

function age(ms: number | null | undefined): string {
  if (ms === undefined || ms === null) return '-'
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s ago`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`
  return `${Math.round(seconds / 86_400)} d ago`
}

/** At most `width` columns, continued under the text. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > Math.max(40, width)) {
      lines.push(line)
      line = `  ${word}`
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}
