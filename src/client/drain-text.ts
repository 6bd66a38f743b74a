import type { DrainProgress, DrainVerdict } from '../api/types.ts'
import { type Painter, printable, type Tone } from './paint.ts'

/** What a drain looks like on a terminal. Pure. */

const marks = {
  ok: ['ok     ', 'good'],
  warn: ['warning', 'warn'],
  refuse: ['refused', 'bad'],
} as const

export function renderVerdict(verdict: DrainVerdict, paint: Painter): string {
  const lines = verdict.lines.map(({ level, text }) => {
    const [mark, tone] = marks[level] ?? ['', 'plain']
    return `  ${paint(mark, tone)}  ${printable(text)}`
  })
  const may = verdict.allowed
    ? paint('can be drained', 'good')
    : paint('should not be drained', 'bad')
  const hint = verdict.allowed ? [] : [paint('  to drain it all the same: --force', 'dim')]
  return [`${paint(printable(verdict.node), 'strong')} ${may}`, ...lines, ...hint].join('\n')
}

const steps: Record<DrainProgress['steps'][number]['state'], readonly [string, Tone]> = {
  waiting: ['waiting', 'dim'],
  running: ['running', 'warn'],
  done: ['done   ', 'good'],
  failed: ['failed ', 'bad'],
}

export function renderSteps(progress: DrainProgress, paint: Painter): string[] {
  return progress.steps.map(step => {
    const [mark, tone] = steps[step.state] ?? [step.state, 'plain']
    const detail = step.detail === '' ? '' : paint(`   ${printable(step.detail)}`, 'dim')
    return `  ${paint(mark, tone)}  ${printable(step.what)}${detail}`
  })
}
