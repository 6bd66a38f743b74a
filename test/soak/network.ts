import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

/** How a node's process is started. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** What lies between the nodes, and what can be done to it. Nodes are numbered from 0. */
export interface Network {
  /** In words. */
  readonly name: string
  /** Faults that it cannot make here, and why. */
  readonly lacking: { readonly loss?: string; readonly slow?: string }
  /** What a node listens on; its port is 4483. */
  bind(i: number): string
  /** What others dial. */
  address(i: number): string
  /** A command on the node's machine. */
  inside(i: number, command: string, args: readonly string[]): Launch
  /** The node's process runs; it is gone. */
  started(i: number): void
  ended(i: number): void
  /** From now on nothing goes from one to the other. */
  cut(from: number, to: number): void
  heal(): void
  /** Part of the packets to these nodes is lost. */
  lose(victims: readonly number[], part: number): void
  findAgain(victims: readonly number[]): void
  /** Packets to these nodes take about `ms` longer, or share a road of so many kbit/s; answers which, in words. */
  slow(victims: readonly number[], ms: number, kbits: number): string
  hurry(victims: readonly number[]): void
  /** As in the beginning. */
  calm(): void
}

export function mount(what: 'tmpfs', where: string, options = 'mode=0755'): void {
  mkdirSync(where, { recursive: true })
  execFileSync('mount', ['-t', what, '-o', options, 'none', where], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}
