import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { Agent as HttpClient, request } from 'undici'
import { beforeAll, describe, expect, test } from 'vitest'
import type { StatusReport } from '../../src/api/types.ts'
import {
  type Agent,
  allReady,
  endsAgents,
  eventually,
  hive,
  node,
  place,
  zombies,
} from '../support/agents.ts'

/**
 * The HTTP API where others than this machine reach it: real processes, one control node and two that carry no log.
 * Tests build on each other in their order.
 */

endsAgents('shared')

let all: Agent[] = []
let n1: Agent
let n3: Agent
let options: { args: string[]; httpHost: string }
let ca = ''

interface Made {
  readonly id: string
  readonly token: string
}

beforeAll(async () => {
  const { stdout } = await hive({}, 'secret', 'new')
  const file = join(place(), 'secret')
  writeFileSync(file, stdout, { mode: 0o600 })
  options = { args: ['--secret-file', file, '--log-level', 'debug'], httpHost: '0.0.0.0' }
  all = await zombies(3, options)
  n1 = all[0]!
  n3 = all[2]!
}, 120_000)

async function make(policies: string[], ...more: string[]): Promise<Made> {
  const each = policies.flatMap(policy => ['--policy', policy])
  return n1.json<Made>('token', 'create', '--api', ...each, ...more)
}

interface Sent {
  readonly token?: string
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE'
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly plain?: boolean
}

async function ask(agent: Agent, path: string, sent: Sent = {}) {
  const { token, method = 'GET', body, headers = {}, plain = false } = sent
  const dispatcher = new HttpClient({ connect: { ca } })
  try {
    const answer = await request(`${plain ? 'http' : 'https'}://127.0.0.1:${agent.http}${path}`, {
      dispatcher,
      method,
      headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) },
      ...(body !== undefined && { body }),
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, headers: answer.headers, text }
  } finally {
    await dispatcher.close()
  }
}

const errorOf = ({ text }: { text: string }) => JSON.parse(text).error

/** Who vouches for what the port shows now. */
function issuerOf(agent: Agent, authorities: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: agent.http, ca: authorities }, () => {
      const issuer = socket.getPeerX509Certificate()?.issuerCertificate
      socket.destroy()
      if (issuer) resolve(issuer.fingerprint256.replaceAll(':', '').toLowerCase())
      else reject(new Error('no chain'))
    })
    socket.on('error', reject)
  })
}

test('before there is a cluster, the port answers nothing to anybody', async () => {
  for (const path of ['/v1/hive/status', '/v1/kv/a', '/']) {
    const answer = await ask(n1, path, { plain: true })
    expect(answer.status).toBe(503)
    expect(errorOf(answer)).toMatchObject({ code: 'NOT_INITIALISED' })
  }
  const body = '{"name":"mine"}'
  expect((await ask(n1, '/v1/hive/init', { plain: true, method: 'POST', body })).status).toBe(503)
  await expect(ask(n1, '/v1/hive/status')).rejects.toThrow()
  expect((await n1.status()).cluster.state).toBe('zombie')
})

test('then it speaks TLS with the certificate of the cluster, and answers nobody without a token', async () => {
  expect(await n1.hive('init', '--name', 'prod', '--control', 'n1')).toMatchObject({ code: 0 })
  await allReady(all)
  const shown = await n1.hive('ca', 'show', '--pem')
  expect(shown.stdout).toMatch(/^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\n$/)
  ca = shown.stdout
  for (const agent of all) {
    await eventually(
      `${agent.name} has its certificate`,
      () => ask(agent, '/v1/hive/status'),
      ({ status }) => status === 401,
    )
    const answer = await ask(agent, '/v1/kv/?recurse')
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    expect(errorOf(answer)).toMatchObject({
      code: 'UNAUTHENTICATED',
      remedy: expect.stringContaining('hive token create --api'),
    })
    const plain = await ask(agent, '/v1/hive/status', { plain: true })
    expect(plain.status).toBe(400)
    expect(errorOf(plain).message).toBe('this port speaks TLS')
  }
})

