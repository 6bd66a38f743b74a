import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/**
 * Bundles for a fast start. Every command starts with `cli.cjs`: the commands over a stand-in for oclif, a tenth of
 * its size. Help, mistakes and rare forms go on in `oclif.cjs`: the same commands over oclif itself. What runs an
 * agent or draws a live view lies in files of its own, loaded when needed.
 */
const root = join(import.meta.dirname, '..')
/** Built aside, then put in place at once: whoever runs a command meanwhile has the old bundle or the new one. */
const place = join(root, 'dist')
const dist = join(root, 'dist.new')

/** Sources that are bundles of their own, by the name of the file that they become. */
const apart: Readonly<Record<string, string>> = {
  'src/agent/main.ts': './agent.js',
  'src/dashboard/live.tsx': './live.js',
}

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node22.19',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  define: { 'process.env.NODE_ENV': '"production"' },
}

const splitOff: Plugin = {
  name: 'split-off',
  setup(setup) {
    setup.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
      const file = join(resolveDir, path).slice(root.length + 1)
      const target = apart[file]
      return kind === 'dynamic-import' && target ? { path: target, external: true } : undefined
    })
  },
}

const standIn: Plugin = {
  name: 'stand-in-for-oclif',
  setup(setup) {
    const quick = (file: string) => ({ path: join(root, 'src/client/quick', file) })
    setup.onResolve({ filter: /^@oclif\/core$/ }, () => quick('oclif.ts'))
    setup.onResolve({ filter: /^\.\.\/client\/start\.ts$/ }, () => quick('start.ts'))
  },
}

rmSync(dist, { recursive: true, force: true })

const commands: BuildOptions = {
  ...common,
  entryPoints: ['src/commands/index.ts'],
  format: 'cjs',
  define: { ...common.define, 'import.meta.dirname': '__dirname' },
  external: ['./oclif.cjs'],
}

await build({
  ...commands,
  outfile: join(dist, 'cli.cjs'),
  plugins: [splitOff, standIn],
})

await build({ ...commands, outfile: join(dist, 'oclif.cjs'), plugins: [splitOff] })

await build({
  ...common,
  entryPoints: ['src/dashboard/live.tsx'],
  outfile: join(dist, 'live.js'),
  format: 'esm',
  external: ['react-devtools-core'],
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
  },
})

for (const [entry, outfile] of [
  ['src/agent/main.ts', 'agent.js'],
  ['src/store/log-worker.ts', 'log-worker.js'],
] as const) {
  if (!existsSync(join(root, entry))) continue
  await build({
    ...common,
    entryPoints: [entry],
    outfile: join(dist, outfile),
    format: 'esm',
    packages: 'external',
    sourcemap: true,
  })
}

rmSync(place, { recursive: true, force: true })
renameSync(dist, place)
