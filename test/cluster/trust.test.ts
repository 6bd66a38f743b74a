import { createPrivateKey, hkdfSync } from 'node:crypto'
import { chmodSync, cpSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { beforeEach, describe, expect, test } from 'vitest'
import type { CaReport, KeysReport } from '../../src/api/trust-types.ts'
import {
  type Agent,
  allReady,
  cluster,
  endsAgents,
  eventually,
  hive,
  leaderOf,
  node,
  place,
  zombies,
} from '../support/agents.ts'

/** Secrets, certificates and keys, with real processes and the command line. */

endsAgents()

let secret = ''
let secured: { args: string[] }

/** A file with a secret, as an operator makes it. */
async function makeSecret(name = 'secret'): Promise<string> {
  const { code, stdout } = await hive({}, 'secret', 'new')
  expect(code).toBe(0)
  const file = join(place(), name)
  writeFileSync(file, stdout, { mode: 0o600 })
  return file
}

beforeEach(async () => {
  const file = await makeSecret()
  secret = readFileSync(file, 'utf8').trim()
  secured = { args: ['--secret-file', file, '--log-level', 'debug'] }
})

const settledKeys = (agent: Agent, primary: number) =>
  eventually(
    `gossip key ${primary} alone`,
    () => agent.json<KeysReport>('keys', 'show'),
    keys => keys.primary === primary && keys.keys.length === 1,
  )

/** Every node has a certificate of the one authority. */
const certified = (agent: Agent, nodes: number) =>
  eventually(
    `${nodes} certificates of one authority`,
    () => agent.json<CaReport>('ca', 'show'),
    ({ authorities, certificates }) => {
      const [newest] = authorities
      const of = certificates.filter(c => !c.removed && c.authority === newest?.fingerprint)
      return authorities.length === 1 && of.length === nodes
    },
  )

describe('hive secret new', () => {
  test('makes another one each time, of 32 bytes', async () => {
    const other = readFileSync(await makeSecret('other'), 'utf8').trim()
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32)
    expect(other).not.toBe(secret)
    const { stdout } = await hive({}, 'secret', 'new', '--json')
    expect(JSON.parse(stdout)).toEqual({ secret: expect.stringMatching(/^[\w-]{43}$/) })
  })
})

describe('outside loopback', () => {
  test('an agent without anything to prove does not start, and says how to make a secret', async () => {
    for (const where of [
      ['--bind', '0.0.0.0:0'],
      ['--bind', '[::]:0'],
      ['--bind', '127.0.0.1:0', '--advertise', '10.0.0.9:4483'],
    ]) {
      const args = [
        'agent',
        '--name',
        'n1',
        '--data-dir',
        join(place(), 'lone'),
        '--http',
        'off',
        ...where,
      ]
      const { code, stderr } = await hive({}, ...args)
      expect(code).toBe(2)
      expect(stderr).toMatch(
        /^error: .* can be reached from outside this machine[\s\S]*do: .*hive secret new/,
      )
    }
  })

  test('with a secret it starts, from a file or from HIVE_SECRET, never from an argument', async () => {
    const n1 = await node('n1', {
      bare: true,
      env: {
        HIVE_SECRET: secret,
        HIVE_NAME: 'n1',
        HIVE_DATA_DIR: join(place(), 'n1'),
        HIVE_BIND: '0.0.0.0:0',
        HIVE_HTTP: 'off',
      },
    })
    await n1.start().answers()
    expect(readFileSync(`/proc/${n1.pid}/cmdline`, 'utf8')).not.toContain(secret)
    const flags = await hive({}, 'agent', '--secret', secret)
    expect(flags.code).toBe(2)
  })

  test('a file that holds no secret is refused without a word of what it holds', async () => {
    const file = join(place(), 'short')
    writeFileSync(file, 'hunter2-hunter2\n', { mode: 0o600 })
    const { code, stderr } = await hive(
      {},
      'agent',
      '--name',
      'n1',
      '--data-dir',
      join(place(), 'x'),
      '--secret-file',
      file,
    )
    expect(code).toBe(2)
    expect(stderr).toMatch(/holds is no secret/)
    expect(stderr).not.toContain('hunter2')
    const missing = await hive(
      {},
      'agent',
      '--data-dir',
      join(place(), 'x'),
      '--secret-file',
      '/no/such',
    )
    expect(missing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no such file'),
    })
  })
})

