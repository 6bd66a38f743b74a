import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Figure } from './figures.ts'

/** What a bench is given. */
export interface Room {
  /** bin/hive.js of the build under test. */
  readonly script: string
  /** A directory of its own on a real disk, removed afterwards. */
  readonly dir: string
  /** Length of a window of load, s. */
  readonly seconds: number
  /** How often each window, kill or start is repeated; medians are of these. */
  readonly repeats: number
  /** Everything smaller: to see that it works, not to learn figures. */
  readonly quick: boolean
  /** Progress, for who watches. */
  say(text: string): void
}

export interface Bench {
  readonly name: string
  readonly summary: string
  run(room: Room): Promise<Figure[]>
}

/** A directory for one part of a bench. */
export function subdir(room: Room, name: string): string {
  const dir = join(room.dir, name)
  mkdirSync(dir, { recursive: true })
  return dir
}

export function temporaryDir(): string {
  const dir = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'hive-bench-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  return dir
}
