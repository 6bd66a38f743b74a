import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { JoinRequestReport, NewToken, TokenReport } from '../../src/api/token-types.ts'
import type { CaReport } from '../../src/api/trust-types.ts'
import type { InitAnswer } from '../../src/api/types.ts'
import { type Agent, bin, endsAgents, eventually, hive, node, place } from '../support/agents.ts'
import { runScript } from '../support/run.ts'

/** Join tokens and approval, with real processes and the command line. */

endsAgents()

/** A cluster of one, with a secret that nobody else has; and what its init answered. */
async function founded(name: string, ...flags: string[]): Promise<[Agent, InitAnswer]> {
  const file = join(place(), `${name}.secret`)
  const { stdout } = await hive({}, 'secret', 'new')
  writeFileSync(file, stdout, { mode: 0o600 })
  const agent = await node(name, { args: ['--secret-file', file, '--log-level', 'debug'] })
  await agent.start().answers()
  return [agent, await agent.json<InitAnswer>('init', '--name', `of-${name}`, ...flags)]
}

function fileOf(name: string, token: string): string {
  const file = join(place(), name)
  writeFileSync(file, `${token}\n`, { mode: 0o600 })
  return file
}

async function joiner(name: string, at: Agent, file: string): Promise<Agent> {
  const agent = await node(name, { join: [at], args: ['--token-file', file] })
  return agent.start()
}

const refused = (agent: Agent, code: string) =>
  agent.reports(`it is refused: ${code}`, report => report.refused === code)

const create = (agent: Agent, ...flags: string[]): Promise<NewToken> =>
  agent.json<NewToken>('token', 'create', ...flags)

test('tokens let in whom they are for, and nobody else; each is told why', async () => {
  const [n1, { token: first, join: command }] = await founded('n1')
  expect(command).toMatch(/--token-file join.token$/)
  // The one that the init printed.
  const n2 = await joiner('n2', n1, fileOf('first', first!.token))
  await n1.sees({ n1: 'ready', n2: 'ready' })

  const once = await create(n1, '--role', 'host', '--name', 'n*')
  const n3 = await joiner('n3', n2, fileOf('once', once.token))
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready' })
  await n3.reports('its role', r => r.nodes.find(n => n.name === 'n3')?.roles[0]?.name === 'host')

  const spent = await joiner('n4', n2, fileOf('spent', once.token))
  await refused(spent, 'TOKEN_SPENT')
  const short = await create(n1, '--expires', '1s')
  await eventually(
    'it expires',
    () => n1.json<{ tokens: TokenReport[] }>('token', 'list'),
    ({ tokens }) => tokens.find(t => t.id === short.id)?.state === 'expired',
  )
  await refused(await joiner('n5', n1, fileOf('short', short.token)), 'TOKEN_EXPIRED')
  const revoked = await create(n2)
  expect((await n2.hive('token', 'revoke', revoked.id.slice(0, 6))).code).toBe(0)
  await refused(await joiner('n6', n1, fileOf('revoked', revoked.token)), 'TOKEN_REVOKED')
  const web = fileOf('web', (await create(n1, '--name', 'web-?')).token)
  await refused(await joiner('n7', n1, web), 'NAME_REFUSED')
  const [f1] = await founded('f1')
  const foreign = await create(f1)
  const { notices } = await refused(
    await joiner('n8', n1, fileOf('foreign', foreign.token)),
    'TOKEN_FOREIGN',
  )
  expect(notices.join()).toMatch(/of another cluster than the token/)
  const guess = { ...JSON.parse(contentOf(once.token)), secret: 'x'.repeat(43) }
  const guessed = `hive1.${Buffer.from(JSON.stringify(guess)).toString('base64url')}`
  await refused(await joiner('n9', n1, fileOf('guess', guessed)), 'TOKEN_WRONG')

  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready' })
  const told = (await n1.status()).notices.join()
  expect(told).toMatch(/TOKEN_(WRONG|REVOKED|EXPIRED)/)
  // The secret was shown where it was made and is nowhere else.
  const secret = JSON.parse(contentOf(once.token)).secret as string
  const said = [n1, n2, n3, spent].map(agent => agent.output).join()
  const shown = [await n1.hive('token', 'list'), await n1.hive('log'), await n1.hive('status')]
  expect([said, ...shown.map(ran => ran.stdout + ran.stderr)].join()).not.toContain(secret)
  for (const file of ['log.db', 'state.db', 'node.db', 'log.db-wal']) {
    const path = join(n1.dir, file)
    if (existsSync(path)) expect(readFileSync(path).includes(secret)).toBe(false)
  }
  // A member needs its token no more, and neither does its file have to be there.
  await n3.kill()
  n3.start('--token-file', join(place(), 'gone'))
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready' })
})

