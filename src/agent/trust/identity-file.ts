import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { OperatorError } from '../../base/errors.ts'
import { type Identity, type IdentityStore, parseIdentity } from './identity.ts'

/**
 * DATA_DIR/identity.json, for the agent's user alone. Written aside, made durable, and put in place whole. `check`
 * throws where what it says is no key, or no certificate.
 */
export function identityFile(
  dataDir: string,
  check: (identity: Identity) => void = () => {},
): IdentityStore {
  const path = join(dataDir, 'identity.json')
  return {
    read() {
      let json: string
      try {
        json = readFileSync(path, 'utf8')
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined
        throw new OperatorError(
          'DATA_DIR',
          `${path} cannot be read: ${codeOf(error)}`,
          'it must belong to the user that runs the agent',
        )
      }
      try {
        const identity = parseIdentity(json)
        check(identity)
        return identity
      } catch (error) {
        throw new OperatorError(
          'SCHEMA',
          `${path} is damaged: ${(error as Error).message}`,
          'restore it from a backup; without it, move it away: the node gets a new key and has to come back as a new one (hive reset)',
        )
      }
    },
    write(identity) {
      try {
        replace(path, identity)
      } catch (error) {
        throw new OperatorError(
          'STORAGE',
          `${path} cannot be written: ${codeOf(error)}`,
          'look at the disk',
        )
      }
    },
  }
}

function replace(path: string, identity: Identity): void {
  const young = `${path}.new`
  rmSync(young, { force: true })
  const file = openSync(young, 'wx', 0o600)
  try {
    fchmodSync(file, 0o600)
    // Not writeSync, which is content when a disk that is nearly full took the first half.
    writeFileSync(file, `${JSON.stringify(identity, null, 2)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(young, path)
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
