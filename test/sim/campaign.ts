import { type ChildProcess, fork } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { numberIn, runTool, wholeIn } from '../../scripts/tool.ts'
import type { Report, Task } from './campaign-worker.ts'
import { CoverageTable } from './coverage-table.ts'

/** `npm run campaign`: many seeds over several processes, politely; what they found, and what they came to. */
const help = `Runs many seeds of the simulator in several processes, and sums up.

  --seeds N            how many (default 1000)
  --from S             the first (default 1)
  --minutes M          cluster time under trouble (default 1)
  --jobs J             processes (default 2)
  --record FILE        a line per seed is added to it; what is in there already is not run again
  --require-coverage   fail unless every interesting state was reached, however few the seeds

It says which interesting states no seed came to; from 1000 seeds on that is a failure.
Each process yields to everything else on the machine. Stop with Ctrl-C, go on with the same --record.`

/** Of so many seeds each interesting state is one of some: one that nobody came to cannot be reached any more. */
const enoughSeeds = 1000

const worker = fileURLToPath(new URL('./campaign-worker.ts', import.meta.url))

interface Plan {
  readonly from: number
  readonly seeds: number
  readonly minutes: number
  readonly jobs: number
  readonly record: string | undefined
}

class Campaign {
  readonly #plan: Plan
  readonly #table = new CoverageTable()
  readonly #done = new Set<number>()
  readonly #failed: Report[] = []
  readonly #began = performance.now()
  #next: number
  #virtualMs = 0
  #events = 0
  #cpu = 0

  constructor(plan: Plan) {
    this.#plan = plan
    this.#next = plan.from
    if (plan.record === undefined || !existsSync(plan.record)) return
    for (const line of readFileSync(plan.record, 'utf8').split('\n').filter(Boolean)) {
      const report = JSON.parse(line) as Report
      if (report.minutes === plan.minutes && this.#isPlanned(report.seed)) this.#take(report)
    }
    if (this.#done.size > 0) console.log(`${this.#done.size} seeds are done already`)
  }

  get failed(): number {
    return this.#failed.length
  }

  get missing(): readonly string[] {
    return this.#table.missing
  }

  /** So many that each state should have been reached. */
  get isLong(): boolean {
    return this.#done.size >= enoughSeeds
  }

  /** Until every seed is done. */
  async run(): Promise<void> {
    const jobs = Array.from({ length: this.#plan.jobs }, () => this.#work())
    await Promise.all(jobs)
  }

  sum(): void {
    console.log(this.#table.lines().join('\n'))
    const hours = (this.#virtualMs / 3_600_000).toFixed(1)
    const minutes = ((performance.now() - this.#began) / 60_000).toFixed(1)
    const cores = (this.#cpu / 3600).toFixed(1)
    const passed = this.#done.size - this.#failed.length
    console.log(
      `\n${passed} of ${this.#done.size} seeds passed: ${hours} h of cluster time, ${(this.#events / 1e6).toFixed(1)} million events, ${cores} h of a core, in ${minutes} min`,
    )
    for (const { seed, failure } of this.#failed) console.log(this.#complaint(seed, failure!))
  }

  #work(): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = fork(worker, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        // A run makes much and keeps little: fewer collections, a tenth of the time.
        execArgv: ['--max-semi-space-size=64'],
      })
      child.on('message', report => {
        this.#heard(report as Report)
        this.#send(child)
      })
      child.on('error', reject)
      child.on('exit', code => {
        if (code === 0) resolve()
        else reject(new Error(`a process of the campaign ended with ${code}`))
      })
      this.#send(child)
    })
  }

  #send(child: ChildProcess): void {
    while (this.#done.has(this.#next)) this.#next++
    if (!this.#isPlanned(this.#next)) {
      child.disconnect()
      return
    }
    const task: Task = { seed: this.#next++, minutes: this.#plan.minutes }
    child.send(task)
  }

  #isPlanned(seed: number): boolean {
    return seed >= this.#plan.from && seed < this.#plan.from + this.#plan.seeds
  }

  #heard(report: Report): void {
    const { record } = this.#plan
    this.#take(report)
    if (record !== undefined) appendFileSync(record, `${JSON.stringify(report)}\n`)
    if (report.failure !== undefined) console.log(this.#complaint(report.seed, report.failure))
    if (this.#done.size % 50 === 0)
      console.log(`${this.#done.size} of ${this.#plan.seeds}, ${this.#failed.length} failed`)
  }

  #take(report: Report): void {
    if (this.#done.has(report.seed)) return
    this.#done.add(report.seed)
    this.#virtualMs += report.virtualMs
    this.#events += report.events
    this.#cpu += report.cpu ?? 0
    this.#table.add(report.coverage)
    if (report.failure !== undefined) this.#failed.push(report)
  }

  #complaint(seed: number, failure: string): string {
    const again = `npm run sim -- --seed ${seed} --minutes ${this.#plan.minutes}`
    return `seed ${seed} FAILED: ${failure.split('\n')[0]}\n  again: ${again}`
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '2' },
      record: { type: 'string' },
      'require-coverage': { type: 'boolean', default: false },
    },
  })
  const campaign = new Campaign({
    from: wholeIn('from', values.from, 0),
    seeds: wholeIn('seeds', values.seeds, 1),
    minutes: numberIn('minutes', values.minutes, 0.01),
    jobs: wholeIn('jobs', values.jobs, 1),
    record: values.record,
  })
  await campaign.run()
  campaign.sum()
  const { missing, failed } = campaign
  if (missing.length > 0) console.log(`never reached: ${missing.join(', ')}`)
  const demanding = values['require-coverage'] || campaign.isLong
  return failed > 0 || (demanding && missing.length > 0) ? 1 : 0
}

await runTool(help, main)