test('a node without the secret, off while the authority is changed, comes home', async () => {
  const [n1, { token }] = await founded('n1')
  const n2 = await joiner('n2', n1, fileOf('token', token!.token))
  await n1.sees({ n1: 'ready', n2: 'ready' })
  const show = () => n1.json<CaReport>('ca', 'show')
  const old = (await show()).authorities[0]!.fingerprint
  await n2.kill()
  await n1.sees({ n1: 'ready', n2: 'failed' })
  expect((await n1.hive('ca', 'rotate')).code).toBe(0)
  await eventually('n1 has changed', show, ({ certificates }) =>
    certificates.some(c => c.node === 'n1' && c.authority !== old),
  )
  await n1.kill()
  n1.start()
  n2.start()
  await n1.sees({ n1: 'ready', n2: 'ready' })
  await eventually('the old one is over', show, ({ authorities }) => authorities.length === 1)
})

test('hive join takes a token from a file, and refuses what is none', async () => {
  const [n1] = await founded('n1')
  const n2 = await node('n2')
  await n2.start().answers()
  const none = await n2.hive('join', n1.address, '--token-file', fileOf('none', 'hello'))
  expect(none).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/does not begin with hive1/),
  })
  const api = await n2.hive('join', n1.address, '--token-file', join(place(), 'missing'))
  expect(api).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no such file') })
  const { token } = await create(n1)
  const joined = await n2.hive('join', n1.address, '--token-file', fileOf('good', token))
  expect(joined.stdout).toMatch(/joined of-n1/)
  await n1.sees({ n1: 'ready', n2: 'ready' })
  // Through a pipe it touches no disk.
  const n3 = await node('n3')
  await n3.start().answers()
  const piped = await runScript(bin, ['join', n1.address, '--token-file', '-'], {
    cwd: tmpdir(),
    env: { HOME: tmpdir(), HIVE_SOCKET: n3.socket },
    stdin: `${(await create(n1, '--name', 'n3')).token}\n`,
  })
  expect(piped).toMatchObject({ code: 0, stdout: expect.stringMatching(/joined of-n1/) })
  await n1.sees({ n1: 'ready', n2: 'ready', n3: 'ready' })
})

test('where an operator decides, a joiner waits, is refused, and is let in after all', async () => {
  const [n1, { token }] = await founded('n1', '--approve')
  const n2 = await joiner('n2', n1, fileOf('token', token!.token))
  const { nodes, notices } = await refused(n2, 'AWAITS_APPROVAL')
  expect(nodes.find(n => n.name === 'n2')?.state).toBe('waiting')
  const { requests } = await n1.json<{ requests: JoinRequestReport[] }>('join-requests')
  expect(requests).toMatchObject([{ name: 'n2', state: 'waits', token: token!.id }])
  expect(notices.join()).toContain(requests[0]!.key!.slice(0, 16))
  const no = await n1.hive('refuse', 'n2', '--reason', 'not today')
  expect(no.stdout).toMatch(/^refused n2/)
  expect((await refused(n2, 'JOIN_REFUSED')).notices.join()).toMatch(/refused n2: not today/)
  const nobody = await n1.hive('admit', 'n9')
  expect(nobody).toMatchObject({ code: 1, stderr: expect.stringMatching(/nobody called n9/) })
  expect((await n1.hive('admit', 'n2')).stdout).toMatch(/^admitted n2/)
  await n2.sees({ n1: 'ready', n2: 'ready' })
  const after = await n1.json<{ requests: JoinRequestReport[] }>('join-requests')
  expect(after.requests).toEqual([])
})

function contentOf(token: string): string {
  return Buffer.from(token.slice('hive1.'.length), 'base64url').toString()
}
