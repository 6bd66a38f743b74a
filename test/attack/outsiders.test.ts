import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { DoctorReport } from '../../src/api/doctor-types.ts'
import { type Agent, cluster, endsAgents, hive, leaderOf, place } from '../support/agents.ts'
import { startScript } from '../support/run.ts'
import { cpuTime, forSeconds, mostMemory, table, writing } from './load.ts'

/**
 * What the open network can do to the leader of a cluster with a secret: nothing that anybody notices. The attacker runs
 * beside it and takes a core; figures are printed for docs/security.md.
 */

endsAgents()

const seconds = 20
/** s before and after, to compare with. */
const calm = 6
const silent = 10_000
/** Datagrams a second at least, so that it is a flood; a machine with nothing else to do gives a hundred thousand. */
const flood = 10_000
/** MiB that an agent may have at any time. */
const memoryLimit = 400

async function guarded(): Promise<{ all: Agent[]; leader: Agent; other: Agent; term: number }> {
  const file = join(place(), 'secret')
  writeFileSync(file, (await hive({}, 'secret', 'new')).stdout, { mode: 0o600 })
  const all = await cluster(3, undefined, { args: ['--secret-file', file] })
  const leader = await leaderOf(all)
  const other = all.find(agent => agent !== leader)!
  const { term } = (await other.status()).cluster
  return { all, leader, other, term }
}

/** Attacks by processes of their own; what each says that it did. */
function attack(...scripts: readonly (readonly (string | number)[])[]) {
  const script = join(import.meta.dirname, 'flood.ts')
  let over = false
  const done = Promise.all(scripts.map(args => startScript(script, args.map(String)).ended)).then(
    ran => {
      over = true
      return ran.map(({ stdout, stderr }) => {
        if (stdout === '') throw new Error(`the attacker failed: ${stderr}`)
        return JSON.parse(stdout) as Record<string, number>
      })
    },
  )
  return { over: () => over, done }
}

/** Nobody got in, nobody was given up, and nobody else leads. */
async function unharmed({ all, leader, other, term }: Awaited<ReturnType<typeof guarded>>) {
  const report = await other.status()
  expect(report.nodes.map(n => [n.name, n.state])).toEqual(all.map(a => [a.name, 'ready']))
  const { events } = await other.json<{ events: { type: string }[] }>('log')
  expect(events.filter(e => e.type === 'NodeFailed')).toEqual([])
  const elections = events.filter(e => e.type === 'LeaderElected').length
  const memory = all.map(agent => `${agent.name} ${mostMemory(agent.pid).toFixed(0)}`).join(', ')
  const loop = (await leader.json<{ nodes: DoctorReport[] }>('doctor')).nodes[0]!.checks.find(
    c => c.name === 'event-loop',
  )!
  console.log(
    `elections ${elections}, term ${term} → ${report.cluster.term}; memory at most ${memory} MiB; afterwards ${loop.figures}`,
  )
  expect(Math.max(...all.map(agent => mostMemory(agent.pid)))).toBeLessThan(memoryLimit)
  return report
}

/** A port that nobody reads: what an attacker takes of the machine is known by it apart from what it takes of an agent. */
async function sink(): Promise<{ readonly port: number; close(): void }> {
  const run = startScript(join(import.meta.dirname, 'flood.ts'), ['sink'])
  await run.said(/\d+\n/)
  run.child.kill('SIGSTOP')
  return { port: Number(run.output.stdout), close: () => run.child.kill('SIGKILL') }
}

test('garbage by the hundred thousand and ten thousand silent connections', async () => {
  const stage = await guarded()
  const { leader, other } = stage
  const before = await writing('nobody attacks', other, forSeconds(calm))
  const nobody = await sink()
  const beside = attack(['datagrams', nobody.port, calm])
  const elsewhere = await writing(
    'as many datagrams go to a port that nobody reads',
    other,
    beside.over,
  )
  await beside.done
  nobody.close()
  const spent = cpuTime(leader.pid)
  const during = attack(
    ['datagrams', leader.port, seconds],
    ['connections', leader.port, seconds, silent],
  )
  const examined = leader.json<{ nodes: DoctorReport[] }>('doctor')
  const attacked = await writing('an attacker floods the leader', other, during.over)
  const [datagrams, connections] = await during.done
  const cores = (cpuTime(leader.pid) - spent) / attacked.seconds
  const after = await writing('it is over', other, forSeconds(calm))
  const lag = (await examined).nodes[0]!.checks.find(c => c.name === 'event-loop')!
  console.log(
    `${(datagrams!.sent! / seconds / 1000).toFixed(0)} k datagrams/s, ${connections!.opened} connections, ${connections!.held} at once; ${cores.toFixed(2)} of a core; ${lag.figures}`,
  )
  console.log(table([before, elsewhere, attacked, after]))
  expect(datagrams!.sent! / seconds).toBeGreaterThan(flood)
  expect(connections!.opened).toBeGreaterThan(silent / 2)
  expect(attacked.refused).toBe(0)
  expect(attacked.writes).toBeGreaterThan(seconds)
  await unharmed(stage)
  await leader.reports('somebody knocked', ({ notices }) =>
    notices.some(n => /foreign packets?/.test(n)),
  )
})

test('the HTTP port: silent and slow clients, garbage in a row, and what is too large', async () => {
  const stage = await guarded()
  const { leader, other } = stage
  const before = await writing('nobody attacks', other, forSeconds(calm))
  const during = attack(
    ['connections', leader.http, seconds, silent],
    ['slowloris', leader.http, seconds, 500],
    ['pipelined', leader.http, seconds, 20],
    ['oversized', leader.http, seconds, 4],
  )
  const local = writing("the leader's own socket meanwhile", leader, during.over)
  const attacked = await writing('clients attack its HTTP port', other, during.over)
  const did = await during.done
  const after = await writing('it is over', other, forSeconds(calm))
  console.log(JSON.stringify(did))
  console.log(table([before, attacked, await local, after]))
  expect(attacked.refused).toBe(0)
  expect((await local).refused).toBe(0)
  await unharmed(stage)
  // Its port serves again.
  const answer = await fetch(`http://127.0.0.1:${leader.http}/v1/hive/status`)
  expect(answer.status).toBeLessThan(500)
})
