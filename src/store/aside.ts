import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { filesOf, openWal, removeIfPossible, syncDirectory } from './database.ts'
import type { NodeFacts } from './types.ts'

/**
 * Moves log and state out of the way, never deletes them: DATA_DIR/aside/LABEL-N. Nobody may have
 * them open. `facts`: what the node knew of itself, beside them as facts.json, if the disk has room.
 */
export function moveAside(dir: string, label: string, facts?: NodeFacts): string {
  const log = join(dir, 'log.db')
  const state = join(dir, 'state.db')
  for (const path of [log, state]) foldWal(path)
  const to = freeFolder(join(dir, 'aside'), label.replaceAll(/[^A-Za-z0-9._-]/g, '_'))
  // The log first: without it there is no group, whatever a crash leaves of the rest.
  for (const file of [...filesOf(log), ...filesOf(state)]) {
    if (existsSync(file)) renameSync(file, join(to, basename(file)))
  }
  if (facts) describe(join(to, 'facts.json'), facts)
  syncDirectory(to)
  syncDirectory(dir)
  return to
}

/** For people only: where it finds no room, the log has been moved all the same. */
function describe(path: string, facts: NodeFacts): void {
  try {
    writeFileSync(path, JSON.stringify(facts), { mode: 0o600, flush: true })
  } catch {
    removeIfPossible(path)
  }
}

/** A database that needs no write-ahead log beside it. One that is damaged stays as it is. */
function foldWal(path: string): void {
  if (!existsSync(path)) return
  try {
    openWal(path, { synchronous: 'FULL', cacheKib: 256 }).close()
  } catch {
    return
  }
}

function freeFolder(parent: string, label: string): string {
  mkdirSync(parent, { recursive: true, mode: 0o700 })
  for (let n = 1; ; n++) {
    const path = join(parent, `${label}-${n}`)
    if (existsSync(path)) continue
    mkdirSync(path, { mode: 0o700 })
    syncDirectory(parent)
    return path
  }
}
