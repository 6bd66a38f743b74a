import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import { bundleAgent, bundleCommands } from '../../scripts/bundles.ts'

/** A hive that differs from this one in its versions, and in nothing else. */
export interface Versions {
  readonly product: string
  readonly protocol: { readonly min: number; readonly max: number }
  /** Newest version of events that it reads. */
  readonly events: number
}

const root = join(import.meta.dirname, '../..')

/** Builds it in a folder, and answers the script that starts it. */
export async function buildOf(folder: string, versions: Versions): Promise<string> {
  const dist = join(folder, 'dist')
  mkdirSync(dist, { recursive: true })
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
  cpSync(join(root, 'oclif.manifest.json'), join(folder, 'oclif.manifest.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object
  const ours = { ...about, version: versions.product }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(ours))
  await bundleCommands(dist)
  await bundleAgent(dist, [versioned(versions)])
  return join(folder, 'bin/hive.js')
}

/** Other numbers in the two lines that say them; throws when those lines are not there any more. */
function versioned({ events, protocol: { min, max } }: Versions): Plugin {
  const changes: readonly [RegExp, RegExp, string][] = [
    [/state\/events\.ts$/, /eventsVersion = \d+/, `eventsVersion = ${events}`],
    [
      /net\/handshake\.ts$/,
      /protocol = \{ min: \d+, max: \d+ \}/,
      `protocol = { min: ${min}, max: ${max} }`,
    ],
  ]
  return {
    name: 'versioned',
    setup(setup) {
      for (const [filter, line, other] of changes) {
        setup.onLoad({ filter }, ({ path }) => {
          const source = readFileSync(path, 'utf8')
          if (!line.test(source)) throw new Error(`${path} says no version where it should`)
          return { contents: source.replace(line, other), loader: 'ts' }
        })
      }
    },
  }
}
