import type { DoctorReport, DoctorVerdict } from '../api/doctor-types.ts'
import { type Painter, printable, type Tone } from './paint.ts'

/** Examinations as one reads them: a line for each check, what to do below it. Pure. */
export function renderExaminations(
  reports: readonly DoctorReport[],
  width: number,
  paint: Painter,
): string {
  return reports.map(report => renderExamination(report, width, paint)).join('\n\n')
}

const tones: Readonly<Record<DoctorVerdict, Tone>> = {
  ok: 'good',
  warn: 'warn',
  fail: 'bad',
  skipped: 'dim',
}
const words: Readonly<Record<DoctorVerdict, string>> = {
  ok: 'well',
  warn: 'has something to mend',
  fail: 'is in trouble',
  skipped: 'was not examined',
}

function renderExamination(report: DoctorReport, width: number, paint: Painter): string {
  const { node, verdict, checks } = report
  const names = Math.max(...checks.map(c => c.name.length))
  const indent = 2 + 'skipped'.length + 2 + names + 2
  const lines = checks.flatMap(({ name, verdict, figures, cure }) => {
    const [first = '', ...rest] = folded(printable(figures), width - indent)
    const head = `  ${paint(verdict.padEnd(7), tones[verdict])}  ${name.padEnd(names)}  ${first}`
    const cures = cure === '' ? [] : folded(`→ ${printable(cure)}`, width - indent)
    return [head, ...[...rest, ...cures].map(line => ' '.repeat(indent) + line)]
  })
  return [`${paint(printable(node), 'strong')} ${words[verdict]}`, ...lines].join('\n')
}

/** Broken between words, at most `width` columns, never fewer than a few. */
function folded(text: string, width: number): string[] {
  const most = Math.max(30, width)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > most) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** The worst of several. */
export function worstOf(reports: readonly DoctorReport[]): DoctorVerdict {
  const order: readonly DoctorVerdict[] = ['fail', 'warn', 'ok']
  return order.find(verdict => reports.some(r => r.verdict === verdict)) ?? 'skipped'
}

/** In place of a report of a node that gave none. */
export function unexamined(
  node: string,
  error: { message: string; remedy?: string },
): DoctorReport {
  const { message: figures, remedy: cure = '' } = error
  const check = { name: 'examination', verdict: 'fail' as const, figures, cure }
  return { node, verdict: 'fail', took: 0, checks: [check] }
}
