import { writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import type { NewToken } from '../../src/api/token-types.ts'
import type { StatusReport, WhyReport } from '../../src/api/types.ts'
import { eventsVersion } from '../../src/state/events.ts'
import { greeting, kind, someId, type Verdict, Wire } from '../attack/wire.ts'
import {
  type Agent,
  allReady,
  cluster,
  endsAgents,
  eventually,
  hive,
  node,
  place,
} from '../support/agents.ts'
import { buildOf } from '../support/builds.ts'
import { freePort } from '../support/ports.ts'

/** Every row of the first validation that no other file here tells of, with real processes (docs/recovery.md). */

endsAgents()

const ok = { code: 0 }
const notice = (pattern: RegExp) => (report: StatusReport) =>
  report.notices.some(n => pattern.test(n))
const names = ({ nodes }: StatusReport) => nodes.map(n => n.name)
const three = { n1: 'ready', n2: 'ready', n3: 'ready' } as const

/** What `agent` answers to somebody who says this of itself, on loopback without a secret. */
async function knock(agent: Agent, hello: Record<string, unknown>): Promise<Verdict> {
  const wire = await Wire.open(agent.port, {})
  wire.say(kind.handshake, greeting({ id: someId(7), name: 'n9', ...hello }))
  try {
    return await wire.verdict()
  } finally {
    wire.hangUp()
  }
}

/** How such an agent would speak of its cluster. */
async function allegianceOf(agent: Agent): Promise<Record<string, unknown>> {
  const { tag, name, epoch, metaVersion } = (await agent.status()).cluster
  return { tag, clusterName: name, epoch, metaVersion }
}

test('busy: told so, and let in elsewhere; an initialised node infects no zombie', async () => {
  const all = await cluster(3)
  const [n1, n2, n3] = all as [Agent, Agent, Agent]
  for (const agent of all) await agent.kill()
  n1.start()
  // n4 asks n1, which waits for a quorum: so n4 has no time, and knows of no cluster.
  const n4 = (await node('n4', { join: [n1] })).start()
  await n4.reports('it is put off', r => r.refused === 'NO_QUORUM')
  await eventually(
    'n4 is busy',
    () => knock(n4, {}),
    v => v.outcome === 'busy' && /n4 is in the middle of an init or a join/.test(v.reason ?? ''),
  )
  const n5 = (await node('n5', { join: [n4] })).start()
  await n5.reports('it hears so', r => r.refused === 'BUSY' || r.refused === 'NO_QUORUM')
  const why = await n4.json<WhyReport>('why', 'join', 'n9')
  expect(why.lines.map(l => l.text).join()).toMatch(/refused n9 .*BUSY/)
  for (const zombie of [n4, n5]) {
    const { cluster: c } = await zombie.status()
    expect(c).toMatchObject({ state: 'zombie', tag: null })
  }
  for (const stranger of ['n4', 'n5']) expect(names(await n1.status())).not.toContain(stranger)
  n2.start()
  n3.start()
  await allReady([n1, n2, n3, n4, n5])
}, 120_000)

test('the meta version: smaller, larger and known, larger and unheard of', async () => {
  const all = await cluster(5, ['n1', 'n2', 'n3'])
  const [n1, n2, , n4, n5] = all as [Agent, Agent, Agent, Agent, Agent]
  const before = (await n1.status()).cluster.metaVersion!
  await n4.kill()
  n2.signal('SIGSTOP')
  expect(await n1.hive('control', 'promote', 'n5')).toMatchObject(ok)
  await n1.reports('a newer one', ({ cluster: c }) => c.metaVersion! > before)
  const allegiance = await allegianceOf(n1)

  // n2 is asked before it can have heard: it finds out first, and takes nobody for diverged meanwhile.
  const early = knock(n2, { allegiance })
  n2.signal('SIGCONT')
  expect((await early).outcome).toMatch(/^(busy|welcome)$/)
  const said = new Set<string>()
  await eventually(
    'n2 knows it, too',
    async () => {
      const { outcome } = await knock(n2, { allegiance })
      said.add(outcome)
      return outcome
    },
    outcome => outcome === 'welcome',
  )
  expect(said).not.toContain('rejected')

  // n4 missed it all, and comes back with what it knew.
  n4.start()
  const report = await n4.reports('the newer configuration', ({ cluster: c }) => {
    return c.state === 'active' && c.metaVersion === allegiance.metaVersion
  })
  expect(report.nodes.find(n => n.name === 'n5')?.control).toBe('voter')

  // Of a future that never was.
  await n4.kill()
  const db = new Database(join(n4.dir, 'node.db'))
  const kept = db.prepare("UPDATE facts SET json = json_set(json, '$.cluster.metaVersion', 99)")
  expect(kept.run().changes).toBe(1)
  db.close()
  n4.start()
  const told = await n4.reports('it is refused', notice(/refused by n\d at .*DIVERGED/))
  expect(told.notices.join()).toMatch(/meta version 99 of «prod».*nothing is lost.*hive recover/)
  await n5.reports('whom it refused', notice(/n5: refused n4 at .*DIVERGED/))
  await n4.stop()
  const again = new Database(join(n4.dir, 'node.db'))
  const facts = again.prepare('SELECT json FROM facts').pluck().get() as string
  again.close()
  expect(JSON.parse(facts)).toMatchObject({ cluster: { metaVersion: 99, tag: allegiance.tag } })
}, 120_000)

test('no common protocol: final, told at both ends, and nothing stays behind', async () => {
  const [n1] = (await cluster(1)) as [Agent]
  const build = await buildOf(join(place(), 'next'), {
    ...{ product: '0.2.0', protocol: { min: 8, max: 9 }, events: eventsVersion },
  })
  const n2 = await node('n2', { join: [n1] })
  n2.build = build
  n2.start()
  const told = await n2.reports('it is refused', r => r.refused === 'VERSION_MISMATCH')
  expect(told.notices.join()).toMatch(/hive 0\.2\.0\) speaks protocol 8–9.*upgrade the older/)
  await n1.reports('whom it refused', notice(/refused n2 at .*VERSION_MISMATCH/))
  const asked = await n2.hive('join', n1.address)
  expect(asked).toMatchObject({ code: 1, stderr: expect.stringMatching(/VERSION_MISMATCH/) })
  expect(n1.output).toMatch(/VERSION_MISMATCH/)
  expect(n2.output).toMatch(/VERSION_MISMATCH/)
  expect(names(await n1.status())).toEqual(['n1'])
}, 120_000)

