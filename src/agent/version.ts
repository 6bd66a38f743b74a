import { readFileSync } from 'node:fs'

/** The package's version: package.json lies two folders above the source and one above the bundle. */
export function productVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'))
      if (name === 'hive') return String(version)
    } catch {
      // Not here: the other place has it.
    }
  }
  return '0.0.0'
}
