import { execFile } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { parseArgs } from 'node:util'
import { numberIn, runTool, UsageError, wholeIn } from '../../scripts/tool.ts'
import { checkerOf } from './checker.ts'
import { type Mutant, mutants } from './mutants.ts'
import { mutated, root } from './patch.ts'
import type { Verdict } from './trial.ts'

/** `npm run mutants`: each deliberate bug in turn, until a seed of the simulator or the test named for it complains. */
const help = `Switches deliberate bugs on, one at a time, and lets the simulator look for them.

  --only TEXT     those whose name has this in it
  --seeds N       give up after so many seeds (default 200)
  --from S        the first seed (default 1)
  --minutes M     cluster time under trouble, per seed (default 1)
  --patience S    give up after so many seconds of computing (default 300)
  --jobs J        processes (default 2)
  --record FILE   outcomes are kept there; those that were caught are not tried again, others not by seeds if a test is named
  --write         put the table into docs/reliability.md

Exit code 1 if a bug was not caught.`

interface Outcome {
  readonly name: string
  readonly by: string
  readonly after: string
  readonly complaint: string
  readonly caught: boolean
}

/** Times its patience that a process may take before it is given up: others have the machine, or it hangs. */
const hangs = 10

interface Plan {
  readonly from: number
  readonly seeds: number
  readonly minutes: number
  readonly patience: number
}

/** `before`: seeds have not found it already. */
async function tried(mutant: Mutant, plan: Plan, before: Outcome | undefined): Promise<Outcome> {
  const { unit } = mutant
  if (unit === undefined) return simulated(mutant, plan)
  if (unit.blind) return tested(mutant, unit, plan, `seeds cannot see it: ${unit.why}`)
  const seen = before ?? (await simulated(mutant, plan))
  if (seen.caught) return seen
  return tested(mutant, unit, plan, `${seen.after}: ${unit.why}`)
}

async function simulated(mutant: Mutant, plan: Plan): Promise<Outcome> {
  const patch = new URL('./patch.ts', import.meta.url).href
  const { from, seeds: most, minutes, patience } = plan
  const numbers = [from, most, minutes, patience].map(String)
  const args = ['--import', patch, 'test/mutants/trial.ts', ...numbers]
  const { out, took } = await run(process.execPath, args, mutant, patience * hangs)
  const line = out.trim().split('\n').at(-1)!
  if (!line.startsWith('{'))
    return {
      name: mutant.name,
      by: '',
      after: `${took} s`,
      complaint: line.slice(0, 200),
      caught: false,
    }
  const { seeds, tried, seconds, complaint } = JSON.parse(line) as Verdict
  const caught = seeds !== undefined
  const after = caught
    ? `${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ${seconds.toFixed(0)} s`
    : `not in ${tried} seeds, ${seconds.toFixed(0)} s`
  return { name: mutant.name, by: caught ? checkerOf(complaint) : '', after, complaint, caught }
}

async function tested(
  mutant: Mutant,
  unit: NonNullable<Mutant['unit']>,
  plan: Plan,
  why: string,
): Promise<Outcome> {
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/mutants/vitest.config.ts',
  ]
  const { errors, took, code } = await run(
    process.execPath,
    [...args, unit.file],
    mutant,
    plan.patience * hangs,
  )
  const failed = /FAIL\s+(.*)/.exec(errors)?.[1] ?? ''
  const caught = code === 1 && failed !== ''
  const by = caught ? `${testNamed(failed)} (${why})` : ''
  return { name: mutant.name, by, after: `${took} s`, complaint: failed, caught }
}

function run(
  command: string,
  args: readonly string[],
  mutant: Mutant,
  patience: number,
): Promise<{ out: string; errors: string; took: string; code: number }> {
  const began = performance.now()
  return new Promise(resolve => {
    const env = { ...process.env, HIVE_MUTANT: mutant.name, NO_COLOR: '1' }
    const options = { cwd: root, env, timeout: patience * 1000, maxBuffer: 64 * 2 ** 20 }
    execFile(command, args, options, (error, stdout, stderr) => {
      const took = ((performance.now() - began) / 1000).toFixed(0)
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ out: stdout.trim() === '' ? stderr : stdout, errors: stderr, took, code })
    })
  })
}

/** As a cell of a table can have it. */
function testNamed(failed: string): string {
  return failed.trim().slice(0, 120).replaceAll('|', '/')
}

/** The latest of each. */
function recorded(file: string | undefined): Map<string, Outcome> {
  if (file === undefined || !existsSync(file)) return new Map()
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  const outcomes = lines.map(line => JSON.parse(line) as Outcome)
  return new Map(outcomes.map(outcome => [outcome.name, outcome]))
}

function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(
    ({ name, by, after, caught }) => `| ${name} | ${caught ? by : '**not caught**'} | ${after} |`,
  )
  return ['| deliberate bug | caught by | after |', '|---|---|---|', ...rows].join('\n')
}

function write(table: string): void {
  const file = `${root}docs/reliability.md`
  const [begin, end] = ['<!-- mutants -->', '<!-- /mutants -->']
  const text = readFileSync(file, 'utf8')
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from)
    throw new Error(`${file} has no place for the table: ${begin} … ${end}`)
  writeFileSync(file, `${text.slice(0, from + begin.length)}\n${table}\n${text.slice(to)}`)
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      seeds: { type: 'string', default: '200' },
      from: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '1' },
      patience: { type: 'string', default: '300' },
      jobs: { type: 'string', default: '2' },
      record: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  })
  const plan: Plan = {
    from: wholeIn('from', values.from, 0),
    seeds: wholeIn('seeds', values.seeds, 1),
    minutes: numberIn('minutes', values.minutes, 0.01),
    patience: wholeIn('patience', values.patience, 1),
  }
  const jobs = wholeIn('jobs', values.jobs, 1)
  setPriority(Math.max(getPriority(), 5))
  const chosen = mutants.filter(m => m.name.includes(values.only))
  if (chosen.length === 0)
    throw new UsageError(`--only: no deliberate bug has "${values.only}" in its name`)
  // Loudly, and before hours are spent: every bug still fits the code.
  for (const mutant of mutants) mutated(mutant, readFileSync(root + mutant.file, 'utf8'))
  const outcomes = recorded(values.record)
  const waiting = chosen.filter(m => outcomes.get(m.name)?.caught !== true)
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const outcome = await tried(mutant, plan, outcomes.get(mutant.name))
      outcomes.set(mutant.name, outcome)
      if (values.record) appendFileSync(values.record, `${JSON.stringify(outcome)}\n`)
      const { caught, by, after, complaint } = outcome
      console.log(
        `${caught ? 'caught ' : 'MISSED '} ${mutant.name}: ${by} ${after}\n         ${complaint}`,
      )
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  const done = chosen.map(m => outcomes.get(m.name)!)
  const caught = done.filter(o => o.caught).length
  if (values.write) write(tableOf(done))
  console.log(`${caught} of ${done.length} deliberate bugs were caught`)
  return caught === done.length ? 0 : 1
}

await runTool(help, main)
