import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'

export interface Ran {
  /** Null: ended by a signal. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Absent: standard input stays open. */
  readonly stdin?: string | Uint8Array
  readonly uid?: number
  readonly gid?: number
}

/** A script that runs with this Node.js, in an environment that holds nothing but PATH and what is given. */
export interface Running {
  readonly child: ChildProcess
  /** What it has said so far. */
  readonly output: { stdout: string; stderr: string }
  readonly ended: Promise<Ran>
  /** Resolves once its output matches; rejects when it ends before. */
  said(pattern: RegExp): Promise<void>
}

export function startScript(
  script: string,
  args: readonly string[],
  options: RunOptions = {},
): Running {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: options.cwd ?? '/',
    env: { PATH: process.env.PATH ?? '', TZ: 'UTC', ...options.env },
    ...(options.uid !== undefined && { uid: options.uid }),
    ...(options.gid !== undefined && { gid: options.gid }),
  })
  const output = { stdout: '', stderr: '' }
  const heard = new EventEmitter()
  const hear = (stream: 'stdout' | 'stderr') =>
    child[stream].setEncoding('utf8').on('data', text => {
      output[stream] += text
      heard.emit('more')
    })
  hear('stdout')
  hear('stderr')
  child.stdin.on('error', () => {})
  if (options.stdin !== undefined) child.stdin.end(options.stdin)
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, ...output }))
  })
  return {
    child,
    output,
    ended,
    said: pattern =>
      new Promise((resolve, reject) => {
        const look = () => pattern.test(output.stdout + output.stderr) && resolve()
        heard.on('more', look)
        look()
        const late = () => reject(new Error(`never said ${pattern}: ${JSON.stringify(output)}`))
        void ended.then(late, late)
      }),
  }
}

/** Runs a script to its end. */
export function runScript(
  script: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  return startScript(script, args, { stdin: '', ...options }).ended
}
