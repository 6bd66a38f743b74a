import { setPriority } from 'node:os'
import { agentVariant } from './agent-variant.ts'
import { type Result, runScenario } from './scenario.ts'
import { settingsFor } from './settings.ts'

/** One process of a campaign: runs the seeds that it is given, one at a time. */
export interface Task {
  readonly seed: number
  readonly minutes: number
}

export interface Report extends Task, Pick<Result, 'virtualMs' | 'events' | 'coverage'> {
  /** What it took of a core, s. */
  readonly cpu?: number
  readonly failure?: string
}

setPriority(15)
// Refusals are everyday here, and where each came from is a cost; a seed that fails is run again alone.
Error.stackTraceLimit = 0

process.on('message', async message => {
  const { seed, minutes } = message as Task
  const before = process.cpuUsage()
  const result = await runScenario(agentVariant, settingsFor(seed, minutes))
  const { virtualMs, events, coverage, failure } = result
  const { user, system } = process.cpuUsage(before)
  const report: Report = {
    ...{ seed, minutes, virtualMs, events, coverage, cpu: (user + system) / 1e6 },
    ...(failure && { failure: failure.message }),
  }
  process.send?.(report)
})
