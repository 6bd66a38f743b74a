import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { StatusReport, WhyReport } from '../../src/api/types.ts'
import {
  type Agent,
  cluster,
  endsAgents,
  eventually,
  hive,
  leaderOf,
  node,
  place,
} from '../support/agents.ts'

/** Control nodes die, nodes are taken out, and somebody asks why. */

endsAgents()

const ok = { code: 0, stderr: '' }
const controls = ({ nodes }: StatusReport, name: string) =>
  nodes.find(n => n.name === name)?.control

async function other(all: readonly Agent[]): Promise<Agent> {
  const leader = await leaderOf(all)
  return all.find(agent => agent !== leader && agent.name !== 'n4')!
}

describe('a dead control node', () => {
  test('is named by the status, replaced by the observer, and told when it is back', async () => {
    const all = await cluster(4, ['n1', 'n2', 'n3'])
    const n4 = all[3]!
    const dead = await other(all)
    await dead.kill()
    const report = await n4.reports(
      'who is missing',
      r => r.cluster.quorum.missing?.[0]?.state === 'failed',
    )
    expect(report.cluster.quorum).toMatchObject({ voters: 3, reachable: 2, survives: 0 })
    expect(report.cluster.quorum.missing).toEqual([
      { name: dead.name, state: 'failed', since: expect.any(Number) },
    ])
    const shown = await n4.hive('status')
    expect(shown.code).toBe(1)
    expect(shown.stdout).toMatch(
      new RegExp(`! control node ${dead.name}: failed, since .*hive node remove ${dead.name}`),
    )
    expect(shown.stdout).toMatch(/2 of 3 control nodes answer, 2 are needed; none may be lost/)
    // Nobody who may vote is there until an operator says who.
    expect(await n4.hive('control', 'promote', 'n4', '--observer')).toMatchObject(ok)
    expect((await n4.hive('log', '--type', 'VotersChanged')).stdout).toMatch(
      /VotersChanged +voters n1 n2 n3, observers n4 {3}by \S+@\S+\n$/,
    )
    const heir = await n4.reports('the heir', r => r.cluster.quorum.missing?.[0]?.heir === 'n4')
    expect(controls(heir, dead.name)).toBe('voter')
    expect(await n4.hive('settings', 'set', 'voter-replacement-after', '1s')).toMatchObject(ok)
    await n4.reports(
      'n4 votes',
      r => controls(r, 'n4') === 'voter' && controls(r, dead.name) === 'observer',
    )
    const log = await n4.hive('log', '--type', 'VoterReplacing')
    expect(log.stdout).toMatch(
      new RegExp(`n4 gets the vote of ${dead.name}, failed for 1s   by leader n\\d\\n$`),
    )
    dead.start()
    const back = await dead.reports(
      'its place',
      r => controls(r, dead.name) === 'observer' && r.nodes.every(n => n.state === 'ready'),
    )
    expect(back.notices.join('\n')).toMatch(
      new RegExp(`${dead.name} observes since n4 got its vote`),
    )
    expect(await dead.hive('kv', 'put', 'a', 'b')).toMatchObject(ok)
    const why = await dead.json<WhyReport>('why', dead.name)
    expect(why.lines.map(l => l.text).join('\n')).toMatch(
      /failed: .*\(well\).* could not reach it[\s\S]*gives its vote to n4[\s\S]*lost its vote, and observes[\s\S]*was ready/,
    )
    expect(why.conclusion).toBe(`${dead.name} is ready, and answers`)
  }, 180_000)
})

