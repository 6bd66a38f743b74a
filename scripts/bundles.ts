import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'

/**
 * Bundles for a fast start. Every command starts with `cli.cjs`: the commands over a stand-in for oclif, a fifth of
 * its size. Help, mistakes and rare forms go on in `oclif.cjs`: the same commands over oclif itself. What runs an
 * agent or draws a live view lies in files of its own, loaded when needed.
 */
const root = join(import.meta.dirname, '..')

/** Sources that are bundles of their own, by the name of the file that they become. */
const apart: Readonly<Record<string, string>> = {
  'src/agent/main.ts': './agent.js',
  'src/agent/kept-log.ts': './kept-log.js',
  'src/agent/doctor-offline.ts': './doctor-offline.js',
  'src/dashboard/live.tsx': './live.js',
  'src/snapshot/inspect.ts': './snapshot.js',
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

/** Ink's door for those who develop with it asks for a package that nobody has, even when it stays shut. */
const withoutDevtools: Plugin = {
  name: 'without-devtools',
  setup(setup) {
    setup.onLoad({ filter: /ink[\\/]build[\\/]devtools\.js$/ }, () => ({ contents: '' }))
  },
}

/** cli.cjs and oclif.cjs; answers the sources that went into cli.cjs. */
export async function bundleCommands(dist: string): Promise<string[]> {
  const options: BuildOptions = {
    ...common,
    entryPoints: ['src/commands/index.ts'],
    format: 'cjs',
    define: { ...common.define, 'import.meta.dirname': '__dirname' },
    external: ['./oclif.cjs'],
    metafile: true,
  }
  const quick = { outfile: join(dist, 'cli.cjs'), plugins: [splitOff, standIn] }
  const { metafile } = await build({ ...options, ...quick })
  await build({ ...options, outfile: join(dist, 'oclif.cjs'), plugins: [splitOff] })
  return Object.keys(metafile!.inputs)
}

/** live.js: Ink and React in one file. */
export async function bundleLive(dist: string): Promise<void> {
  const required = 'const require = createRequire(import.meta.url)'
  await build({
    ...common,
    entryPoints: ['src/dashboard/live.tsx'],
    outfile: join(dist, 'live.js'),
    format: 'esm',
    plugins: [withoutDevtools],
    banner: { js: `import { createRequire } from 'node:module'; ${required}` },
  })
}

/**
 * Fastify loads its compilers of JSON schemas even where it is told to use none. Routes here are checked by their own
 * table, so these stay out: 7 MB of memory.
 */
const withoutSchemas: Plugin = {
  name: 'without-schemas',
  setup(setup) {
    const filter = /^@fastify\/(ajv-compiler|fast-json-stringify-compiler)$/
    setup.onResolve({ filter }, ({ path }) => ({ path, namespace: 'unused' }))
    setup.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
      contents: "module.exports = () => { throw new Error('schemas are not used here') }",
    }))
  },
}

/**
 * agent.js and its log's worker, each in one file: a third of the memory of the packages' many modules is not needed
 * then. Outside stays what is native, or hardly ever wanted.
 */
export async function bundleAgent(dist: string, more: readonly Plugin[] = []): Promise<void> {
  const options: BuildOptions = {
    ...common,
    format: 'esm',
    external: ['better-sqlite3', 'pino-pretty', 'undici'],
    plugins: [withoutSchemas, ...more],
    sourcemap: true,
    banner: {
      js: [
        "import { createRequire as createRequireHere } from 'node:module'",
        'const require = createRequireHere(import.meta.url)',
        'const __dirname = import.meta.dirname',
        'const __filename = import.meta.filename',
      ].join(';'),
    },
  }
  // In pieces of less than a million characters: of a longer source Node.js keeps two bytes for each.
  await build({
    ...options,
    entryPoints: { agent: join(root, 'src/agent/main.ts') },
    outdir: dist,
    splitting: true,
    chunkNames: 'agent-[hash]',
  })
  const kept = join(dist, 'kept-log.js')
  await build({ ...options, entryPoints: ['src/agent/kept-log.ts'], outfile: kept })
  const snapshot = join(dist, 'snapshot.js')
  await build({ ...options, entryPoints: ['src/snapshot/inspect.ts'], outfile: snapshot })
  const doctor = join(dist, 'doctor-offline.js')
  await build({ ...options, entryPoints: ['src/agent/doctor-offline.ts'], outfile: doctor })
  const worker = join(dist, 'log-worker.js')
  await build({ ...options, entryPoints: ['src/store/log-worker.ts'], outfile: worker })
}
