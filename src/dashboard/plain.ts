import type { StatusReport } from '../api/types.ts'
import { type Painter, paintLine } from '../client/paint.ts'
import { linesOf, viewOf } from './view.ts'

/** A report as text for a terminal, a pipe or a file. */
export function renderStatus(report: StatusReport, width: number, paint: Painter): string {
  return linesOf(viewOf(report, width))
    .map(line => paintLine(line, paint))
    .join('\n')
}

/** Columns of the terminal; what does not go to one is not cut. */
export function widthOf(stream: { readonly isTTY?: boolean; readonly columns?: number }): number {
  return stream.isTTY && stream.columns ? stream.columns : 160
}