describe('a token', () => {
  test('counts on every node as soon as it is made, for what its policies say', async () => {
    const { token } = await make(['read', 'kv:app/:rw'], '--note', 'ci')
    for (const agent of [n3, ...all]) {
      const status = await ask(agent, '/v1/hive/status', { token })
      expect((JSON.parse(status.text) as StatusReport).cluster.name).toBe('prod')
      const put = { token, method: 'PUT' as const, body: agent.name }
      expect((await ask(agent, `/v1/kv/app/${agent.name}`, put)).text).toBe('true')
      expect((await ask(agent, `/v1/kv/other`, put)).status).toBe(403)
      const headers = { 'x-consul-token': token }
      expect((await ask(agent, '/v1/kv/app/?keys', { headers })).text).toContain('app/n3')
      const wide = await ask(agent, '/v1/kv/ap?recurse', { token })
      expect(wide.status).toBe(403)
      expect(errorOf(wide).remedy).toContain('kv:ap:r')
      const leave = await ask(agent, '/v1/hive/leave', { token, method: 'POST', body: '{}' })
      expect(leave.status).toBe(403)
    }
    const { stdout } = await n1.hive('token', 'list')
    expect(stdout).toMatch(/alive .*API: read kv:app\/:rw +ci/)
    expect(stdout).not.toContain(token.slice(-43))
  })

  test('is the actor of what it changes, in the event log and in the log of requests', async () => {
    const { id, token } = await make(['operator'], '--note', 'deploy')
    const body = '{"settings":{"tombstone-grace":"96h"}}'
    const headers = { 'x-hive-actor': 'somebody@else' }
    const sent = { token, method: 'POST' as const, body, headers }
    expect((await ask(n3, '/v1/hive/settings', sent)).status).toBe(200)
    const { events } = await n1.json<{ events: { type: string; actor: string }[] }>('log')
    expect(events.filter(e => e.type === 'SettingsChanged').at(-1)?.actor).toBe(
      `token:${id}/deploy`,
    )
    const line = n3.output.split('\n').find(l => l.includes('"/v1/hive/settings"'))
    expect(JSON.parse(line!)).toMatchObject({
      level: 'info',
      method: 'POST',
      route: '/v1/hive/settings',
      status: 200,
      ms: expect.any(Number),
      actor: `token:${id}/deploy`,
    })
  })

  test('that was revoked or has expired counts nowhere any more, and is told why', async () => {
    const revoked = await make(['read'])
    const short = await make(['read'], '--expires', '1s')
    for (const agent of all) await ask(agent, '/v1/hive/status', { token: revoked.token })
    expect(await n1.hive('token', 'revoke', revoked.id)).toMatchObject({ code: 0 })
    // On a control node at once: the answer to the revocation came after it was applied there.
    expect((await ask(n1, '/v1/hive/status', { token: revoked.token })).status).toBe(401)
    for (const agent of all) {
      for (const [{ token }, why] of [
        [revoked, /was revoked/],
        [short, /expired/],
      ] as const) {
        const answer = await eventually(
          `${agent.name} refuses it`,
          () => ask(agent, '/v1/hive/status', { token }),
          ({ status }) => status === 401,
        )
        expect(errorOf(answer).message).toMatch(why)
      }
    }
  })

  test('for nodes is none for the API', async () => {
    const { token } = await n1.json<Made>('token', 'create')
    expect((await ask(n3, '/v1/hive/status', { token })).status).toBe(401)
  })
})

test('the command line reaches an agent from elsewhere, by flags or by variables', async () => {
  const { token } = await make(['read'])
  const [caFile, tokenFile] = ['ca.pem', 'api.token'].map(name => join(place(), name))
  writeFileSync(caFile!, ca)
  writeFileSync(tokenFile!, `${token}\n`)
  const at = `https://127.0.0.1:${n3.http}`
  const flags = ['--ca-file', caFile!, '--api-token-file', tokenFile!]
  expect(await hive({}, 'status', '--address', at, ...flags)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^prod +active/),
  })
  const env = { HIVE_HTTP_ADDR: at, HIVE_CA_FILE: caFile!, HIVE_API_TOKEN_FILE: tokenFile! }
  expect(await hive(env, 'status', '--json')).toMatchObject({ code: 0 })
  expect(await hive(env, 'leave', 'n2')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('it needs the policy operator'),
  })
  const doubtful = await hive({ ...env, HIVE_CA_FILE: '' }, 'status')
  expect(doubtful).toMatchObject({ code: 1, stderr: expect.stringContaining('hive ca show --pem') })
  const without = await hive({ ...env, HIVE_API_TOKEN_FILE: '' }, 'status')
  expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('--api-token-file') })
  const secretFile = options.args[1]!
  const other = await hive({ ...env, HIVE_API_TOKEN_FILE: secretFile }, 'status')
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('no token of the API') })
})

test('a rotation of the authority reaches the port without a restart', async () => {
  const { token } = await make(['read'])
  const before = await issuerOf(n3, ca)
  expect(await n1.hive('ca', 'rotate')).toMatchObject({ code: 0 })
  for (const agent of all) {
    await eventually(
      `${agent.name} shows a certificate of the new authority`,
      async () => {
        ca = (await n1.hive('ca', 'show', '--pem')).stdout
        return issuerOf(agent, ca)
      },
      issuer => issuer !== before,
    )
    expect((await ask(agent, '/v1/hive/status', { token })).status).toBe(200)
  }
})

test('on loopback a token is asked for where that is wanted, as behind a proxy', async () => {
  const n4 = await node('n4', {
    join: [n1],
    args: [...options.args, '--http-auth', 'on'],
  })
  await n4.start().answers()
  await n4.reports('it is ready', ({ nodes }) =>
    nodes.some(n => n.name === 'n4' && n.state === 'ready'),
  )
  const { token } = await make(['read'])
  expect((await ask(n4, '/v1/hive/status', { plain: true })).status).toBe(401)
  expect((await ask(n4, '/v1/hive/status', { plain: true, token })).status).toBe(200)
})

test('while nobody can say whether a token counts, it does not', async () => {
  const { token } = await make(['read'])
  expect((await ask(n3, '/v1/hive/status', { token })).status).toBe(200)
  await n1.kill()
  const answer = await eventually(
    'n3 does not know',
    () => ask(n3, '/v1/hive/status', { token }),
    ({ status }) => status === 503,
    60_000,
  )
  expect(errorOf(answer)).toMatchObject({ code: 'NO_QUORUM' })
  n1.start()
  await eventually(
    'n3 can ask again',
    () => ask(n3, '/v1/hive/status', { token }),
    ({ status }) => status === 200,
  )
})

test('guesses are slowed down, and do not shut out who has shown that he may', async () => {
  const { token } = await make(['read'])
  expect((await ask(n3, '/v1/hive/status', { token })).status).toBe(200)
  const guess = { token: `${token.slice(0, -43)}${'A'.repeat(43)}` }
  const limited = await eventually(
    'too many guesses',
    () => ask(n3, '/v1/kv/app/x', guess),
    ({ status }) => status === 429,
  )
  expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0)
  expect(errorOf(limited)).toMatchObject({ code: 'RATE_LIMITED' })
  expect((await ask(n3, '/v1/hive/status', { token })).status).toBe(200)
})
