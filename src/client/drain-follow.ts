import type { DrainProgress } from '../api/types.ts'
import type { Millis } from '../base/time.ts'
import type { AgentClient } from './agent-client.ts'
import { renderSteps } from './drain-text.ts'
import { type Painter, printable } from './paint.ts'

const patience: Millis = 20_000

/**
 * Shows a drain until it ends, whichever way. On a terminal the steps are rewritten in place; elsewhere a line
 * is printed for each step that changed. Ctrl-C leaves the drain going and says so.
 */
export async function followDrain(
  agent: AgentClient,
  first: DrainProgress,
  how: { readonly paint: Painter; readonly silent: boolean },
): Promise<DrainProgress> {
  const inPlace = process.stdout.isTTY === true
  const screen = how.silent ? silent : inPlace ? rewriting() : appending()
  const lines = (progress: DrainProgress) =>
    renderSteps(inPlace ? progress : withoutWaiting(progress), how.paint)
  const leave = () => {
    process.stderr.write(
      `\n${first.node} goes on draining; watch it with: hive status, undo with: hive drain ${first.node} --cancel\n`,
    )
    process.exit(130)
  }
  process.once('SIGINT', leave)
  try {
    let progress = first
    for (;;) {
      screen(lines(progress))
      if (progress.state !== 'draining') break
      progress = await agent.drainProgress(first.node, progress.index, patience)
    }
    if (progress.state === 'drained') screen([...lines(progress), conclusion(progress, how.paint)])
    return progress
  } finally {
    process.off('SIGINT', leave)
  }
}

function conclusion({ node, steps }: DrainProgress, paint: Painter): string {
  const drained = `${printable(node)} is drained`
  return steps.some(step => step.state === 'failed')
    ? paint(`${drained}, by its deadline: not everything was handed over`, 'warn')
    : paint(drained, 'good')
}

type Screen = (lines: readonly string[]) => void

const silent: Screen = () => {}

/** Up over what was written, and write anew. */
function rewriting(): Screen {
  let height = 0
  return lines => {
    const up = height > 0 ? `\u001b[${height}A` : ''
    process.stdout.write(`${up}${lines.map(line => `\u001b[2K${line}\n`).join('')}`)
    height = lines.length
  }
}

/** What waits is news only when it begins. */
function withoutWaiting(progress: DrainProgress): DrainProgress {
  return { ...progress, steps: progress.steps.filter(step => step.state !== 'waiting') }
}

function appending(): Screen {
  let before: readonly string[] = []
  return lines => {
    for (const line of lines) if (!before.includes(line)) process.stdout.write(`${line}\n`)
    before = lines
  }
}
