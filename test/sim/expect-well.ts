import { expect } from 'vitest'
import { runScenario, type Settings, type Variant } from './scenario.ts'
import { Trace } from './trace.ts'

/** Runs a seed to its end. Throws what was wrong with it, the last of what happened, and how to see it again. */
export async function expectWell(variant: Variant, settings: Settings): Promise<void> {
  const trace = new Trace(60)
  const { failure, operations } = await runScenario(variant, settings, trace)
  const again = `npm run sim -- --seed ${settings.seed} --minutes ${settings.minutes}`
  if (failure !== undefined)
    throw new Error(`${failure.message}\n${trace.lines.join('\n')}\nagain: ${again}`)
  expect(operations.ok).toBeGreaterThan(100)
}
