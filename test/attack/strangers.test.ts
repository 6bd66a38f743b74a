import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { NewToken } from '../../src/api/token-types.ts'
import { type Agent, endsAgents, eventually, node, place } from '../support/agents.ts'
import { agreed, guarded, newSecret, type Stage, settled } from './stage.ts'
import {
  type Answer,
  clientHello,
  framed,
  greeting,
  hived,
  kind,
  request,
  someId,
  vote,
  type Way,
  Wire,
  welcome,
} from './wire.ts'

/**
 * Outsiders who speak to the port by themselves, with none of hive's code: without the secret, with tokens that do not count,
 * with the papers of a node that was removed. Whatever they say, nothing of what is agreed changes, and each
 * refusal has its code.
 */

endsAgents()

const names = [undefined, 'localhost', 'member.hive', 'secret.hive', 'token.hive'] as const
const tongues = [undefined, 'h2', 'hive-member/1', 'hive-secret/1', 'hive-token/1'] as const

/** A certificate that says what a true one says, of an authority that nobody believes. */
function forged(id: string, tag: string): { cert: string; key: string } {
  const [key, cert] = ['forged.key', 'forged.crt'].map(file => join(place(), file))
  const san = `subjectAltName=URI:hive:node:${id},URI:hive:cluster:${tag}`
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const about = ['-subj', '/CN=hive prod', '-addext', san, '-days', '2']
  const files = ['-keyout', key!, '-out', cert!]
  execFileSync('openssl', ['req', '-x509', ...curve, ...about, ...files], { stdio: 'ignore' })
  return { cert: readFileSync(cert!, 'utf8'), key: readFileSync(key!, 'utf8') }
}

/** Everything that a member could say, said at once and without being asked. */
function everything(id: string, tag: string): Buffer {
  const allegiance = { tag, clusterName: 'prod', epoch: 9, metaVersion: 2 ** 40, carries: true }
  return Buffer.concat([
    framed(kind.handshake, greeting({ id, allegiance })),
    framed(kind.verdict, welcome),
    framed(kind.raft, vote(1_000)),
    framed(kind.request, request(1, 'kv-put', { key: 'x', value: 'eA==' })),
    framed(kind.notice, Buffer.from('\0\u0006accuse\0\0\0\u0002{}', 'latin1')),
  ])
}

async function unchanged({ other }: Stage, before: string, what: string): Promise<void> {
  expect(await agreed(other), what).toBe(before)
}

test('without the secret: no name, no protocol, no paper and no garbage is answered by a word', async () => {
  const stage = await guarded()
  const { leader, other } = stage
  const before = await agreed(other)
  const { nodes, cluster } = await leader.status()
  const victim = nodes.find(n => n.name === other.name)!
  const papers = forged(victim.id, cluster.tag!)
  const ways: Way[] = [{}]
  for (const name of names) {
    for (const tongue of tongues) {
      for (const shown of [undefined, papers]) {
        for (const most of ['TLSv1.2', 'TLSv1.3'] as const) {
          const speaks = tongue && { speaks: [tongue] }
          ways.push({ tls: { ...(name && { name }), ...speaks, ...(shown && { papers }), most } })
        }
      }
    }
  }
  const anonymous = ({ tls }: Way) =>
    tls?.name === 'token.hive' && tls.speaks?.[0] === 'hive-token/1' && tls.most === 'TLSv1.3'
  let words = 0
  for (const way of ways) {
    const wire = await Wire.open(leader.port, way)
    wire.raw(everything(victim.id, cluster.tag!))
    await wire.ended()
    // A joiner with a token may be heard before it proves anything, and is told why not; nobody else hears a byte.
    if (anonymous(way)) {
      expect(await wire.verdict()).toMatchObject({ outcome: 'rejected', code: 'IDENTITY_MISMATCH' })
      words++
    } else {
      expect(wire.heard.length, `${JSON.stringify(way.tls)} heard something`).toBe(0)
    }
  }
  expect(words).toBe(2)
  await unchanged(stage, before, 'ways in')

  const first = await clientHello({ name: 'member.hive', speaks: ['hive-member/1'] })
  const cuts = [1, 4, 5, 6, 9, 40, 100, first.length - 1]
  const altered = [0, 1, 3, 5, 8, 43, 80, first.length - 1].map(at => {
    const bytes = Buffer.from(first)
    bytes[at]! ^= 0x55
    return bytes
  })
  const openings: readonly (readonly [string, Buffer])[] = [
    ...cuts.map(n => [`cut at ${n}`, first.subarray(0, n)] as const),
    ...altered.map((bytes, i) => [`altered, ${i}`, bytes] as const),
    ['said twice', Buffer.concat([first, first])],
    ['with a tail', Buffer.concat([first, randomBytes(5_000)])],
    ['noise', randomBytes(50_000)],
    ['zeros', Buffer.alloc(50_000)],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n')],
    ['a record of the most bytes that never comes', Buffer.from([0x16, 3, 1, 0xff, 0xff, 1])],
  ]
  const ended = await Promise.all(
    openings.map(async ([what, opening]) => {
      const wire = await Wire.open(leader.port, {})
      wire.raw(opening)
      await wire.ended(what)
      // At most an alert of TLS (21) comes back, or its own first flight (22): never a frame.
      return wire.heard.length
    }),
  )
  expect(Math.max(...ended)).toBe(0)
  await unchanged(stage, before, 'truncated and altered handshakes')
  await leader.reports('somebody knocked', r => r.notices.some(n => /foreign packets?/.test(n)))
  console.log(
    `${ways.length} ways in, ${openings.length} broken openings; ${(await leader.status()).notices.join('; ')}`,
  )
})