describe('a cluster with a secret', () => {
  test('certifies its nodes, keeps files and socket to itself, and lets nobody in who has another secret', async () => {
    const all = await cluster(3, ['n1', 'n2', 'n3'], secured)
    const [n1] = all as [Agent, Agent, Agent]
    await certified(n1, 3)
    await settledKeys(n1, 1)
    expect(statSync(n1.dir).mode & 0o777).toBe(0o700)
    expect(statSync(n1.socket).mode & 0o777).toBe(0o600)
    expect(statSync(join(n1.dir, 'identity.json')).mode & 0o777).toBe(0o600)

    const other = await makeSecret('other')
    const x1 = (await node('x1', { join: [n1], args: ['--secret-file', other] })).start()
    const x2 = (await node('x2', { join: [n1] })).start()
    for (const stranger of [x1, x2]) {
      // Who speaks no TLS hears nothing, and cannot tell it from a connection that broke.
      const why =
        stranger === x1 ? /do not believe each other/ : /broke .*--secret-file\), or a token/
      await stranger.reports('why', ({ notices }) => notices.some(n => why.test(n)))
      await stranger.sees({ [stranger.name]: 'zombie' })
    }
    await n1.reports('somebody knocks', ({ notices }) =>
      notices.some(n => /foreign packets?/.test(n)),
    )

    const n4 = (await node('n4', { join: [n1], ...secured })).start()
    await allReady([...all, n4])
    await certified(n4, 4)
    await n4.stop()
    n4.start()
    await allReady([...all, n4])
    expect((await n1.status()).nodes.map(n => n.name)).toEqual(['n1', 'n2', 'n3', 'n4'])
  })

  test('changes its gossip key while writes go on, also when the leader dies in the middle', async () => {
    const all = await cluster(4, ['n1', 'n2', 'n3'], secured)
    const n4 = all[3]!
    await settledKeys(n4, 1)
    const rotated = await n4.hive('keys', 'rotate')
    expect(rotated).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^gossip key 2 +in use/),
    })
    await allReady(all)
    expect((await n4.status()).notices).toEqual([])

    expect(await n4.hive('keys', 'rotate', '--no-wait')).toMatchObject({ code: 0 })
    const leader = await leaderOf(all)
    await leader.kill()
    expect(await n4.hive('kv', 'put', 'meanwhile', 'written')).toMatchObject({ code: 0 })
    await settledKeys(n4, 3)
    leader.start()
    await allReady(all)
    await settledKeys(leader, 3)
    const { stdout } = await n4.hive('log', '--json')
    expect(stdout).toContain('GossipKeyDropped')
  })

  test('changes its authority, and renews certificates at half of their life', async () => {
    const all = await cluster(3, undefined, {
      args: [...secured.args, '--certificate-life', '10s'],
    })
    const [n1, , n3] = all as [Agent, Agent, Agent]
    const first = await certified(n3, 3)
    const serials = (report: CaReport) => report.certificates.map(c => c.serial)
    await eventually(
      'every certificate is another',
      () => n3.json<CaReport>('ca', 'show'),
      now => serials(now).every(serial => !serials(first).includes(serial)),
    )
    expect(await n1.hive('ca', 'rotate')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('certifies'),
    })
    const after = await certified(n3, 3)
    expect(after.authorities[0]!.fingerprint).not.toBe(first.authorities[0]!.fingerprint)
    for (const agent of all) await agent.kill()
    for (const agent of all) agent.start()
    await allReady(all)
  })

  test('calls certificates that nobody renews a matter of health', async () => {
    const all = await cluster(4, ['n1', 'n2', 'n3'], {
      args: [...secured.args, '--certificate-life', '15s'],
    })
    const [n1, , , n4] = all as [Agent, Agent, Agent, Agent]
    const before = (await certified(n1, 4)).certificates.find(c => c.node === 'n4')!
    n4.signal('SIGSTOP')
    await n1.reports('it is told in time', ({ notices }) =>
      notices.some(n => /n4: its certificate ends in .* and was not renewed/.test(n)),
    )
    await n1.reports('and when it is over', ({ notices }) =>
      notices.some(n => /n4: its certificate has expired: .*--secret-file/.test(n)),
    )
    const shown = await n1.hive('doctor')
    expect(shown.code).not.toBe(0)
    expect(shown.stdout).toMatch(/fail +certificates .*n4 expired/)
    expect(await n1.hive('status')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/! n4: its certificate has expired/),
    })
    // It has the secret: a member again, with another certificate, by itself.
    n4.signal('SIGCONT')
    await eventually(
      'it has another one',
      () => n1.client.ca(),
      ({ certificates }) => {
        const now = certificates.find(c => c.node === 'n4')!
        return now.serial !== before.serial && now.notAfter > Date.now()
      },
    )
    await allReady(all)
  })

  test('refuses the certificate of a removed node at once', async () => {
    const all = await cluster(4, ['n1', 'n2', 'n3'], secured)
    const [n1, , , n4] = all as [Agent, Agent, Agent, Agent]
    await certified(n1, 4)
    await n4.kill()
    cpSync(n4.dir, join(place(), 'stolen'), { recursive: true })
    await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready', n4: 'failed' })
    expect(await n1.hive('leave', 'n4')).toMatchObject({ code: 0 })
    // Without the secret: the certificate is all that it has.
    const thief = (await node('n4', { join: [n1] }, 'stolen')).start()
    await thief.reports('it is out', ({ notices }) => notices.some(n => /REMOVED/.test(n)))
    await thief.sees({ n4: 'zombie' })
    expect(JSON.parse(readFileSync(join(thief.dir, 'identity.json'), 'utf8'))).not.toHaveProperty(
      'member',
    )
    await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready' })
    const report = await n1.json<CaReport>('ca', 'show')
    expect(report.certificates.filter(c => c.removed)).toHaveLength(1)
  })

  test('a node is its key: under its id another key is nobody', async () => {
    const all = await cluster(3, undefined, secured)
    const [n1, n2, n3] = all as [Agent, Agent, Agent]
    await certified(n1, 3)
    await n3.kill()
    writeFileSync(join(n3.dir, 'identity.json'), readFileSync(join(n2.dir, 'identity.json')))
    n3.start()
    await n3.reports('it is nobody', ({ notices }) =>
      notices.some(n => /IDENTITY_MISMATCH/.test(n)),
    )
    await n1.reports('n3 votes no more', ({ cluster: { quorum } }) => quorum.reachable === 2)
    await n1.reports('and why', ({ notices }) => notices.some(n => /refused n3 .*IDENTITY/.test(n)))
  })
})

