import type { WhyReport } from '../api/types.ts'
import { formatTime } from './event-text.ts'
import { type Painter, printable } from './paint.ts'

/** A chain of events, newest last, and what it comes to. Pure. */
export function renderWhy(report: WhyReport, paint: Painter): string {
  const { lines, silent, conclusion, toldBy } = report
  const shown = lines.map(({ seq, time, where, text, actor }) => {
    const number = paint(seq === undefined ? '      -' : String(seq).padStart(7), 'dim')
    const who = where === undefined ? '' : `${paint(printable(where), 'strong')} `
    const by =
      actor === undefined || actor === 'raft'
        ? ''
        : paint(`   by ${printable(actor.replace(/^(node|leader):/, '$1 '))}`, 'dim')
    return `${number}  ${formatTime(time)}  ${who}${printable(text)}${by}`
  })
  const unheard =
    silent.length > 0
      ? [
          paint(
            `! ${silent.map(printable).join(', ')} did not answer: ${silent.length === 1 ? 'its journal is' : 'their journals are'} missing here`,
            'warn',
          ),
        ]
      : []
  if (toldBy !== undefined)
    unheard.push(paint(`! nobody leads: as far as the log of ${printable(toldBy)} goes`, 'warn'))
  const space = shown.length + unheard.length > 0 ? [''] : []
  return [...shown, ...unheard, ...space, paint(printable(conclusion), 'strong')].join('\n')
}
