import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { OperatorError } from '../base/errors.ts'
import { syncDirectory } from './database.ts'
import { codeOf } from './failure.ts'
import { writableRemedy } from './node-file.ts'

/** Makes sure that there is a directory to work in; for its owner's eyes only when it is made here. */
export function prepareDataDir(path: string): string {
  const dir = resolve(path)
  try {
    if (!existsSync(dir)) makeDir(dir)
    if (!statSync(dir).isDirectory()) throw notDirectory(dir)
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK)
    return dir
  } catch (error) {
    if (error instanceof OperatorError) throw error
    const code = codeOf(error)
    if (code === 'EEXIST' || code === 'ENOTDIR') throw notDirectory(dir)
    const reason = reasons[code] ?? (error instanceof Error ? error.message : String(error))
    throw new OperatorError('DATA_DIR', `${dir} cannot be used: ${reason}`, writableRemedy)
  }
}

/** With the directories above it. Node's `recursive` never ends where a parent exists and refuses. */
function makeDir(dir: string): void {
  const parent = dirname(dir)
  if (!existsSync(parent)) makeDir(parent)
  mkdirSync(dir, { mode: 0o700 })
  syncDirectory(parent)
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  ENOENT: 'it cannot be made there',
}

function notDirectory(dir: string): OperatorError {
  return new OperatorError(
    'DATA_DIR',
    `${dir} is not a directory, or something above it is none`,
    'choose another with --data-dir',
  )
}
