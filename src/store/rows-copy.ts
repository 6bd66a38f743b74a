import { rmSync } from 'node:fs'
import type { SnapshotMeta } from '../raft/types.ts'
import type { Row } from '../state/types.ts'
import { openReadonly } from './database.ts'
import type { RowsCopy } from './types.ts'

type Columns = [string, string, string, Uint8Array | null]

/** Rows asked for at once; each may be half a megabyte. */
const rowsAtOnce = 64

/** Reads a copy of the state row by row. Its name is gone as soon as it is open, as with `snapshotSource`. */
export function rowsCopy(path: string, meta: SnapshotMeta, size: number): RowsCopy {
  const db = openReadonly(path)
  // SQLite opens the file when it first reads it.
  db.pragma('schema_version')
  rmSync(path)
  const one = db.prepare<[string, string], Columns>(
    'SELECT tbl, key, json, blob FROM rows WHERE tbl = ? AND key = ?',
  )
  const some = db.prepare<[string, string, number], Columns>(
    'SELECT tbl, key, json, blob FROM rows WHERE (tbl, key) > (?, ?) ORDER BY tbl, key LIMIT ?',
  )
  let after: readonly [string, string] = ['', '']
  return {
    meta,
    size,
    find(table, key) {
      const columns = one.raw().get(table, key) as Columns | undefined
      return columns && rowOf(columns)
    },
    next(bytes) {
      const rows: Row[] = []
      let taken = 0
      while (taken < bytes) {
        let found = 0
        for (const columns of some.raw().iterate(...after, rowsAtOnce)) {
          const row = rowOf(columns as Columns)
          rows.push(row)
          found++
          taken += row.key.length + (row.json?.length ?? 0) + (row.blob?.length ?? 0)
          after = [row.table, row.key]
          if (taken >= bytes) break
        }
        if (found === 0) break
      }
      return rows
    },
    close() {
      db.close()
    },
  }
}

function rowOf([table, key, json, blob]: Columns): Row {
  return { table, key, json, blob }
}
