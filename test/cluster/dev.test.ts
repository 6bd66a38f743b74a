import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StatusReport } from '../../src/api/types.ts'
import { type Ran, type Running, runScript, startScript } from '../support/run.ts'

/** `hive dev` as a person meets it: real agents, the built bundle, nothing but the command line. */

const bin = join(import.meta.dirname, '../../bin/hive.js')
let cwd: string
const running: Running[] = []
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'hive-dev-'))
})
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGTERM')
    await ended
  }
  rmSync(cwd, { recursive: true })
})

function dev(...args: string[]): Running {
  const run = startScript(bin, ['dev', ...args], { cwd })
  running.push(run)
  return run
}

const hive = (...args: string[]): Promise<Ran> => runScript(bin, args, { cwd, env: { HOME: cwd } })

async function status(): Promise<StatusReport> {
  return JSON.parse((await hive('status', '--json')).stdout)
}

const settled = { timeout: 30_000, interval: 200 }
const healthy = () => expect.poll(async () => (await hive('status')).code, settled).toBe(0)

test('starts, serves, survives, stops and resumes', async () => {
  const first = dev()
  await first.said(/In another terminal/)
  await healthy()
  expect(await hive('kv', 'put', 'colour', 'blue')).toMatchObject({ code: 0 })
  const { nodes } = await status()
  expect(nodes.map(node => node.name)).toEqual(['n1', 'n2', 'n3'])

  first.child.kill('SIGTERM')
  expect(await first.ended).toMatchObject({ code: 0, stderr: '' })
  expect(await hive('status')).toMatchObject({ code: 2 })

  const second = dev()
  await second.said(/In another terminal/)
  await healthy()
  expect(await hive('kv', 'get', 'colour')).toMatchObject({ code: 0, stdout: 'blue\n' })
  expect((await status()).nodes.map(node => node.address)).toEqual(nodes.map(n => n.address))
})

test('its agents end with it, however it ends', async () => {
  const run = dev('--nodes', '1')
  await run.said(/In another terminal/)
  await healthy()
  run.child.kill('SIGKILL')
  await run.ended
  await expect.poll(async () => (await hive('status')).code, settled).toBe(2)
  expect(readFileSync(join(cwd, '.hive/n1/agent.log'), 'utf8')).toContain('the parent is gone')
})

test('one a directory, and a larger one later', async () => {
  const run = dev('--nodes', '1')
  await run.said(/In another terminal/)
  const again = await dev('--nodes', '1').ended
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('another hive dev') })
  run.child.kill('SIGTERM')
  await run.ended
  await dev('--nodes', '2').said(/In another terminal/)
  await expect
    .poll(async () => (await status()).nodes.map(n => n.state), settled)
    .toEqual(['ready', 'ready'])
})
