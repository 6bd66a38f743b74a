import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { agentVariant } from './agent-variant.ts'
import { expectWell } from './expect-well.ts'
import { planeVariant } from './plane-variant.ts'
import { runScenario } from './scenario.ts'
import { plainDay, settingsFor } from './settings.ts'

/** Seeds that are always run, with those in `lessons.test.ts`. */
const fixedSeeds = [1, 2, 3, 5]
const freshSeeds = 3
const minutes = 1
vi.setConfig({ testTimeout: 120_000 })

describe('whole agents in trouble', () => {
  for (const seed of fixedSeeds) {
    test(`seed ${seed}`, () => expectWell(agentVariant, settingsFor(seed, minutes)))
  }

  // Not near those that are large clusters.
  const today = Date.now() % 1_000_000
  const start = today - (today % 300) + 8 + (today % 280)
  for (let seed = start; seed < start + freshSeeds; seed++) {
    test(`fresh seed ${seed}`, () => expectWell(agentVariant, settingsFor(seed, minutes)))
  }
})

describe('the control plane alone in trouble', () => {
  for (const seed of fixedSeeds) {
    test(`seed ${seed}`, () => expectWell(planeVariant, plainDay(seed, minutes)))
  }
})

test('the same seed is the same run, byte for byte, here and in another process', async () => {
  const settings = settingsFor(11, 0.5)
  const digest = async () => (await runScenario(agentVariant, settings)).digest
  const first = await digest()
  expect(await digest()).toBe(first)
  const run = fileURLToPath(new URL('./run.ts', import.meta.url))
  const args = [run, '--seed', '11', '--minutes', '0.5', '--digest']
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' }).trim()).toBe(first)
  const other = await runScenario(agentVariant, settingsFor(12, 0.5))
  expect(other.digest).not.toBe(first)
})
