import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { DoctorReport } from '../../src/api/doctor-types.ts'
import { cluster, endsAgents, hive, place, zombies } from '../support/agents.ts'

/** `hive doctor` on real sockets and a real disk. What the machine is like today, the test does not judge. */

endsAgents()

interface Shown {
  readonly verdict: string
  readonly nodes: readonly DoctorReport[]
}
const check = (report: DoctorReport | undefined, name: string) =>
  report?.checks.find(c => c.name === name)

test('zombies, a cluster with a secret, and one without a quorum', async () => {
  const secret = join(place(), 'secret')
  writeFileSync(secret, (await hive({}, 'secret', 'new')).stdout, { mode: 0o600 })
  const options = { args: ['--secret-file', secret], http: false }
  const [zombie] = await zombies(1, options)
  const alone = await zombie!.json<Shown>('doctor')
  expect(check(alone.nodes[0], 'quorum')?.verdict).toBe('skipped')
  expect(check(alone.nodes[0], 'disk-sync')?.figures).toMatch(/p99 .* of \d+ fsyncs/)
  await zombie!.end()

  const all = await cluster(3, undefined, options)
  const [n1, n2, n3] = all
  const shown = await n1!.json<Shown>('doctor', '--all')
  expect(shown.nodes.map(n => n.node)).toEqual(['n1', 'n2', 'n3'])
  for (const report of shown.nodes) {
    for (const name of ['quorum', 'links', 'tcp', 'udp', 'mtu', 'certificates', 'versions'])
      expect([name, check(report, name)?.verdict]).toEqual([name, 'ok'])
    expect(check(report, 'mtu')?.peers).toHaveLength(2)
    expect(check(report, 'open-files')?.figures).toMatch(/^\d+ of \d+$/)
  }
  expect(existsSync(join(n1!.dir, 'doctor.tmp'))).toBe(false)

  await n2!.kill()
  await n3!.kill()
  await n1!.reports('it is alone', ({ cluster: c }) => c.quorum.reachable === 1)
  const text = await n1!.hive('doctor')
  expect(text.code).toBe(2)
  expect(text.stdout).toMatch(/fail +quorum +1 of 3 voters reachable/)
  expect((await n1!.hive('doctor', '--node', 'n2')).stderr).toMatch(/n2 cannot be reached/)
  expect((await n1!.hive('doctor', '--node', 'n9')).stderr).toMatch(/knows no node n9/)
  await n1!.stop()
  expect((await n1!.hive('doctor')).code).toBe(2)
  const offline = await hive({}, 'doctor', '--data-dir', n1!.dir, '--json')
  const { nodes } = JSON.parse(offline.stdout) as Shown
  expect(check(nodes[0], 'certificates')?.verdict).toBe('ok')
  expect(check(nodes[0], 'disk-sync')?.figures).toMatch(/fsyncs/)
})
