import type { StatusReport } from '../api/types.ts'
import { plain } from '../client/paint.ts'
import { renderStatus, widthOf } from './plain.ts'
import { refreshPeriod, StatusSource } from './source.ts'

/**
 * Shows the status until Ctrl-C: live on a terminal; elsewhere each report that differs from the one before, as
 * text or as a line of JSON. Rejects if the first report cannot be had. Answers the last one.
 */
export async function watchStatus(
  agent: { status(): Promise<StatusReport> },
  how: { readonly json: boolean },
): Promise<StatusReport> {
  const first = await agent.status()
  const source = new StatusSource(() => agent.status())
  if (process.stdout.isTTY && process.stdin.isTTY && !how.json) {
    const { showLive } = await import('./live.tsx')
    await showLive(source)
    return source.last ?? first
  }
  const render = how.json ? (report: StatusReport) => JSON.stringify(report) : text
  await printChanges(source, render, interrupted())
  return source.last ?? first
}

/** Prints each rendering that differs from the one before, until `end` resolves. */
export async function printChanges(
  source: StatusSource,
  render: (report: StatusReport) => string,
  end: Promise<unknown>,
  print = (line: string) => void process.stdout.write(`${line}\n`),
): Promise<void> {
  let over = false
  void end.then(() => (over = true))
  let shown = ''
  while (!over) {
    const { report, problem } = await source.next()
    const now = problem ?? (report === null ? '' : render(report))
    if (now !== shown) print(now)
    shown = now
    await Promise.race([end, new Promise(resolve => setTimeout(resolve, refreshPeriod))])
  }
}

function text(report: StatusReport): string {
  return `${renderStatus(report, widthOf(process.stdout), plain)}\n`
}

function interrupted(): Promise<void> {
  return new Promise(resolve => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
}
