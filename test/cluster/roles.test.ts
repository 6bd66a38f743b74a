import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { RoleReport } from '../../src/api/types.ts'
import {
  type Agent,
  cluster,
  endsAgents,
  eventually,
  node,
  place,
  zombies,
} from '../support/agents.ts'
import { freePort } from '../support/ports.ts'

/** Roles by command, and the host role with services that live and die. */

endsAgents()

const open: (Server | TcpServer)[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

async function listen<S extends Server | TcpServer>(server: S, port: number): Promise<S> {
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', () => resolve()))
  open.push(server)
  return server
}

interface Service {
  readonly id: string
  readonly checks: readonly {
    readonly id: string
    readonly status: string
    readonly output: string
  }[]
}

async function servicesOf(agent: Agent): Promise<Record<string, string[]>> {
  const { services } = await agent.json<{ services: Service[] }>('service', 'list')
  return Object.fromEntries(services.map(({ id, checks }) => [id, checks.map(c => c.status)]))
}

const shows = (agent: Agent, wanted: Record<string, string[]>) =>
  eventually(
    `${agent.name}: services ${JSON.stringify(wanted)}`,
    () => servicesOf(agent),
    seen => JSON.stringify(seen) === JSON.stringify(wanted),
  )

test('roles are assigned, run, shown and taken away', async () => {
  const all = await cluster(2, ['n1'])
  const [n1, n2] = all as [Agent, Agent]
  const early = await n2.hive('service', 'register', 'web', '--port', '80')
  expect(early).toMatchObject({ code: 1, stdout: '' })
  expect(early.stderr).toMatch(/^error: .*role.*\n {2}do: hive role assign n2 host/)

  const assigned = await n1.hive('role', 'assign', 'n2', 'host')
  expect(assigned.stdout).toMatch(/^n2 has been assigned host \(event \d+\)\n$/)
  await n1.reports('it runs', ({ nodes }) => nodes[1]!.roles[0]?.state === 'running')
  const { roles } = await n2.json<{ roles: RoleReport[] }>('role', 'list')
  expect(roles.find(({ name }) => name === 'host')).toMatchObject({
    description: expect.stringMatching(/./),
    nodes: [{ node: 'n2', state: 'running' }],
  })
  expect(await n1.hive('role', 'list')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/host +n2 +running/),
  })
  const before = await n1.json<{ next: number }>('log')
  expect(await n1.hive('role', 'assign', 'n2', 'host')).toMatchObject({
    ...{ code: 0, stdout: 'n2 has host already\n' },
  })
  expect((await n1.json<{ next: number }>('log')).next).toBe(before.next)

  const mistakes = [
    [['assign', 'n9', 'host'], /^error: no node n9/],
    [['assign', 'n2', 'hots'], /^error: no such role: hots\n {2}do: did you mean host\?/],
    [['unassign', 'n1', 'host'], /^error: n1 does not have the role host/],
  ] as const
  for (const [words, said] of mistakes) {
    const failed = await n1.hive('role', ...words)
    expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(said) })
  }
  expect(await n1.hive('role', 'unassign', 'n2', 'host')).toMatchObject({ code: 0 })
  await n1.reports('it is gone', ({ nodes }) => nodes[1]!.roles.length === 0)

  // Over a restart, and given at the start.
  expect(await n1.hive('role', 'assign', 'n2', 'host')).toMatchObject({ code: 0 })
  await n2.stop()
  n2.start()
  await n1.reports('it runs again', ({ nodes }) => {
    return nodes[1]!.state === 'ready' && nodes[1]!.roles[0]?.state === 'running'
  })
  const n3 = (await node('n3', { join: [n1], roles: ['host'] })).start()
  await n3.reports('it came with its role', ({ nodes }) => {
    return nodes[2]?.roles[0]?.state === 'running'
  })
  const never = (await node('n4', { join: [n1], roles: ['dsn'] })).start()
  expect(await never.ended).toMatchObject({ code: 2, stderr: expect.stringContaining('dsn') })
})

