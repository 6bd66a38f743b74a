import { spawnSync } from 'node:child_process'
import { closeSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bundled, bundled } from '../support/bundled.ts'
import { runScript } from '../support/run.ts'

/** bin/hive.js: which Node.js it takes, and what it loads. */

let cli: Bundled
beforeAll(async () => {
  cli = await bundled()
})
afterAll(() => cli.remove())

test('a Node.js that is too old is told so in one line', async () => {
  const pretend = join(cli.folder, 'pretend.cjs')
  const preload = { env: { NODE_OPTIONS: `--require ${pretend}` } }
  for (const version of ['0.10.48', '20.20.2', '22.18.0']) {
    writeFileSync(
      pretend,
      `Object.defineProperty(process.versions, 'node', { value: '${version}' })
       Object.defineProperty(process, 'version', { value: 'v${version}' })`,
    )
    const { code, stderr } = await runScript(cli.bin, ['status'], preload)
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: hive needs Node.js 22.19 or newer, this is v[\d.]+;.*\n$/)
    expect(stderr).toContain(version)
  }
  writeFileSync(pretend, "Object.defineProperty(process.versions, 'node', { value: '22.19.0' })")
  expect(await runScript(cli.bin, ['version'], preload)).toMatchObject({ code: 0, stderr: '' })
})

test('nothing of the agent, oclif, Ink or a database is in the client’s path', () => {
  const packages = new Set(
    cli.sources.flatMap(path => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
  )
  expect([...packages].sort()).toEqual(['chalk', 'smol-toml'])
  const rooms = new Set(cli.sources.flatMap(path => /^src\/(\w+)\//.exec(path)?.[1] ?? []))
  expect([...rooms].sort()).toEqual(['api', 'base', 'client', 'commands', 'dashboard'])
  expect(cli.sources.filter(path => path.startsWith('src/api/'))).toEqual(['src/api/types.ts'])
  expect(statSync(join(cli.folder, 'dist/cli.cjs')).size).toBeLessThan(200_000)
})

test('compiled code is kept below the home of the user only', async () => {
  const home = join(cli.folder, 'home')
  await runScript(cli.bin, ['version'], { env: { HOME: home } })
  expect(statSync(join(home, '.cache/hive')).isDirectory()).toBe(true)
  expect(await runScript(cli.bin, ['version'])).toMatchObject({ code: 0 })
})

test.each([['version'], ['--help'], ['secret', 'new']])(
  'hive %s says that its output finds no room, and no more',
  async (...words) => {
    const full = openSync('/dev/full', 'w')
    const run = spawnSync(process.execPath, [cli.bin, ...words], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    })
    closeSync(full)
    expect(run.status).toBe(2)
    expect(run.stderr).toMatch(/^error: the output cannot be written: ENOSPC.*\n {2}do: .*\n$/)
  },
)

test('a package that was not built says how to build it', async () => {
  rmSync(join(cli.folder, 'dist'), { recursive: true })
  const { code, stderr } = await runScript(cli.bin, ['status'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/^error: hive has not been built: .*; run: npm run build\n$/)
})