test('who proves nothing and is heard for a token: garbage in frames, and what is for members alone', async () => {
  const stage = await guarded()
  const { leader, other } = stage
  const before = await agreed(other)
  const { nodes, cluster } = await leader.status()
  const victim = nodes.find(n => n.name === other.name)!
  const allegiance = { tag: cluster.tag, clusterName: 'prod', epoch: 1, metaVersion: 1 }
  const hello = framed(kind.handshake, greeting({ id: someId(8) }))
  const length = (n: number): Buffer => {
    const bytes = Buffer.alloc(5)
    bytes.writeUInt32BE(n)
    return bytes
  }
  const deep = Buffer.from(`HIVE\u0001${'['.repeat(15_000)}`)
  const garbage: readonly (readonly [string, Buffer])[] = [
    ['a frame without a kind', length(0)],
    ['the longest length', length(2 ** 32 - 1)],
    ['a length just above the limit', length(17 * 1024)],
    ['a verdict first', framed(kind.verdict, welcome)],
    ['raft first', framed(kind.raft, vote(1_000))],
    ['a request first', framed(kind.request, request(1, 'join-ask', {}))],
    ['an unknown kind', framed(99, randomBytes(10))],
    ['no JSON', framed(kind.handshake, Buffer.from('HIVE\u0001{'))],
    ['JSON without an end', framed(kind.handshake, deep)],
    ['another layout', framed(kind.handshake, Buffer.from('HIVE\u0002{}'))],
    ['a hello of null', framed(kind.handshake, hived({ session: '0'.repeat(16), hello: null }))],
    [
      'a name with an escape',
      framed(kind.handshake, greeting({ id: someId(8), name: '\u001b[2J' })),
    ],
    ['a long name', framed(kind.handshake, greeting({ id: someId(8), name: 'x'.repeat(300) }))],
    ['two hellos', Buffer.concat([hello, hello])],
  ]
  for (const [what, bytes] of garbage) {
    const wire = await asJoiner(leader)
    wire.raw(bytes)
    await wire.ended()
    expect(
      wire.heard.filter(f => f.kind !== kind.verdict),
      what,
    ).toEqual([])
  }
  const claims: readonly (readonly [string, Record<string, unknown>, string])[] = [
    ['to be a node', { id: victim.id }, 'IDENTITY_MISMATCH'],
    ['to be some node', { id: someId(7) }, 'IDENTITY_MISMATCH'],
    ['to belong to the cluster', { id: someId(8), allegiance }, 'UNTRUSTED'],
    [
      'to belong to another',
      { id: someId(8), allegiance: { ...allegiance, tag: someId(7) } },
      'TAG_MISMATCH',
    ],
    ['another protocol', { id: someId(8), protocolMin: 7, protocolMax: 8 }, 'VERSION_MISMATCH'],
    ['another time', { id: someId(8), proof: { clock: '0' } }, 'CLOCK_SKEW'],
  ]
  for (const [what, claim, code] of claims) {
    const wire = await asJoiner(leader)
    wire.say(kind.handshake, greeting(claim))
    expect(await wire.verdict(), what).toMatchObject({ outcome: 'rejected', code })
    await wire.ended()
  }
  const wire = await linked(leader)
  const asked = ['kv-put', 'join', 'token-create', 'leave', 'digest', 'init-prepare', 'carries']
  for (const [i, method] of asked.entries()) {
    wire.ask(i, method, { node: victim, key: 'x' })
    const { ok, body } = await wire.answer(i)
    expect([method, ok, body.code]).toEqual([method, false, 'UNTRUSTED'])
  }
  wire.say(kind.raft, vote(1_000))
  wire.say(kind.swim, Buffer.from([5, 0, 0]))
  wire.ask(50, 'kv-put', {})
  await wire.answer(50)
  wire.hangUp()
  await unchanged(stage, before, 'what a stranger may say')
  // From one address so many may be linked, and no more.
  const crowd = await Promise.all(Array.from({ length: 24 }, () => asJoiner(leader)))
  for (const each of crowd) each.say(kind.handshake, greeting({ id: someId(8) }))
  // All at the same moment: each is welcome as far as it can be told then, and what is too much is hung up on.
  for (const each of crowd) {
    expect((await each.verdict()).outcome).toMatch(/^(welcome|busy)$/)
    each.say(kind.verdict, welcome)
  }
  await eventually(
    'sixteen of them stay',
    () => crowd.filter(each => each.end === undefined).length,
    left => left <= 16,
  )
  for (const each of crowd) each.hangUp()
  await unchanged(stage, before, 'a crowd')
})

