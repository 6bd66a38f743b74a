import type { WhyReport } from '../api/types.ts'
import { formatTime } from './event-text.ts'
import { type Painter, printable } from './paint.ts'
import { laidOut, type Piece } from './wrap.ts'

/** A chain of events, newest last, and what it comes to; `width`: of a terminal. Pure. */
export function renderWhy(report: WhyReport, paint: Painter, width?: number): string {
  const { lines, silent, conclusion, toldBy } = report
  const shown = lines.map(({ seq, time, where, text, actor }) => {
    const number = seq === undefined ? '      -' : String(seq).padStart(7)
    const who = where === undefined ? '' : `${printable(where)} `
    const by: Piece[] =
      actor === undefined || actor === 'raft'
        ? []
        : [{ text: `by ${printable(nameActor(actor))}`, tone: 'dim', whole: true }]
    return laidOut(
      {
        head: `${number}  ${formatTime(time)}  ${who}`,
        painted: `${paint(number, 'dim')}  ${formatTime(time)}  ${who && `${paint(who.trimEnd(), 'strong')} `}`,
        pieces: [{ text: printable(text), tone: 'plain' }, ...by],
      },
      width,
      paint,
    )
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
  const end = laidOut(
    { head: '', painted: '', pieces: [{ text: printable(conclusion), tone: 'strong' }] },
    width,
    paint,
  )
  return [...shown, ...unheard, ...space, end].join('\n')
}

function nameActor(actor: string): string {
  return actor.replace(/^(node|leader|token):/, '$1 ')
}
