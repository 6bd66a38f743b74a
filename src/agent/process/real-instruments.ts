import { readdirSync, readFileSync } from 'node:fs'
import { open, readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Instruments } from '../doctor/instruments.ts'

/** As much as a small append to the log writes. */
const block = new Uint8Array(4096)
const probeFile = 'doctor.tmp'

/** Measures this process's machine. Everything slow happens off the loop. */
export function realInstruments(dataDir: string): Instruments {
  return {
    syncs(count, most, done) {
      measureSyncs(dataDir, count, most).then(done, error => done({ failed: why(error) }))
    },
    premises(done) {
      look(dataDir).then(done, error => done({ failed: why(error) }))
    },
    files: openFiles,
  }
}

export async function measureSyncs(
  dataDir: string,
  count: number,
  most: number,
): Promise<readonly number[]> {
  const path = join(dataDir, probeFile)
  const took: number[] = []
  const file = await open(path, 'w', 0o600)
  try {
    const end = performance.now() + most
    while (took.length < count && performance.now() < end) {
      const began = performance.now()
      await file.write(block, 0, block.length, took.length * block.length)
      await file.datasync()
      took.push(performance.now() - began)
    }
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
  return took
}

export async function look(dataDir: string) {
  const { bsize, bavail, blocks } = await statfs(dataDir)
  const { mode } = await stat(dataDir)
  return {
    path: dataDir,
    bytes: await bytesIn(dataDir),
    free: bavail * bsize,
    total: blocks * bsize,
    // A group may pass through to the socket, if its operator said so (--socket-group).
    shared: (mode & 0o067) !== 0,
  }
}

async function bytesIn(folder: string): Promise<number> {
  let sum = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) sum += await bytesIn(path)
    // Files come and go while one looks.
    else if (entry.isFile())
      sum += await stat(path).then(
        s => s.size,
        () => 0,
      )
  }
  return sum
}

/** proc(5); undefined elsewhere. */
export function openFiles(): { used: number; limit: number } | undefined {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const limit = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
    return limit === undefined
      ? undefined
      : { used: readdirSync('/proc/self/fd').length, limit: Number(limit) }
  } catch {
    return undefined
  }
}

function why(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return `the data directory: ${code ?? message}`
}
