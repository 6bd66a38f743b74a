import { chmodSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Backend, DrainProgress } from '../../src/api/types.ts'
import { served } from '../api/served.ts'
import { type Bundled, bundled } from '../support/bundled.ts'
import { healthyReport, noQuorumReport } from '../support/reports.ts'
import { type Running, startScript } from '../support/run.ts'

/** Commands that go on until somebody ends them, and what they leave behind. */

let cli: Bundled
let agent: Awaited<ReturnType<typeof served>>
const running: Running[] = []
beforeAll(async () => {
  cli = await bundled()
})
afterAll(() => cli.remove())
beforeEach(async () => {
  agent = await served()
})
afterEach(async () => {
  for (const { child } of running.splice(0)) child.kill('SIGKILL')
  await agent.close()
})

function hive(...args: string[]): Running {
  const run = startScript(cli.bin, args, { env: { HIVE_SOCKET: agent.path } })
  running.push(run)
  return run
}

const backend = (methods: Partial<Backend>) => Object.assign(agent.backend, methods)

const draining: DrainProgress = {
  node: 'n1',
  state: 'draining',
  steps: [{ what: 'role dns', state: 'running', detail: '' }],
  index: 1,
}

test('Ctrl-C leaves a drain going, and says so', async () => {
  backend({ drain: async () => draining, drainProgress: () => new Promise(() => {}) })
  const drain = hive('drain', 'n1')
  await drain.said(/running {2}role dns/)
  drain.child.kill('SIGINT')
  const { code, stderr } = await drain.ended
  expect(code).toBe(130)
  expect(stderr).toContain('n1 goes on draining')
  expect(stderr).toContain('hive drain n1 --cancel')
})

test('a drain that somebody else undid ends in an error', async () => {
  backend({
    drain: async () => draining,
    drainProgress: async () => ({ ...draining, state: 'ready', index: 2 }),
  })
  const { code, stderr } = await hive('drain', 'n1').ended
  expect(code).toBe(1)
  expect(stderr).toContain('n1 is ready and not draining any more')
})

test('log --follow --json prints an event a line as they happen', async () => {
  const event = (seq: number) =>
    ({ seq, term: 1, epoch: 1, time: 0, actor: 'a', type: 'KvPut', data: {} }) as const
  let happen = () => {}
  const happened = new Promise<void>(resolve => {
    happen = resolve
  })
  backend({
    status: async () => healthyReport,
    log: async ({ from, wait }) => {
      if (wait === undefined) return { events: from === 0 ? [event(1)] : [], next: 2 }
      await (from > 5 ? new Promise(() => {}) : happened)
      return { events: [event(5)], next: 6 }
    },
  })
  const log = hive('log', '--follow', '--json')
  await log.said(/"seq":1,.*\n/)
  happen()
  await log.said(/"seq":5,.*\n/)
  log.child.kill('SIGINT')
  const { signal, stdout } = await log.ended
  expect(signal).toBe('SIGINT')
  expect(
    stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).seq),
  ).toEqual([1, 5])
})

test('status --watch prints what differs, and exits with the health it saw last', async () => {
  const reports = [healthyReport, healthyReport, noQuorumReport]
  backend({ status: async () => (reports.length > 1 ? reports.shift()! : reports[0]!) })
  const watch = hive('status', '--watch', '--json')
  await watch.said(/"degraded"/)
  watch.child.kill('SIGINT')
  const { code, stdout } = await watch.ended
  const lines = stdout.trim().split('\n')
  expect(code).toBe(2)
  expect(lines.map(line => JSON.parse(line).cluster.state)).toEqual(['active', 'degraded'])
})

test('a reader that has seen enough ends a command quietly', async () => {
  backend({ status: async () => healthyReport })
  const status = hive('status')
  status.child.stdout!.destroy()
  expect(await status.ended).toMatchObject({ code: 0, stderr: '' })
})

test('a socket of somebody else', async () => {
  backend({ status: async () => healthyReport })
  // Root may open everything, so the command runs as nobody.
  const root = process.getuid?.() === 0
  chmodSync(cli.folder, 0o755)
  chmodSync(dirname(agent.path), 0o755)
  chmodSync(agent.path, root ? 0o700 : 0o000)
  const env = { HIVE_SOCKET: agent.path }
  const status = startScript(cli.bin, ['status'], { env, ...(root && { uid: 65534 }) })
  running.push(status)
  const { code, stderr } = await status.ended
  expect(stderr).toContain('may not be opened by this user')
  expect(code).toBe(2)
})
