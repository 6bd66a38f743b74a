import { closeSync, openSync, readSync, rmSync } from 'node:fs'
import type { SnapshotMeta } from '../raft/types.ts'
import type { SnapshotSource } from './types.ts'

/**
 * Reads a copy of the state. Its name is gone as soon as the file is open: whatever happens then,
 * nothing is left behind, and a newer copy cannot get in its way.
 */
export function snapshotSource(path: string, meta: SnapshotMeta, size: number): SnapshotSource {
  const fd = openSync(path, 'r')
  rmSync(path)
  let open = true
  return {
    meta,
    size,
    read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
      let at = 0
      while (open && at < bytes.length) {
        const count = readSync(fd, bytes, at, bytes.length - at, offset + at)
        if (count === 0) break
        at += count
      }
      return bytes.subarray(0, at)
    },
    close() {
      if (open) closeSync(fd)
      open = false
    },
  }
}