test('a clock that is off: refused at both ends, and let in once it is set', async () => {
  const [n1] = (await cluster(1)) as [Agent]
  const slow = 'const { now } = Date; Date.now = () => now() - 600_000'
  const late = await node('late', {
    join: [n1],
    env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(slow)}` },
  })
  late.start()
  const told = await late.reports('it is refused', r => r.refused === 'CLOCK_SKEW')
  expect(told.notices.join()).toMatch(/10 min behind that of n1.*set the clock/)
  await n1.reports('whom it refused', notice(/refused late at .*CLOCK_SKEW/))
  expect(names(await n1.status())).toEqual(['n1'])
  await late.stop()
  const set = (await node('late', { join: [n1] }, 'late')).start()
  await set.sees({ late: 'ready', n1: 'ready' })
})

/** A role that says who may come, as somebody might write one. */
const warden = `const warden = {
  name: 'warden', description: 'Says who may come', kind: 'processor',
  provides: [], requires: ['host'], needsForBootstrap: [],
  parse: () => ({ config: {} }),
  plan: known => (known.goal === 'run' ? [{ what: 'look at who comes' }] : []),
  apply: async () => {},
  validate: peer => peer.name.startsWith('x')
    ? { answer: 'reject', code: 'REFUSED', reason: peer.name + ' is not of this rack' }
    : peer.name.startsWith('b')
      ? { answer: 'busy', reason: 'the rack is being moved' }
      : { answer: 'accept' },
}
export const builtInRoles: readonly RoleFacts[] = [warden,`

test('a role refuses a joiner, puts another off, and needs a role itself', async () => {
  const versions = { product: '0.1.0', protocol: { min: 1, max: 1 }, events: eventsVersion }
  const registry = /roles\/registry\.ts$/
  const build = await buildOf(join(place(), 'guarded'), versions, [
    [registry, /export const builtInRoles: readonly RoleFacts\[\] = \[/, warden],
    [registry, /\[host as Role\]/, '[host as Role, warden as Role]'],
  ])
  const guarded = async (name: string, at: Agent[], roles: string[] = []): Promise<Agent> => {
    const agent = await node(name, { join: at, roles })
    agent.build = build
    return agent.start()
  }
  const n1 = await guarded('n1', [])
  await n1.sees({ n1: 'zombie' })
  expect(await n1.hive('init', '--name', 'prod')).toMatchObject(ok)
  const n2 = await guarded('n2', [n1], ['warden'])
  const missing = await n2.reports('what it lacks', r => r.refused === 'MISSING_ROLE')
  expect(missing.notices.join()).toMatch(
    /needs a role that runs nowhere: host.*hive role assign NODE host/,
  )
  expect(names(await n1.status())).toEqual(['n1'])
  expect(await n1.hive('role', 'assign', 'n1', 'host')).toMatchObject(ok)
  await n1.sees({ n1: 'ready', n2: 'ready' })
  await n1.reports('the warden is at work', ({ nodes }) => {
    return nodes[1]?.roles[0]?.state === 'running'
  })

  const x1 = await guarded('x1', [n2])
  const told = await x1.reports('it is refused', r => r.refused === 'REFUSED')
  expect(told.notices.join()).toMatch(/role warden: x1 is not of this rack/)
  await n2.reports('whom', notice(/n2: refused x1 at .*REFUSED: role warden: x1 is not/))
  const b1 = await guarded('b1', [n2])
  await b1.reports('it is put off', r => r.refused === 'BUSY' && notice(/is being moved/)(r))
  const n3 = await guarded('n3', [n2])
  await n3.sees(three)
  for (const stranger of [x1, b1]) expect((await stranger.status()).cluster.tag).toBeNull()
  // The rule ends with the role.
  expect(await n1.hive('role', 'unassign', 'n2', 'warden')).toMatchObject(ok)
  await n1.sees({ ...three, b1: 'ready', x1: 'ready' })

  // One that this cluster has never heard of.
  const [plain] = [(await node('p1')).start()]
  await plain.sees({ p1: 'zombie' })
  expect(await plain.hive('init', '--name', 'plain')).toMatchObject(ok)
  const alien = await guarded('p2', [plain], ['warden'])
  await alien.reports('it is refused', r => r.refused === 'UNKNOWN_ROLE')
  expect(names(await plain.status())).toEqual(['p1'])
}, 180_000)

describe('a handshake that is cut', () => {
  const open: { close(): void }[] = []
  afterEach(() => {
    for (const each of open.splice(0)) each.close()
  })

  /** Less than what a server says in its handshake. */
  const afters = [0, 1, 200, 500, 800]

  /** On the way to `to`: cuts each connection after so many of the server's bytes, until it is healed. */
  async function badWay(to: Agent) {
    const port = await freePort()
    const cuts = { made: 0 }
    let healed = false
    const held = new Set<Socket>()
    const server = createServer(here => {
      const there = connect(to.port, '127.0.0.1')
      for (const each of [here, there]) {
        held.add(each)
        each.on('error', () => {}).on('close', () => [here, there].map(s => s.destroy()))
      }
      if (healed) {
        here.pipe(there)
        there.pipe(here)
        return
      }
      const n = cuts.made++
      const limit = afters[n % afters.length]!
      const cut = () => (n % 2 ? here.resetAndDestroy() : here.end())
      let passed = 0
      here.on('data', bytes => (limit === 0 ? cut() : there.write(bytes)))
      there.on('data', bytes => {
        const rest = bytes.subarray(0, limit - passed)
        passed += rest.length
        here.write(rest, () => passed >= limit && cut())
      })
    })
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', () => resolve()))
    open.push({
      close() {
        server.close()
        for (const socket of held) socket.destroy()
      },
    })
    return {
      address: `127.0.0.1:${port}`,
      cuts,
      heal() {
        healed = true
      },
    }
  }

  test.each(['the secret', 'a token'])(
    'is no distrust to a joiner with %s',
    async what => {
      const secret = join(place(), 'secret')
      writeFileSync(secret, (await hive({}, 'secret', 'new')).stdout, { mode: 0o600 })
      const [n1] = (await cluster(1, undefined, { args: ['--secret-file', secret] })) as [Agent]
      await eventually(
        'n1 is certified',
        () => n1.client.ca(),
        ({ certificates }) => certificates.length === 1,
      )
      const file = join(place(), 'token')
      const { token } = await n1.json<NewToken>('token', 'create')
      writeFileSync(file, token, { mode: 0o600 })
      const papers = what === 'a token' ? ['--token-file', file] : ['--secret-file', secret]
      const way = await badWay(n1)
      const n2 = (await node('n2', { args: [...papers, '--join', way.address] })).start()
      await n2.answers()
      const codes = new Set<string | undefined>()
      await eventually(
        'it was cut at every place',
        async () => {
          const report = await n2.status()
          codes.add(report.refused)
          expect(report.cluster.state).toBe('zombie')
          return way.cuts.made
        },
        made => made > afters.length,
        90_000,
      )
      const told = await n2.reports('what it saw', r => r.refused === 'TIMEOUT')
      expect(told.notices.join()).toMatch(/broke the connection off.*goes on trying/)
      expect([...codes].filter(code => code !== undefined)).toEqual(['TIMEOUT'])
      expect(n2.output).not.toMatch(/UNTRUSTED|TOKEN_/)
      // Whoever asks by hand is told that it goes on, and not that it is over.
      const asked = await n2.hive('join', way.address, ...(what === 'a token' ? papers : []))
      expect(asked).toMatchObject({
        code: 1,
        stdout: expect.stringMatching(/^still trying: .*goes on trying/),
      })
      way.heal()
      await n2.sees({ n1: 'ready', n2: 'ready' })
      expect((await n2.status()).notices.join()).not.toMatch(/broke the connection/)
    },
    180_000,
  )
})