describe('an address is an attribute', () => {
  test.each(['with a secret', 'without'])(
    'control nodes change ports one by one, %s',
    async how => {
      const options = how === 'without' ? {} : secured
      const all = await cluster(4, ['n1', 'n2', 'n3'], options)
      const n4 = all[3]!
      const ids = (await n4.status()).nodes.map(n => n.id)
      const moved: Agent[] = []
      for (const old of all.slice(0, 3)) {
        await old.stop()
        const here = (await node(old.name, { join: [n4], ...options }, old.name)).start()
        moved.push(here)
        await n4.reports(`${here.name} is at ${here.address}`, ({ nodes }) =>
          nodes.every(
            n => n.state === 'ready' && (n.name !== here.name || n.address === here.address),
          ),
        )
        expect(await n4.hive('kv', 'put', here.name, 'moved')).toMatchObject({ code: 0 })
      }
      await allReady([...moved, n4])
      expect((await n4.status()).nodes.map(n => n.id)).toEqual(ids)
      const { stdout } = await moved[0]!.hive('log')
      for (const { name, address } of moved)
        expect(stdout).toMatch(new RegExp(`NodeUpdated +${name}, at ${address}`))
      expect(await moved[2]!.hive('kv', 'get', 'n1')).toMatchObject({ stdout: 'moved\n' })

      // To another machine's address as well, without a seed: it knows whom to ask.
      const [first] = moved as [Agent]
      await first.stop()
      const at = `127.0.0.7:${first.port}`
      const { args = [] } = options as { args?: string[] }
      const flags = ['--name', 'n1', '--data-dir', first.dir, '--bind', at, '--http', 'off']
      const there = (await node('n1', { bare: true, args: [...args, ...flags] }, 'n1')).start()
      await n4.reports(`n1 is at ${at}`, ({ nodes }) =>
        nodes.every(n => n.state === 'ready' && (n.name !== 'n1' || n.address === at)),
      )
      await there.reports('it votes', ({ cluster: c }) => c.quorum.reachable === 3)
      expect(await there.hive('kv', 'get', 'n3')).toMatchObject({ stdout: 'moved\n' })
      expect((await n4.status()).nodes.map(n => n.id)).toEqual(ids)
    },
  )
})

