import type { ControlAnswer } from '../api/types.ts'
import { printable } from './paint.ts'

/** Who votes and who listens, after a change. */
export function renderControl(answer: ControlAnswer): string {
  const observers =
    answer.observers.length > 0 ? `   observers: ${answer.observers.map(printable).join(', ')}` : ''
  const even = answer.voters.length % 2 === 0 && answer.voters.length > 0
  const advice = even
    ? '\nan odd number of voters is better: one more or one less bears as many failures'
    : ''
  return `voters: ${answer.voters.map(printable).join(', ')}${observers}   meta ${answer.metaVersion}${advice}`
}
