import { OperatorError } from '../base/errors.ts'
import type { StorageFailure } from './types.ts'

/** What goes wrong with a disk, sorted by what can be done about it. */

/** A failure on its way up through code that returns something else. */
export class StoreError extends Error {
  readonly failure: StorageFailure

  constructor(failure: StorageFailure) {
    super(failure.message)
    this.name = 'StoreError'
    this.failure = failure
  }
}

export function corrupt(message: string): StoreError {
  return new StoreError({ kind: 'corrupt', message })
}

/** What an error of SQLite or of the file system means; `doing` begins the sentence: "log.db cannot be written". */
export function toFailure(error: unknown, doing: string): StorageFailure {
  if (error instanceof StoreError) return error.failure
  if (error instanceof OperatorError) {
    const kind = error.code === 'SCHEMA' ? 'corrupt' : 'io'
    return { kind, message: `${doing}: ${error.message}` }
  }
  const code = codeOf(error)
  const reason = error instanceof Error ? error.message : String(error)
  const known = code === '' || reason.includes(code) ? reason : `${reason} (${code})`
  return { kind: kindOf(code), message: `${doing}: ${known}` }
}

/** The same for who waits for an answer at once: a damaged file is SCHEMA, anything else STORAGE. */
export function toOperatorError(error: unknown, doing: string): OperatorError {
  if (error instanceof OperatorError) return error
  const { kind, message } = toFailure(error, doing)
  if (kind === 'corrupt') return new OperatorError('SCHEMA', message, damagedRemedy)
  const remedy = kind === 'full' ? 'free some space on the disk' : 'look at the disk'
  return new OperatorError('STORAGE', message, remedy)
}

export const damagedRemedy =
  'restore the data directory from a backup, or move it away and join again; nothing was deleted'

export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}

/** SHMSIZE: no room for the index of the write-ahead log, 32 KiB. */
const fullCodes = new Set(['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'EDQUOT'])

function kindOf(code: string): StorageFailure['kind'] {
  if (fullCodes.has(code)) return 'full'
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return 'corrupt'
  return 'io'
}