test('services with checks of each kind', async () => {
  const [n1] = await zombies(1, { roles: ['host'] })
  const agent = n1!
  expect(await agent.hive('init')).toMatchObject({ code: 0 })
  await agent.reports('host runs', ({ nodes }) => nodes[0]!.roles[0]?.state === 'running')

  const tcp = await freePort()
  const http = await freePort()
  let well = 200
  const db = await listen(
    createTcpServer(socket => socket.destroy()),
    tcp,
  )
  await listen(
    createServer((_, response) => response.writeHead(well).end(`it says ${well}`)),
    http,
  )
  const quick = ['--interval', '1s', '--timeout', '1s']
  const register = (...words: string[]) => agent.hive('service', 'register', ...words)
  expect(
    await register('db', '--port', String(tcp), '--check', `tcp:127.0.0.1:${tcp}`, ...quick),
  ).toMatchObject({ code: 0, stdout: 'registered: db\n' })
  const url = `http://127.0.0.1:${http}/health`
  expect(
    await register('web', '--port', String(http), '--tag', 'v2', '--check', url, ...quick),
  ).toMatchObject({ code: 0 })
  expect(await register('batch', '--check', 'ttl:2s')).toMatchObject({ code: 0 })
  await shows(agent, { batch: ['critical'], db: ['passing'], web: ['passing'] })

  const consul = (path: string) =>
    fetch(`http://127.0.0.1:${agent.http}/v1/agent/${path}`, { method: 'PUT' })
  expect((await consul('check/pass/service:batch?note=done')).status).toBe(200)
  expect((await servicesOf(agent)).batch).toEqual(['passing'])
  well = 429
  await new Promise<void>(resolve => db.close(() => resolve()))
  open.splice(open.indexOf(db), 1)
  // The TTL passes without a word, the port is shut, and the page says that it is busy.
  await shows(agent, { batch: ['critical'], db: ['critical'], web: ['warning'] })
  const table = await agent.hive('service', 'list')
  expect(table.stdout).toMatch(/db +critical +.*REFUSED/)
  expect(table.stdout).toMatch(/web +warning +.*v2.*429/)
  well = 503
  await shows(agent, { batch: ['critical'], db: ['critical'], web: ['critical'] })
  well = 200
  await listen(
    createTcpServer(socket => socket.destroy()),
    tcp,
  )
  await shows(agent, { batch: ['critical'], db: ['passing'], web: ['passing'] })

  // What was registered by command is there after a crash.
  await agent.kill()
  agent.start()
  await agent.reports('host runs', ({ nodes }) => nodes[0]!.roles[0]?.state === 'running')
  await shows(agent, { batch: ['critical'], db: ['passing'], web: ['passing'] })

  const file = join(place(), 'services.toml')
  writeFileSync(file, '[[services]]\nname = "mail"\nport = 25\n\n[[services]]\nname = "imap"\n')
  expect(await agent.hive('service', 'register', '--file', file)).toMatchObject({
    code: 0,
    stdout: 'registered: mail, imap\n',
  })
  expect(await agent.hive('service', 'deregister', 'batch')).toMatchObject({ code: 0 })
  await shows(agent, { db: ['passing'], imap: [], mail: [], web: ['passing'] })

  const wrong = [
    ['x', '--check', 'icmp:1.2.3.4'],
    ['x', '--check', 'ttl:never'],
    ['x', '--port', '99999'],
    ['--file', join(place(), 'none.toml')],
  ]
  for (const words of wrong) {
    const failed = await register(...words)
    expect({ words, ...failed }).toMatchObject({ code: 2, stdout: '' })
    expect(failed.stderr).toMatch(/^error: [^\n]+\n( {2}do: [^\n]+\n)?$/)
  }
  const missing = await agent.hive('service', 'deregister', 'nothing')
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('nothing') })
})
