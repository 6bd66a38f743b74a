import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/**
 * Bundles for a fast start. `cli.cjs` is all that a command loads which talks to an agent; what runs an agent or
 * draws a live view lies in files of its own, loaded when needed.
 */
const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

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

rmSync(dist, { recursive: true, force: true })

await build({
  ...common,
  entryPoints: ['src/commands/index.ts'],
  outfile: join(dist, 'cli.cjs'),
  format: 'cjs',
  plugins: [splitOff],
  define: { ...common.define, 'import.meta.dirname': '__dirname' },
})

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
