import { parseArgs } from 'node:util'
import { numberIn, oneOf, runTool, UsageError, wholeIn } from '../../scripts/tool.ts'
import { agentVariant } from './agent-variant.ts'
import { CoverageTable } from './coverage-table.ts'
import { Nemesis } from './nemesis.ts'
import { planeVariant } from './plane-variant.ts'
import { type Result, runScenario, type Settings, type Variant } from './scenario.ts'
import { plainDay, settingsFor } from './settings.ts'
import { Trace } from './trace.ts'

/**
 * `npm run sim -- --seed N --minutes M [--nodes K] [--trace]`: one run; if it fails, its trace.
 * `npm run sim -- --seeds A..B`: a campaign; exit code 1 if any seed fails.
 */
const help = `Simulates a whole cluster from a seed, breaks it, and checks what must never break.

  --seed N         run this seed (default: one from the clock, which is printed)
  --seeds A..B     run all of these, print progress and failures
  --minutes M      cluster time under trouble (default 5)
  --nodes K        3 to 9 (default: what the seed picks, which may be another kind of run)
  --only LIST      kinds of trouble, comma-separated: ${Nemesis.names.join(', ')}; "none": none
  --variant V      agent: whole agents (default); plane: the control plane alone
  --trace          print every line as it happens
  --verbose        with --trace: the agents' debug lines, too
  --tail N         lines of trace to print after a failure (default 400)
  --require-coverage  with --seeds: fail unless every interesting state was reached
  --digest         print the digest only`

const variants: Readonly<Record<string, Variant>> = { agent: agentVariant, plane: planeVariant }

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      minutes: { type: 'string', default: '5' },
      nodes: { type: 'string' },
      only: { type: 'string' },
      variant: { type: 'string' },
      trace: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      tail: { type: 'string', default: '400' },
      'require-coverage': { type: 'boolean', default: false },
      digest: { type: 'boolean', default: false },
    },
  })
  const variant = variants[oneOf('--variant', values.variant ?? 'agent', Object.keys(variants))]!
  const troubles = values.only === 'none' ? [] : values.only?.split(',')
  const only = troubles?.map(name => oneOf('--only', name.trim(), Nemesis.names))
  const minutes = numberIn('minutes', values.minutes, 0.01)
  const nodes = values.nodes === undefined ? undefined : wholeIn('nodes', values.nodes, 3, 9)
  const settingsOf = (seed: number): Settings => ({
    ...(variant.operated ? settingsFor : plainDay)(seed, minutes, nodes),
    ...(only === undefined ? {} : { troubles: only }),
    verbose: values.verbose,
  })
  if (values.seeds !== undefined) {
    return campaign(variant, values.seeds, settingsOf, values['require-coverage'])
  }
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : wholeIn('seed', values.seed, 0)
  if (values.digest) {
    const { digest } = await runScenario(variant, settingsOf(seed))
    return print(digest, 0)
  }
  const again = [`--seed ${seed} --minutes ${minutes}`]
  for (const name of ['nodes', 'only', 'variant'] as const)
    if (values[name] !== undefined) again.push(`--${name} "${values[name]}"`)
  const tail = wholeIn('tail', values.tail, 0)
  return single(variant, settingsOf(seed), values.trace, tail, again.join(' '))
}

async function single(
  variant: Variant,
  settings: Settings,
  live: boolean,
  tail: number,
  again: string,
): Promise<number> {
  const began = performance.now()
  const trace = new Trace(live ? 0 : tail, live ? line => console.log(line) : undefined)
  const result = await runScenario(variant, settings, trace)
  if (result.failure !== undefined && !live) for (const line of trace.lines) console.log(line)
  console.log(summary(result, performance.now() - began))
  if (result.failure === undefined) return 0
  console.log(`\n${result.failure.stack ?? result.failure.message}`)
  console.log(`\nagain: npm run sim -- ${again} --trace`)
  return 1
}

async function campaign(
  variant: Variant,
  range: string,
  settingsOf: (seed: number) => Settings,
  demanding: boolean,
): Promise<number> {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(range) ?? []
  if (from === undefined || to === undefined)
    throw new UsageError(`--seeds: "${range}" must be A..B`)
  let failed = 0
  const table = new CoverageTable()
  for (let seed = Number(from); seed <= Number(to); seed++) {
    const began = performance.now()
    const result = await runScenario(variant, settingsOf(seed))
    table.add(result.coverage)
    if (result.failure !== undefined) failed++
    if (result.failure !== undefined || seed % 10 === 0)
      console.log(summary(result, performance.now() - began))
  }
  const count = Number(to) - Number(from) + 1
  console.log(table.lines().join('\n'))
  const lacking = demanding ? table.missing : []
  if (lacking.length > 0) console.log(`never reached: ${lacking.join(', ')}`)
  const well = failed === 0 && lacking.length === 0
  return print(`${count - failed} of ${count} seeds passed`, well ? 0 : 1)
}

function summary(result: Result, took: number): string {
  const { seed, failure, virtualMs, events, operations, commits, terms, digest } = result
  const facts = [
    `${(virtualMs / 60_000).toFixed(1)} min in ${(took / 1000).toFixed(2)} s`,
    `${events} events`,
    `${operations.ok} ok, ${operations.unknown} unknown`,
    `${commits} commits in ${terms} terms`,
    digest,
  ]
  const verdict = failure === undefined ? 'ok' : `FAILED ${failure.message.split('\n')[0]}`
  return `seed ${seed}: ${verdict} (${facts.join('; ')})`
}

function print(text: string, code: number): number {
  console.log(text)
  return code
}

await runTool(help, main)
