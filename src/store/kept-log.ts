import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { OperatorError } from '../base/errors.ts'
import type { Entry, Index, SnapshotMeta } from '../raft/types.ts'
import type { Row } from '../state/types.ts'
import { openReadonly } from './database.ts'
import { corrupt, toOperatorError } from './failure.ts'
import { readEntries, readSnapshotMeta } from './log-read.ts'
import { readRows } from './rows.ts'
import { checkVersion, logSchema } from './schema.ts'

/** A log and state that were set aside, as they lie there; nothing is changed. */
export interface KeptLog {
  readonly dir: string
  readonly snapshot: SnapshotMeta
  readonly entries: readonly Entry[]
  /** As far as the node that wrote it knew. */
  readonly commit: Index
  /** Empty where there is no state.db beside the log. */
  readonly rows: Iterable<Row>
}

/** `path`: the folder, or log.db in it. Throws OperatorError: NOT_FOUND, or SCHEMA where it is none or damaged. */
export function readKeptLog(path: string): KeptLog {
  const dir = existsSync(path) && statSync(path).isDirectory() ? path : dirname(path)
  const log = join(dir, 'log.db')
  if (!existsSync(path) || !existsSync(log) || (path !== dir && basename(path) !== 'log.db')) {
    throw new OperatorError(
      'NOT_FOUND',
      `there is no log.db at ${path}`,
      'give a folder of DATA_DIR/aside, as hive status names it',
    )
  }
  const state = existsSync(join(dir, 'state.db'))
  const db = open(log)
  try {
    checkVersion(db, logSchema)
    const { meta: snapshot } = readSnapshotMeta(db)
    const commit = db.prepare('SELECT commit_idx FROM hard_state').pluck().get()
    if (!Number.isSafeInteger(commit)) throw corrupt(`${log}: the hard state makes no sense`)
    const entries = readEntries(db, snapshot)
    return { dir, snapshot, entries, commit: commit as number, rows: state ? readRows(dir) : [] }
  } catch (error) {
    throw toOperatorError(error, `${log} cannot be read`)
  } finally {
    db.close()
  }
}

function open(path: string) {
  try {
    return openReadonly(path)
  } catch (error) {
    throw toOperatorError(error, `${path} cannot be opened`)
  }
}
