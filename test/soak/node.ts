import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { AgentClient } from '../../src/client/agent-client.ts'
import type { Network } from './network.ts'

export const bin = join(import.meta.dirname, '../../bin/hive.js')

/** What a stop may take before it is made one by force, ms. */
const stopLimit = 15_000
/** Before who ended by itself is started again, as its init system would, ms. */
const revival = 1_000
/** Files with the process ids of agents end in it. */
export const pidSuffix = '.pid'
/** A process looks at the file with its other time so often, s. */
export const clockCache = 1

export interface Machine {
  readonly network: Network
  readonly secretFile: string
  /** Library that tells processes another time; undefined: there is none. */
  readonly faketime: string | undefined
  /** Hears of agents that end though nobody ended them. */
  ended(node: SoakNode, code: number | null, signal: string | null): void
}

/** A node: its machine stays, its process comes and goes. */
export class SoakNode {
  readonly index: number
  readonly name: string
  readonly dir: string
  /** On a small disk of its own. */
  readonly small: boolean
  readonly #machine: Machine
  readonly #place: string
  readonly #seeds: readonly string[]
  #child: ChildProcess | undefined
  #wanted = false
  paused = false

  constructor(index: number, place: string, small: boolean, count: number, machine: Machine) {
    this.index = index
    this.name = `n${index + 1}`
    this.#place = place
    this.dir = join(place, this.name)
    this.small = small
    this.#machine = machine
    const others = Array.from({ length: count }, (_, i) => i).filter(i => i !== index)
    this.#seeds = others.map(i => `${machine.network.address(i)}:4483`)
    mkdirSync(this.dir, { recursive: true })
    this.setClock(0)
  }

  get socket(): string {
    return join(this.#place, `${this.name}.sock`)
  }

  get traceFile(): string {
    return join(this.#place, `${this.name}.trace`)
  }

  get running(): boolean {
    return this.#child !== undefined
  }

  get client(): AgentClient {
    return new AgentClient([{ kind: 'socket', path: this.socket }], 'soak')
  }

  /** Harmless when it runs. */
  start(): void {
    this.#wanted = true
    if (this.#child) return
    const { network, secretFile } = this.#machine
    const args = ['agent', '--name', this.name, '--data-dir', this.dir, '--socket', this.socket]
    args.push('--bind', `${network.bind(this.index)}:4483`, '--http', 'off')
    args.push('--advertise', `${network.address(this.index)}:4483`)
    args.push('--secret-file', secretFile, ...this.#seeds.flatMap(seed => ['--join', seed]))
    const launch = network.inside(this.index, process.execPath, [bin, ...args])
    const trace = createWriteStream(this.traceFile, { flags: 'a' })
    const fixed = { PATH: process.env.PATH, TZ: 'UTC', HIVE_EXIT_WITH_STDIN: '1' }
    const child = spawn(launch.command, launch.args, {
      cwd: this.#place,
      env: { ...fixed, ...launch.env, ...this.#time() },
      detached: true,
    })
    this.#child = child
    writeFileSync(join(this.#place, `${this.name}${pidSuffix}`), String(child.pid))
    network.started(this.index)
    child.stdin.on('error', () => {})
    child.stdout.pipe(trace, { end: false })
    child.stderr.pipe(trace, { end: false })
    child.once('close', (code, signal) => {
      trace.end(`--- ended: ${signal ?? code}\n`)
      if (this.#child === child) this.#child = undefined
      network.ended(this.index)
      this.paused = false
      if (!this.#wanted) return
      this.#machine.ended(this, code, signal)
      setTimeout(() => this.#wanted && this.start(), revival)
    })
  }

  /** kill -9 */
  async kill(): Promise<void> {
    this.#wanted = false
    const child = this.#child
    if (!child) return
    child.kill('SIGKILL')
    await once(child, 'close')
  }

  /** As its init system stops it; false: it had to be killed. */
  async stop(): Promise<boolean> {
    this.#wanted = false
    const child = this.#child
    if (!child) return true
    this.resume()
    child.kill('SIGTERM')
    let forced = false
    const timer = setTimeout(() => {
      forced = true
      child.kill('SIGKILL')
    }, stopLimit)
    await once(child, 'close')
    clearTimeout(timer)
    return !forced
  }

  pause(): void {
    this.paused = this.#child?.kill('SIGSTOP') ?? false
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
    this.paused = false
  }

  /** The wall clock of the node's processes differs by so many seconds; time that passes stays true. */
  setClock(seconds: number): void {
    const file = this.#clockFile
    writeFileSync(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`)
    renameSync(`${file}.new`, file)
  }

  /** Until not a byte more fits. */
  fill(): void {
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${this.#ballast}`, 'bs=64k'], { stdio: 'ignore' })
    } catch {
      // dd says that the disk is full, which is what it was for.
    }
    if (!existsSync(this.#ballast)) throw new Error(`${this.#ballast} could not be written`)
  }

  unfill(): void {
    rmSync(this.#ballast, { force: true })
  }

  get #ballast(): string {
    return join(this.dir, 'ballast')
  }

  get #clockFile(): string {
    return join(this.#place, `${this.name}.clock`)
  }

  #time(): Record<string, string> {
    const { faketime } = this.#machine
    return faketime === undefined ? {} : otherTime(faketime, this.#clockFile)
  }
}

/** Variables that make a process read another wall clock; time that passes stays true. */
export function otherTime(library: string, file: string): Record<string, string> {
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: String(clockCache),
    // The variable has another name in older versions.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  }
}
