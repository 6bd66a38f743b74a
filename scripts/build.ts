import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { bundleAgent, bundleCommands, bundleLive } from './bundles.ts'

/** Fills dist/: built aside, then put in place at once, so that a command run meanwhile meets no half bundle. */
const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')
const aside = join(root, 'node_modules/.cache', `hive-dist-${process.pid}`)

mkdirSync(aside, { recursive: true })
await bundleCommands(aside)
await bundleLive(aside)
if (existsSync(join(root, 'src/agent/main.ts'))) await bundleAgent(aside)
rmSync(dist, { recursive: true, force: true })
renameSync(aside, dist)

// Here hive is the package itself, not a dependency: give `npx hive` what it would find if it were one.
// Otherwise npx copies the package into its cache, and two of them at once trip over each other.
const bin = join(root, 'node_modules/.bin/hive')
rmSync(bin, { force: true })
symlinkSync('../../bin/hive.js', bin)
