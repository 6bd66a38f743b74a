import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { OperatorError } from '../../base/errors.ts'
import type { Millis } from '../../base/time.ts'
import { linesFrom, type TraceTail } from './trace-tail.ts'

/** How long an agent may take to stop before it is killed. */
const stopLimit: Millis = 5000

/** One agent of a dev cluster: a real process, whose output goes to DIR/nX/agent.log. */
export class DevChild {
  readonly name: string
  readonly dataDir: string
  readonly config: string
  readonly #script: string
  #process: ChildProcess
  #ended: Promise<void>
  #end: string | null = null
  /** Where this run's output begins. */
  #output: TraceTail

  /** `config`: its TOML file; `script`: bin/hive.js. */
  constructor(name: string, dataDir: string, config: string, script: string) {
    this.name = name
    this.dataDir = dataDir
    this.config = config
    this.#script = script
    const run = this.#spawn()
    this.#process = run.process
    this.#ended = run.ended
    this.#output = run.output
  }

  get socket(): string {
    return join(this.dataDir, 'agent.sock')
  }

  /** How it ended; null: it runs. */
  get end(): string | null {
    return this.#end
  }

  /** After its end: starts it anew, with its data. */
  restart(): void {
    if (this.#end === null) return
    this.#end = null
    const run = this.#spawn()
    this.#process = run.process
    this.#ended = run.ended
    this.#output = run.output
  }

  /** SIGTERM, and SIGKILL to whom it does not impress. */
  async stop(limit = stopLimit): Promise<void> {
    if (this.#end !== null) return
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), limit)
    await this.#ended
    clearTimeout(timer)
  }

  /** The last lines of what it said since it started. */
  tail(lines: number): string[] {
    return linesFrom(this.#output).slice(-lines)
  }

  #spawn(): { process: ChildProcess; ended: Promise<void>; output: TraceTail } {
    const path = join(this.dataDir, 'agent.log')
    const output = opened(path)
    const offset = fstatSync(output).size
    // A pipe as stdin: it closes however this process ends, and the agent then stops by itself. A group of its
    // own: Ctrl-C at the terminal reaches this process only, which stops the agents one time, in good order.
    const child = spawn(process.execPath, [this.#script, 'agent', '--config', this.config], {
      stdio: ['pipe', output, output],
      env: { ...environment(), HIVE_EXIT_WITH_STDIN: '1' },
      detached: true,
    })
    closeSync(output)
    child.stdin?.on('error', () => {})
    const ended = new Promise<string>(resolve => {
      child.once('error', error => resolve(error.message))
      child.once('exit', (code, signal) =>
        resolve(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
      )
    })
    return {
      process: child,
      ended: ended.then(how => void (this.#end = how)),
      output: { path, offset },
    }
  }
}

/** Variables that would configure every agent alike stay outside; how much to say and how slowly to tick may come in. */
function environment(): NodeJS.ProcessEnv {
  const welcome = new Set(['HIVE_LOG_LEVEL', 'HIVE_TIMING_FACTOR'])
  const mine = Object.entries(process.env).filter(
    ([key]) => !key.startsWith('HIVE_') || welcome.has(key),
  )
  return Object.fromEntries(mine)
}

/** Throws OperatorError. */
function opened(path: string): number {
  try {
    return openSync(path, 'a')
  } catch (error) {
    throw new OperatorError(
      'STORAGE',
      `${path} cannot be written: ${(error as Error).message}`,
      'look at the disk',
    )
  }
}
