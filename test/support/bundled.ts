import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleCommands } from '../../scripts/bundles.ts'

const root = join(import.meta.dirname, '../..')

/** A package of its own in a temporary folder, with the commands as they are in the sources now. */
export interface Bundled {
  /** bin/hive.js */
  readonly bin: string
  readonly folder: string
  /** What went into the bundle that every command starts with. */
  readonly sources: readonly string[]
  remove(): void
}

export async function bundled(): Promise<Bundled> {
  const folder = mkdtempSync(join(tmpdir(), 'hive-cli-'))
  for (const name of ['package.json', 'oclif.manifest.json', 'bin']) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  const sources = await bundleCommands(join(folder, 'dist'))
  return {
    bin: join(folder, 'bin/hive.js'),
    folder,
    sources,
    remove: () => rmSync(folder, { recursive: true }),
  }
}
