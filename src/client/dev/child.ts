import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Millis } from '../../base/time.ts'
import type { DevNode } from './plan.ts'

/** How long an agent may take to stop before it is killed. */
const stopLimit: Millis = 5000

/** One agent of a dev cluster: a real process, whose output goes to DIR/nX/agent.log. */
export class DevChild {
  readonly node: DevNode
  readonly dataDir: string
  readonly ended: Promise<void>
  readonly #process: ChildProcess
  #end: string | null = null

  constructor(node: DevNode, dataDir: string, args: readonly string[], script: string) {
    this.node = node
    this.dataDir = dataDir
    mkdirSync(dataDir, { recursive: true })
    const output = openSync(join(dataDir, 'agent.log'), 'a')
    // A pipe as stdin: it closes however this process ends, and the agent then stops by itself. A group of its
    // own: Ctrl-C at the terminal reaches this process only, which stops the agents one time, in good order.
    this.#process = spawn(process.execPath, [script, 'agent', ...args], {
      stdio: ['pipe', output, output],
      env: { ...environment(), HIVE_EXIT_WITH_STDIN: '1' },
      detached: true,
    })
    closeSync(output)
    this.#process.stdin?.on('error', () => {})
    this.ended = new Promise(resolve => {
      this.#process.once('error', error => resolve(this.#ended(error.message)))
      this.#process.once('exit', (code, signal) =>
        resolve(
          this.#ended(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
        ),
      )
    })
  }

  get socket(): string {
    return join(this.dataDir, 'agent.sock')
  }

  /** How it ended; null: it runs. */
  get end(): string | null {
    return this.#end
  }

  /** SIGTERM, and SIGKILL to whom it does not impress. */
  async stop(): Promise<void> {
    if (this.#end !== null) return
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), stopLimit)
    await this.ended
    clearTimeout(timer)
  }

  /** The last lines of what it said. */
  tail(lines: number): string[] {
    const text = readFileSync(join(this.dataDir, 'agent.log'), 'utf8')
    return text.trimEnd().split('\n').slice(-lines)
  }

  #ended(how: string): void {
    this.#end ??= how
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
