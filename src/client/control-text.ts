import type { ControlAnswer } from '../api/types.ts'
import { printable } from './paint.ts'

/** Who votes and who listens, after a change. Pure. */
export function renderControl(answer: ControlAnswer): string {
  const named = (nodes: readonly string[]) => [...nodes].sort().map(printable).join(', ')
  const observers = answer.observers.length > 0 ? `   observers: ${named(answer.observers)}` : ''
  const even = answer.voters.length % 2 === 0
  const advice = even
    ? '\nan odd number of voters is better: with one less as many may fail, with one more, one more'
    : ''
  return `voters: ${named(answer.voters)}${observers}   meta ${answer.metaVersion}${advice}`
}
