import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import { bundleAgent, bundleCommands } from '../../scripts/bundles.ts'

/** What a hive says of its versions. */
export interface Versions {
  readonly product: string
  readonly protocol: { readonly min: number; readonly max: number }
  /** Newest version of events that it reads. */
  readonly events: number
}

/** A change of one of its sources: in which, what, and what is there instead. */
export type Change = readonly [file: RegExp, what: RegExp, instead: string]

const root = join(import.meta.dirname, '../..')

/** Builds a hive that differs from this one in its versions and in `more`; answers the script that starts it. */
export async function buildOf(
  folder: string,
  versions: Versions,
  more: readonly Change[] = [],
): Promise<string> {
  const dist = join(folder, 'dist')
  mkdirSync(dist, { recursive: true })
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true })
  cpSync(join(root, 'oclif.manifest.json'), join(folder, 'oclif.manifest.json'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object
  const ours = { ...about, version: versions.product }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(ours))
  await bundleCommands(dist)
  await bundleAgent(dist, [changed([...versionsIn(versions), ...more])])
  return join(folder, 'bin/hive.js')
}

function versionsIn({ events, protocol: { min, max } }: Versions): Change[] {
  return [
    [/state\/events\.ts$/, /eventsVersion = \d+/, `eventsVersion = ${events}`],
    [
      /net\/handshake\.ts$/,
      /protocol = \{ min: \d+, max: \d+ \}/,
      `protocol = { min: ${min}, max: ${max} }`,
    ],
  ]
}

/** Throws when what is to be changed is not there any more. */
function changed(changes: readonly Change[]): Plugin {
  const files = new Map<string, Change[]>()
  for (const each of changes)
    files.set(each[0].source, [...(files.get(each[0].source) ?? []), each])
  return {
    name: 'changed',
    setup(setup) {
      for (const [file, here] of files) {
        setup.onLoad({ filter: new RegExp(file) }, ({ path }) => {
          let contents = readFileSync(path, 'utf8')
          for (const [, what, instead] of here) {
            if (!what.test(contents)) throw new Error(`${path} does not say ${what}`)
            contents = contents.replace(what, instead)
          }
          return { contents, loader: 'ts' }
        })
      }
    },
  }
}
