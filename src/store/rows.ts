import { join } from 'node:path'
import type { Index } from '../raft/types.ts'
import type { Row } from '../state/types.ts'
import { openReadonly } from './database.ts'
import { readApplied } from './log-read.ts'

/** state.db's rows, one at a time. To be read in one go: a reader that stays holds up checkpoints. */
export function readRows(dir: string): Iterable<Row> {
  return { [Symbol.iterator]: () => eachRow(join(dir, 'state.db')) }
}

/** How far the rows go. */
export function readStateIndex(dir: string): Index {
  const db = openReadonly(join(dir, 'state.db'))
  try {
    return readApplied(db).index
  } finally {
    db.close()
  }
}

function* eachRow(path: string): Generator<Row, void, void> {
  const db = openReadonly(path)
  try {
    const select = db
      .prepare<[], [string, string, string, Uint8Array | null]>(
        'SELECT tbl, key, json, blob FROM rows',
      )
      .raw()
    for (const [table, key, json, blob] of select.iterate()) yield { table, key, json, blob }
  } finally {
    db.close()
  }
}
