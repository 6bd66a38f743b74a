import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Processes that a bench starts. All are ended by pid, whatever happens to the bench. */
const running = new Set<Started>()
process.on('exit', () => {
  for (const { pid } of running) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
})

export interface Started {
  readonly pid: number
  readonly child: ChildProcess
  readonly ended: Promise<void>
}

export interface StartOptions {
  /** File for stdout and stderr; without, both are pipes, to be read by whoever started it. */
  readonly log?: string
  readonly env?: NodeJS.ProcessEnv
}

export function start(command: string, args: readonly string[], options: StartOptions): Started {
  const output = options.log === undefined ? undefined : openSync(options.log, 'a')
  const child = spawn(command, args, {
    stdio: ['ignore', output ?? 'pipe', output ?? 'pipe'],
    env: options.env ?? clean(process.env),
  })
  if (output !== undefined) closeSync(output)
  const ended = new Promise<void>(resolve => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  if (child.pid === undefined) throw new Error(`cannot start ${command}`)
  const started = { pid: child.pid, child, ended }
  running.add(started)
  void ended.then(() => running.delete(started))
  return started
}

/** SIGTERM, and after a while SIGKILL. */
export async function end(started: Started, patience = 4000): Promise<void> {
  started.child.kill('SIGTERM')
  const timer = setTimeout(() => started.child.kill('SIGKILL'), patience)
  await started.ended
  clearTimeout(timer)
}

export async function kill(started: Started): Promise<void> {
  started.child.kill('SIGKILL')
  await started.ended
}

/** Variables that would configure every agent alike stay outside. */
export function clean(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !key.startsWith('HIVE_')))
}

/** Path of a program, if it is installed. */
export function which(name: string): string | undefined {
  const places = (process.env.PATH ?? '').split(delimiter)
  return places.map(dir => join(dir, name)).find(path => existsSync(path))
}

export interface Memory {
  /** MiB, resident. */
  readonly rss: number
  /** MiB, shared pages counted in part. */
  readonly pss: number
}

/** Undefined where the system does not tell (anything but Linux). */
export function memoryOf(pid: number): Memory | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    const read = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024
    return { rss: read('Rss'), pss: read('Pss') }
  } catch {
    return undefined
  }
}

/** CPU time used so far, ms; NaN where the system does not tell. */
export function cpuMillisOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return Number.NaN
  }
}

export const sleep = (millis: number) => new Promise<void>(resolve => setTimeout(resolve, millis))

/** Asks again and again until there is an answer that is not undefined. */
export async function until<T>(
  what: string,
  patience: number,
  look: () => Promise<T | undefined>,
  pause = 50,
): Promise<T> {
  const deadline = performance.now() + patience
  let last: unknown
  for (;;) {
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${patience} ms${last ? ` (${last})` : ''}`)
    }
    await sleep(pause)
  }
}
