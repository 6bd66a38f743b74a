import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStorage, type SqliteStorage } from '../../src/store/open.ts'
import { describeStorage, type Harness } from './storage.ts'

/** Real files in a directory of their own. The crash ends the log thread wherever it is. */
async function open(): Promise<Harness> {
  const dir = mkdtempSync(join(tmpdir(), 'hive-storage-'))
  let storage: SqliteStorage = openStorage(dir)
  return {
    storage,
    async reopen() {
      await storage.abandon()
      storage = openStorage(dir)
      return storage
    },
    settle: () => storage.settle(),
    async dispose() {
      await storage.abandon()
      rmSync(dir, { recursive: true })
    },
  }
}

describeStorage('sqlite', open)