const joinerWay: Way = { tls: { name: 'token.hive', speaks: ['hive-token/1'] } }

function asJoiner({ port }: Agent, from?: string): Promise<Wire> {
  return Wire.open(port, { ...joinerWay, ...(from && { from }) })
}

/** A link of somebody who proves nothing. */
async function linked(agent: Agent, from?: string): Promise<Wire> {
  const wire = await asJoiner(agent, from)
  wire.say(kind.handshake, greeting({ id: someId(8) }))
  expect(await wire.verdict()).toMatchObject({ outcome: 'welcome' })
  wire.say(kind.verdict, welcome)
  return wire
}

/** A key of the outsider's own, and the proof that it has it: what a CSR is. */
function ownKey(): { request: string; fingerprint: string } {
  const file = join(place(), 'own.key')
  const run = (...args: string[]) =>
    execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file)
  const request = run('req', '-new', '-key', file, '-subj', '/CN=mallory').toString()
  const spki = run('pkey', '-in', file, '-pubout', '-outform', 'DER')
  return { request, fingerprint: createHash('sha256').update(spki).digest('hex') }
}

function contentOf(token: string): { readonly id: string; readonly secret: string } {
  return JSON.parse(Buffer.from(token.slice('hive1.'.length), 'base64url').toString())
}