describe('secrets', () => {
  test('stand nowhere but in the files that are for them', async () => {
    const all = await zombies(2, {
      args: ['--secret-file', join(place(), 'secret'), '--log-level', 'trace'],
    })
    const [n1, n2] = all as [Agent, Agent]
    const said: string[] = []
    const note = async (...args: string[]) => {
      const { stdout, stderr } = await n1.hive(...args)
      said.push(stdout, stderr)
    }
    const http = async (path: string, token?: string, method: 'GET' | 'POST' | 'PUT' = 'GET') => {
      const { body } = await request(`http://127.0.0.1:${n1.http}${path}`, {
        method,
        ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      })
      said.push(await body.text())
    }
    await note('init', '--name', 'prod', '--json')
    await allReady(all)
    await certified(n1, 2)
    await settledKeys(n1, 1)
    await note('keys', 'rotate', '--json')
    await note('ca', 'rotate', '--json')
    await certified(n1, 2)
    for (const command of [
      ...['status', 'log', 'ca show', 'keys show', 'role list', 'settings list', 'doctor'],
      ...['why election', 'why epoch', 'why n2', 'join-requests', 'recover plan', 'snapshot list'],
    ]) {
      await note(...command.split(' '), '--json')
      await note(...command.split(' '))
    }
    await note('join', '127.0.0.1:1', '--json')
    // What is wrong with a token is said without it.
    const lame = join(place(), 'lame')
    writeFileSync(lame, `hive1.${secret}`, { mode: 0o600 })
    await note('join', '127.0.0.1:1', '--token-file', lame)
    await note('join', '127.0.0.1:1', '--token-file', join(place(), 'secret'))
    // What tokens say is seen once, by whoever made them.
    const made = await n1.json<{ id: string; token: string }>(
      ...['token', 'create', '--api', '--policy', 'kv:app/:rw'],
    )
    const lets = await n1.json<{ id: string; token: string }>('token', 'create')
    const tokens = [made.token, lets.token]
    const tokenFile = join(place(), 'a.token')
    const elsewhere = async (content: string, ...args: string[]) => {
      writeFileSync(tokenFile, content)
      const env = { HIVE_HTTP_ADDR: `127.0.0.1:${n1.http}`, HIVE_API_TOKEN_FILE: tokenFile }
      const { stdout, stderr } = await hive({ ...env, HIVE_DEBUG: '1' }, ...args)
      said.push(stdout, stderr)
    }
    for (const token of [...tokens, `${made.token}x`, secret]) {
      await http('/v1/hive/status', token)
      await http('/v1/kv/app/x', token, 'PUT')
      await http('/v1/kv/other', token, 'PUT')
      await http('/v1/hive/leave?token=1', token, 'POST')
      await http(`/v1/hive/status?token=${token}`, token)
      await elsewhere(token, 'status')
      await elsewhere(token, 'kv', 'get', 'other', '--json')
    }
    await note('token', 'list')
    await note('token', 'list', '--json')
    await note('token', 'revoke', made.id, '--json')
    await http('/v1/hive/status', made.token)
    await note('log', '--json')
    for (const path of [
      '/v1/hive/openapi.json',
      '/v1/hive/tokens',
      '/v1/hive/settings',
      '/v1/hive/status',
      '/v1/hive/log',
      '/v1/hive/ca',
      '/v1/hive/keys',
      '/v1/agent/self',
      '/v1/catalog/nodes',
    ]) {
      await http(path)
    }
    for (const { output, pid } of [n1, n2]) {
      said.push(output, readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      said.push(readFileSync(`/proc/${pid}/environ`, 'utf8'))
    }

    const derived = ['hive gossip v1', 'hive secret authority v1'].map((info, i) =>
      Buffer.from(
        hkdfSync('sha256', Buffer.from(secret, 'base64url'), 'hive', info, [32, 48][i]!),
      ).toString('base64url'),
    )
    const secrets = [
      ...[secret, ...derived, ...tokens.map(secretOf)],
      ...[n1, n2].flatMap(agent => secretsOf(agent)),
    ]
    expect(secrets.length).toBeGreaterThan(8)
    for (const one of secrets) {
      expect(one.length).toBeGreaterThan(20)
      const bytes = Buffer.from(one, 'base64url')
      const forms = [one, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex')]
      for (const form of forms)
        expect(
          said.some(text => text.includes(form)),
          form.slice(0, 6),
        ).toBe(false)
    }
    // Nor in the databases, whose copies travel.
    for (const file of [
      'log.db',
      'log.db-wal',
      'state.db',
      'state.db-wal',
      'node.db',
      'node.db-wal',
    ]) {
      const bytes = readFileSync(join(n1.dir, file)).toString('latin1')
      for (const one of secrets) expect(bytes.includes(one)).toBe(false)
    }
  })

  test('a socket that a group may use lies where that group can pass, and no further', async () => {
    const n1 = await (await node('n1', { args: ['--socket-group', String(process.getegid!())] }))
      .start()
      .answers()
    expect(statSync(n1.socket).mode & 0o777).toBe(0o660)
    expect(statSync(n1.dir).mode & 0o777).toBe(0o710)
    for (const file of ['node.db', 'identity.json']) {
      expect(statSync(join(n1.dir, file)).mode & 0o077).toBe(0)
    }
    await n1.stop()
    chmodSync(n1.dir, 0o755)
    const wrong = await (await node('n2', { args: ['--socket-group', 'no-such-group'] })).start()
      .ended
    expect(wrong).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no group no-such-group'),
    })
  })
})

/** The part of a token that nobody but its holder may know. */
function secretOf(token: string): string {
  if (token.startsWith('hive1api.')) return token.split('.')[2]!
  const text = Buffer.from(token.split('.')[1]!, 'base64url').toString()
  return (JSON.parse(text) as { secret: string }).secret
}

/** Everything in a node's identity file that nobody else may know. */
function secretsOf(agent: Agent): string[] {
  const identity = JSON.parse(readFileSync(join(agent.dir, 'identity.json'), 'utf8')) as {
    key: string
    control?: string[]
    gossip: { keys: { key: string }[] }
  }
  const lines = identity.key.split('\n').filter(line => line.length > 20 && !line.startsWith('-'))
  // The private number alone, as a JWK or somebody's hexadecimal dump would show it.
  const { d } = createPrivateKey(identity.key).export({ format: 'jwk' })
  return [
    ...lines,
    d!,
    ...(identity.control ?? []),
    ...identity.gossip.keys.map(k => k.key),
  ].filter(text => text !== '')
}
