import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cluster, endsAgents, hive, leaderOf, place } from '../support/agents.ts'
import { startScript } from '../support/run.ts'

/** What the open network can do to the leader of a cluster with a secret: nothing that anybody notices. */

endsAgents()

const seconds = 20
const silent = 10_000
/** Datagrams a second at least, so that it is a flood. */
const flood = 100_000
/** MiB that an agent may have at any time. */
const memoryLimit = 400

const megabytes = (pid: number, line: 'VmHWM' | 'VmRSS') =>
  Number(new RegExp(`${line}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) /
  1024

test('garbage by the hundred thousand and ten thousand silent connections', async () => {
  const file = join(place(), 'secret')
  writeFileSync(file, (await hive({}, 'secret', 'new')).stdout, { mode: 0o600 })
  const all = await cluster(3, undefined, { args: ['--secret-file', file], http: false })
  const leader = await leaderOf(all)
  const other = all.find(agent => agent !== leader)!
  const { term } = (await other.status()).cluster
  const script = join(import.meta.dirname, 'flood.ts')
  const attack = (...args: string[]) => startScript(script, args).ended
  const attacks = [
    attack('datagrams', String(leader.port), String(seconds)),
    attack('connections', String(leader.port), String(seconds), String(silent)),
  ]
  let over = false
  const ended = Promise.all(attacks).then(ran => {
    over = true
    return ran.map(({ stdout }) => JSON.parse(stdout) as Record<string, number>)
  })
  const latencies: number[] = []
  while (!over) {
    const began = performance.now()
    const key = `k${latencies.length % 100}`
    await other.client.send({
      method: 'PUT',
      path: `/v1/kv/${key}`,
      timeout: 5_000,
      body: Buffer.from('x'),
    })
    latencies.push(performance.now() - began)
  }
  const [datagrams, connections] = await ended
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))]!.toFixed(1)
  const memory = all.map(agent => megabytes(agent.pid, 'VmHWM'))
  console.log(
    `${(datagrams!.sent! / seconds / 1000).toFixed(0)} k datagrams/s, ${connections!.opened} connections; ` +
      `${latencies.length} writes, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; ` +
      `memory at most ${memory.map(m => m.toFixed(0)).join(', ')} MiB`,
  )
  expect(datagrams!.sent! / seconds).toBeGreaterThan(flood)
  expect(connections!.opened).toBeGreaterThan(silent / 2)
  expect(Math.max(...memory)).toBeLessThan(memoryLimit)
  expect(Number(at(0.99))).toBeLessThan(500)
  const report = await other.status()
  expect(report.cluster).toMatchObject({ leader: leader.name, term, state: 'active' })
  expect(report.nodes.map(n => n.state)).toEqual(['ready', 'ready', 'ready'])
  await leader.reports('somebody knocked', ({ notices }) =>
    notices.some(n => /foreign packets/.test(n)),
  )
})