test('with a token that does not count, shown by hand: each is refused with its code and leaves nothing', async () => {
  const stage = await guarded()
  const { leader, other, all } = stage
  const create = (agent: Agent, ...flags: string[]) =>
    agent.json<NewToken>('token', 'create', ...flags)
  const expired = await create(leader, '--expires', '1s')
  const revoked = await create(leader)
  expect(await leader.hive('token', 'revoke', revoked.id)).toMatchObject({ code: 0 })
  const spent = await create(leader, '--uses', '1')
  const file = join(place(), 'spent')
  writeFileSync(file, spent.token, { mode: 0o600 })
  const n4 = (
    await node('n4', { join: [leader], http: false, args: ['--token-file', file] })
  ).start()
  await leader.sees({ n1: 'ready', n2: 'ready', n3: 'ready', n4: 'ready' })
  await settled(leader, 4)
  const named = await create(leader, '--name', 'web-*')
  const good = await create(leader)
  const stranger = await node('f1', {
    http: false,
    args: ['--secret-file', await newSecret('foreign')],
  })
  await stranger.start().answers()
  expect(await stranger.hive('init', '--name', 'elsewhere')).toMatchObject({ code: 0 })
  const foreign = await create(stranger)
  await eventually(
    'it expires',
    () => leader.client.tokens(),
    tokens => tokens.find(t => t.id === expired.id)?.state === 'expired',
  )
  const before = await agreed(other)
  const victim = (await other.status()).nodes.find(n => n.name === 'n4')!
  const mine = ownKey()
  const describe = (name: string, id = someId(7), key: string | undefined = mine.fingerprint) => ({
    ...{ id, name, dc: 'dc1', version: '0.1.0', incarnation: 1, roles: [] },
    ...{ address: { host: '127.0.0.1', port: 9 }, ...(key && { key }) },
  })
  const shown = (token: string) => {
    const { id, secret } = contentOf(token)
    return { token: { id, secret } }
  }
  const plea = { node: describe('mallory'), request: mine.request }
  const api = await create(leader, '--api', '--policy', 'operator')
  const [apiId, apiSecret] = api.token.slice('hive1api.'.length).split('.')
  const afterApi = await agreed(other)
  const rows: readonly (readonly [string, Record<string, unknown>, string])[] = [
    ['no token', plea, 'UNTRUSTED'],
    ['an expired one', { ...plea, ...shown(expired.token) }, 'TOKEN_EXPIRED'],
    ['a spent one', { ...plea, ...shown(spent.token) }, 'TOKEN_SPENT'],
    ['a revoked one', { ...plea, ...shown(revoked.token) }, 'TOKEN_REVOKED'],
    ["another cluster's", { ...plea, ...shown(foreign.token) }, 'TOKEN_WRONG'],
    [
      'a guess',
      { ...plea, token: { ...shown(good.token).token, secret: 'x'.repeat(43) } },
      'TOKEN_WRONG',
    ],
    [
      'its hash in place of it',
      { ...plea, token: { id: contentOf(good.token).id, secret: hashed(good.token) } },
      'TOKEN_WRONG',
    ],
    ['no secret', { ...plea, token: { id: contentOf(good.token).id } }, 'TOKEN_WRONG'],
    ['one for other names', { ...plea, ...shown(named.token) }, 'NAME_REFUSED'],
    ['one for the API', { ...plea, token: { id: apiId, secret: apiSecret } }, 'TOKEN_WRONG'],
    [
      "a good one, under a node's id",
      { ...plea, node: describe('n4', victim.id), ...shown(good.token) },
      'IDENTITY_MISMATCH',
    ],
    [
      "a good one, under a node's name",
      { ...plea, node: describe('n2'), ...shown(good.token) },
      'NAME_TAKEN',
    ],
    [
      'a good one, and a key that it has not',
      { ...plea, node: describe('mallory', someId(7), '0'.repeat(64)), ...shown(good.token) },
      'IDENTITY_MISMATCH',
    ],
    [
      'a good one, and no proof of a key',
      { node: describe('mallory'), ...shown(good.token) },
      'IDENTITY_MISMATCH',
    ],
    ['a token that is a list', { ...plea, token: [] }, 'BAD_REQUEST'],
    [
      'a token of ten thousand bytes',
      { ...plea, token: { id: 'x', secret: 'x'.repeat(10_000) } },
      'BAD_REQUEST',
    ],
    ['no node', { ...shown(good.token) }, 'BAD_REQUEST'],
    [
      'a name that is none',
      { ...plea, node: describe('../x'), ...shown(good.token) },
      'BAD_REQUEST',
    ],
  ]
  expect(JSON.parse(afterApi).nodes).toEqual(JSON.parse(before).nodes)
  const refusals: Record<string, number> = {}
  for (const [i, [what, body, code]] of rows.entries()) {
    for (const [j, door] of [leader, other].entries()) {
      const wire = await linked(door, `127.0.${j + 1}.${i + 1}`)
      wire.ask(1, 'join-ask', body)
      const answer = await wire.answer(1)
      expect([what, answer.ok, answer.body.code], JSON.stringify(answer)).toEqual([
        what,
        false,
        code,
      ])
      refusals[code] = (refusals[code] ?? 0) + 1
      wire.hangUp()
    }
    await unchanged(stage, afterApi, what)
  }
  console.log(JSON.stringify(refusals))
  // What is longer than a handshake is not read to its end.
  const long = await linked(leader, '127.0.8.8')
  long.ask(1, 'join-ask', { ...plea, token: { id: 'x', secret: 'x'.repeat(2 ** 20) } })
  await long.ended()
  expect(long.answers()).toEqual([])
  await unchanged(stage, afterApi, 'a token of a megabyte')

  // Whoever goes on guessing from one address is not even looked at, with a good token neither.
  const wire = await linked(other, '127.0.9.9')
  const answers: Answer[] = []
  for (let i = 0; i < 14; i++) {
    const guess = { id: contentOf(good.token).id, secret: randomBytes(32).toString('base64url') }
    wire.ask(i, 'join-ask', { ...plea, token: guess })
    answers.push(await wire.answer(i))
  }
  expect(answers[0]!.body.code).toBe('TOKEN_WRONG')
  expect(answers.at(-1)!.body.code).toBe('RATE_LIMITED')
  wire.ask(99, 'join-ask', { ...plea, ...shown(good.token) })
  expect((await wire.answer(99)).body.code).toBe('RATE_LIMITED')
  wire.hangUp()
  await unchanged(stage, afterApi, 'guessing')
  expect(all.concat(n4).every(agent => agent.running)).toBe(true)
})

function hashed(token: string): string {
  return createHash('sha256').update(contentOf(token).secret).digest('hex').slice(0, 43)
}