describe('hive node remove', () => {
  test('takes a dead node out, keeps one that is alive, and never breaks the quorum', async () => {
    const all = await cluster(4, ['n1', 'n2', 'n3'])
    const [n1, , , n4] = all as [Agent, Agent, Agent, Agent]
    const alive = await n1.hive('node', 'remove', 'n4')
    expect(alive).toMatchObject({ code: 1, stdout: '' })
    expect(alive.stderr).toMatch(/^error: n4 is alive, .*\n {2}do: hive drain n4 first, .*--force/)
    expect((await n1.hive('node', 'remove', 'n44')).stderr).toMatch(
      /no node n44[\s\S]*did you mean n4/,
    )

    const dead = await other(all)
    await dead.kill()
    await n4.reports('it failed', r =>
      r.nodes.some(n => n.name === dead.name && n.state === 'failed'),
    )
    const out = await n4.hive('node', 'remove', dead.name)
    expect(out).toMatchObject(ok)
    expect(out.stdout).toMatch(
      /is removed.*\n2 control nodes are left, .*: hive control promote n4\n/,
    )
    expect((await n4.hive('log', '--type', 'NodeFailed')).stdout.split('\n')).toHaveLength(2)
    const left = await n4.json<WhyReport>('why', dead.name)
    expect(left.conclusion).toMatch(/left .* ago \(an operator asked for it\)/)

    // Of the two that are left none can be spared, whatever is said.
    const leader = await leaderOf(all)
    const rest = all.find(a => a !== dead && a !== leader && a !== n4)!
    await rest.kill()
    await n4.reports('nobody leads', r => r.cluster.leader === null)
    const refused = await n4.hive('node', 'remove', rest.name, '--force')
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(/do: .*hive recover plan/)
  }, 180_000)

  test('what a removed node proves itself by is refused at once', async () => {
    const file = join(place(), 'secret')
    writeFileSync(file, (await hive({}, 'secret', 'new')).stdout, { mode: 0o600 })
    const secured = { args: ['--secret-file', file] }
    const all = await cluster(4, ['n1', 'n2', 'n3'], secured)
    const [n1, n2, , n4] = all as [Agent, Agent, Agent, Agent]
    await eventually(
      'four certificates',
      () => n1.json<{ certificates: { removed: boolean }[] }>('ca', 'show'),
      ({ certificates }) => certificates.length === 4,
    )
    await n4.kill()
    await n1.reports('n4 failed', r => r.nodes.some(n => n.name === 'n4' && n.state === 'failed'))
    // Whoever has its disk has its key, its certificate, and its memory of the cluster; not the secret.
    const thief = await node('n4', { join: [n2] }, 'thief')
    cpSync(n4.dir, thief.dir, { recursive: true })
    expect(await n1.hive('node', 'remove', 'n4')).toMatchObject(ok)
    thief.start()
    await thief.answers()
    await eventually(
      'it is refused',
      () => n1.json<WhyReport>('why', 'n4'),
      ({ lines }) =>
        lines.some(l => l.where !== undefined && /refused n4 .*(REMOVED|UNTRUSTED)/.test(l.text)),
    )
    expect(await n1.states()).toEqual({ n1: 'ready', n2: 'ready', n3: 'ready' })
    expect((await thief.hive('kv', 'get', 'x')).code).not.toBe(0)
  }, 180_000)
})

describe('hive why', () => {
  test('tells of elections, epochs, joins and nodes', async () => {
    const all = await cluster(3)
    const first = await leaderOf(all)
    await first.kill()
    const rest = all.filter(a => a !== first)
    const next = await leaderOf(rest)
    const asked = rest[0]!
    const election = await asked.json<WhyReport>('why', 'election')
    expect(election.conclusion).toMatch(
      new RegExp(
        `^${next.name} leads in term \\d+ since event \\d+, .*; \\d+ elections? in the last hour`,
      ),
    )
    const told = election.lines.filter(l => l.seq !== undefined).map(l => l.text)
    expect(told[0]).toMatch(
      new RegExp(`^term \\d+: ${first.name} was elected: there was none before$`),
    )
    expect(told.at(-1)).toMatch(new RegExp(`${next.name} was elected: (no leader|the port)`))
    expect(election.lines.some(l => l.where === next.name)).toBe(true)
    expect(election.silent).toEqual([first.name])
    const epoch = await asked.hive('why', 'epoch')
    expect(epoch).toMatchObject(ok)
    expect(epoch.stdout).toMatch(/epoch 1: the cluster «prod» was made[\s\S]*the epoch is 1 since/)

    // One that may not come in, as its name is taken.
    const twin = (await node(next.name, { join: [asked] }, 'twin')).start()
    await twin.answers()
    const join_ = await eventually(
      'the refusal',
      () => asked.json<WhyReport>('why', 'join', next.name),
      ({ lines }) => lines.some(l => /NAME_TAKEN/.test(l.text)),
    )
    expect(join_.subject).toBe(next.name)
    const atTwin = await twin.hive('why', 'join', next.name)
    expect(atTwin.code).toBe(0)

    const unknown = await asked.hive('why', 'n33')
    expect(unknown).toMatchObject({ code: 1, stdout: '' })
    expect(unknown.stderr).toMatch(/nobody here knows of a node n33\n {2}do: did you mean n3\?/)
    expect(await asked.hive('why', 'join')).toMatchObject({ code: 2 })
    const error = await asked.json<{ error: { code: string } }>('why', 'nobody')
    expect(error.error.code).toBe('UNKNOWN_NODE')
  }, 180_000)
})
