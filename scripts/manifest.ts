import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Config, type Interfaces, settings } from '@oclif/core'
import { referenceOf } from './cli-reference.ts'

/**
 * Writes what is made from the commands: oclif.manifest.json and docs/cli.md. With --check it writes nothing and
 * fails if one of them is stale: oclif believes the manifest, so a stale one hides new commands.
 */
const root = join(import.meta.dirname, '..')
settings.enableAutoTranspile = false

const config = await Config.load({
  root,
  ignoreManifest: true,
  devPlugins: false,
  userPlugins: false,
})
const plugin = [...config.plugins.values()][0] as Interfaces.Plugin & {
  manifest: Interfaces.Manifest
}
const { manifest } = plugin
const files = {
  'oclif.manifest.json': `${JSON.stringify(manifest, null, 2)}\n`,
  'docs/cli.md': referenceOf(manifest, config.bin),
}

for (const [name, content] of Object.entries(files)) {
  const path = join(root, name)
  const fresh = existsSync(path) && readFileSync(path, 'utf8') === content
  if (fresh) continue
  if (process.argv.includes('--check')) {
    console.error(`${name} is stale; run: npm run manifest`)
    process.exitCode = 1
  } else {
    writeFileSync(path, content)
    console.log(`${name} written`)
  }
}
