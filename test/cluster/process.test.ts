import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import {
  type Agent,
  bin,
  cluster,
  endsAgents,
  eventually,
  hive,
  node,
  place,
  zombies,
} from '../support/agents.ts'
import { freePort } from '../support/ports.ts'
import { type Ran, runScript } from '../support/run.ts'

/** The agent as a process: how it is told to start and stop, and what it says when it cannot. */

endsAgents()

/** Nobody, on this and most systems. */
const stranger = 65_534
const asRoot = process.getuid?.() === 0

/** One or two lines that say what and what to do, after the trace of a start that had begun. */
const brief = (what: RegExp) =>
  expect.stringMatching(
    new RegExp(`^(\\{[^\\n]+\\}\\n)*error: ${what.source}[^\\n]*\\n( {2}do: [^\\n]+\\n)?$`),
  )

const refused = (what: RegExp) => ({ code: 2, stdout: '', stderr: brief(what) })

describe('start and stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s is no farewell', async signal => {
    const all = await cluster(2, ['n1'])
    const [n1, n2] = all as [Agent, Agent]
    const began = performance.now()
    n2.signal(signal)
    expect(await n2.ended).toMatchObject({ code: 0, signal: null })
    expect(performance.now() - began).toBeLessThan(5_000)
    expect(n2.output).toContain('membership does not change')
    expect((await n1.status()).nodes.map(({ name }) => name)).toEqual(['n1', 'n2'])
    const { events } = await n1.json<{ events: { type: string }[] }>('log')
    expect(events.map(({ type }) => type)).not.toContain('NodeLeft')
    n2.start()
    await n1.sees({ n1: 'ready', n2: 'ready' })
    n1.signal(signal)
    expect(await n1.ended).toMatchObject({ code: 0, signal: null })
  })

  test('whoever waits for an answer does not hold it up', async () => {
    const [n1, n2] = (await cluster(2, ['n1'])) as [Agent, Agent]
    const held = [n1, n2].map(agent => agent.watch('log', '--follow'))
    for (const run of held) await run.said(/NodeReady/)
    const url = `http://127.0.0.1:${n1.http}/v1/kv/nothing`
    const index = (await fetch(url)).headers.get('x-consul-index')
    const blocked = fetch(`${url}?index=${index}&wait=60s`).catch(() => undefined)
    const began = performance.now()
    expect(await Promise.all([n1.stop(), n2.stop()])).toMatchObject([{ code: 0 }, { code: 0 }])
    expect(performance.now() - began).toBeLessThan(5_000)
    await blocked
  })

  test('variables and a file say the same as flags, and flags win', async () => {
    const [port, http] = [await freePort(), await freePort()]
    const file = join(place(), 'hive.toml')
    writeFileSync(
      file,
      `name = "from-file"\ndc = "north"\nbind = "127.0.0.1:${port}"\nhttp = "off"\n`,
    )
    const n1 = await node('n1', { args: ['--config', file], env: { HIVE_DC: 'south' } })
    await n1.start().answers()
    const { nodes } = await n1.status()
    expect(nodes).toMatchObject([{ name: 'n1', dc: 'south', address: n1.address }])
    await n1.stop()

    const dir = join(place(), 'by-env')
    const env = {
      HIVE_NAME: 'by-env',
      HIVE_DATA_DIR: dir,
      HIVE_BIND: `127.0.0.1:${port}`,
      HIVE_HTTP: `127.0.0.1:${http}`,
      HIVE_SOCKET: join(place(), 's.sock'),
      HIVE_ROLES: 'host',
    }
    const second = (await node('n2', { bare: true, env })).start()
    await eventually(
      'it answers',
      () => hive({ HIVE_SOCKET: env.HIVE_SOCKET }, 'status'),
      ({ code, stdout }) => code === 1 && stdout.includes('by-env'),
    )
    expect(await hive({ HIVE_HTTP_ADDR: `127.0.0.1:${http}` }, 'status')).toMatchObject({ code: 1 })
    expect(await second.stop()).toMatchObject({ code: 0 })
  })

  test('--http off leaves the socket only', async () => {
    const n1 = await node('n1')
    await n1.start('--log-level', 'warn').answers()
    expect((await fetch(`http://127.0.0.1:${n1.http}/v1/hive/status`)).status).toBe(200)
    await n1.stop()
    const off = await node('n2', { http: false })
    await off.start().answers()
    await expect(fetch(`http://127.0.0.1:${off.http}/v1/hive/status`)).rejects.toThrow()
    expect(await off.hive('status')).toMatchObject({ code: 1 })
  })
})

describe('what stands in the way of a start', () => {
  /** Starts an agent that cannot; says how it ended. */
  const tried = async (...args: string[]): Promise<Ran> =>
    (await node('bad', { bare: true })).start('--data-dir', join(place(), 'bad'), ...args).ended

  test('a directory that another agent has', async () => {
    const [n1] = await zombies(1)
    const second = await hive({}, 'agent', '--data-dir', n1!.dir, '--http', 'off')
    expect(second).toMatchObject(refused(/.* is in use by another agent \(pid \d+\)/))
    expect(second.stderr).toContain(`pid ${n1!.pid})`)
    expect(await n1!.hive('status')).toMatchObject({ code: 1 })
    // The one before was killed: its lock is nobody's.
    await n1!.kill()
    await n1!.start().answers()
  })

  test('ports that others have', async () => {
    const [n1] = await zombies(1)
    const taken = await node('n2', { args: [] })
    const [mine] = [n1!]
    const peers = await hive(
      {},
      'agent',
      '--data-dir',
      taken.dir,
      '--bind',
      mine.address,
      '--http',
      'off',
    )
    expect(peers).toMatchObject(refused(/.*(in use|listens)/))
    expect(peers.stderr).toContain(String(mine.port))
    const api = await hive(
      {},
      ...['agent', '--data-dir', taken.dir, '--bind', taken.address],
      ...['--http', `127.0.0.1:${mine.http}`],
    )
    expect(api).toMatchObject(refused(/.*(in use|listens)/))
    expect(api.stderr).toContain(String(mine.http))
    const socket = await hive(
      {},
      ...['agent', '--data-dir', taken.dir, '--bind', taken.address, '--http', 'off'],
      ...['--socket', mine.socket],
    )
    expect(socket).toMatchObject(refused(/.*agent\.sock/))
    expect(await mine.hive('status')).toMatchObject({ code: 1 })
  })

  test('a directory that cannot be used', async () => {
    const file = join(place(), 'file')
    writeFileSync(file, 'not a folder')
    for (const dir of [file, join(file, 'below')]) {
      const said = await hive({}, 'agent', '--data-dir', dir, '--http', 'off')
      expect(said).toMatchObject(refused(/.*file/))
    }
  })

  test.runIf(asRoot)('a directory of somebody else', async () => {
    const dir = join(place(), 'roots')
    mkdirSync(dir, { mode: 0o700 })
    chmodSync(place(), 0o755)
    const options = { cwd: '/', uid: stranger, env: { HOME: '/nonexistent' } }
    const said = await runScript(bin, ['agent', '--data-dir', dir, '--http', 'off'], options)
    expect(said).toMatchObject(refused(/.*roots/))
  })

  test('settings: every problem at once, with its place', async () => {
    const file = join(place(), 'half.toml')
    writeFileSync(file, 'name = "N_1"\nbind = "127.0.0.1:99999"\nnmae = "n1"\nroles = ["hots"]\n')
    const said = await tried('--config', file, '--http', 'here:port')
    expect(said).toMatchObject({ code: 2, stdout: '' })
    const lines = said.stderr.trimEnd().split('\n')
    expect(said.stderr).toMatch(/nmae/)
    for (const part of [
      /bind.*99999/,
      /line 3.*nmae|nmae.*line 3/,
      /roles.*hots/,
      /--http.*here:port/,
    ]) {
      expect(said.stderr).toMatch(part)
    }
    expect(lines.length).toBeLessThanOrEqual(8)

    writeFileSync(file, 'name = "n1"\nbind = "127.0.0')
    const half = await tried('--config', file)
    expect(half).toMatchObject({ code: 2, stdout: '' })
    expect(half.stderr).toMatch(/^error: [\s\S]*line 2/)
    const none = await tried('--config', join(place(), 'none.toml'))
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('no such file') })
    expect(await tried('--nmae', 'n1')).toMatchObject(refused(/there is no flag --nmae/))
  })

  test.each(['node.db', 'log.db', 'state.db'])('%s is damaged', async name => {
    const [n1] = await cluster(1)
    const agent = n1!
    expect(await agent.hive('kv', 'put', 'kept', 'yes')).toMatchObject({ code: 0 })
    await agent.stop()
    const path = join(agent.dir, name)
    const whole = readFileSync(path)
    for (const tail of ['-wal', '-shm']) rmSync(path + tail, { force: true })
    writeFileSync(path, Buffer.alloc(whole.length, 'not a database '))
    agent.start()
    expect(await agent.ended).toMatchObject({ code: 2, stdout: '', stderr: brief(/.*/) })
    expect(agent.output).toContain(name)
    // Nothing was thrown away by the refusal.
    writeFileSync(path, whole)
    agent.start()
    await agent.sees({ n1: 'ready' })
    expect(await agent.hive('kv', 'get', 'kept')).toMatchObject({ stdout: 'yes\n' })
  })

  test('a schema of the future', async () => {
    const [n1] = await zombies(1)
    await n1!.stop()
    const db = new Database(join(n1!.dir, 'node.db'))
    db.pragma('user_version = 999')
    db.close()
    n1!.start()
    expect(await n1!.ended).toMatchObject(refused(/.*(schema|newer)/))
  })
})

describe('strangers', () => {
  test.runIf(asRoot)('may not open the socket', async () => {
    const [n1] = await zombies(1)
    chmodSync(place(), 0o755)
    chmodSync(n1!.dir, 0o755)
    const options = { cwd: '/', uid: stranger, env: { HIVE_SOCKET: n1!.socket } }
    const said = await runScript(bin, ['status'], options)
    expect(said).toMatchObject(refused(/.*may not be opened by this user/))
  })

  test.runIf(asRoot)(
    'of the group of --socket-group may use the socket, and read nothing beside it',
    async () => {
      const group = 54_321
      const [n1] = await zombies(1, { args: ['--socket-group', String(group)] })
      chmodSync(place(), 0o755)
      const env = { HIVE_SOCKET: n1!.socket }
      const as = (gid: number) => ({ cwd: '/', uid: stranger, gid, env })
      const member = await runScript(bin, ['status', '--json'], as(group))
      expect([member.code, member.stderr]).toEqual([1, ''])
      expect(JSON.parse(member.stdout)).toMatchObject({ self: 'n1' })
      const other = await runScript(bin, ['status'], as(stranger))
      expect(other).toMatchObject(refused(/.*(may not be opened by this user|no agent answers)/))
      const cat = join(place(), 'cat.mjs')
      const read = "import { readFileSync } from 'node:fs'; readFileSync(process.argv[2])"
      writeFileSync(cat, read, { mode: 0o644 })
      const prying = await runScript(cat, [join(n1!.dir, 'identity.json')], as(group))
      expect(prying).toMatchObject({ code: 1, stderr: expect.stringContaining('EACCES') })
    },
  )

  test('bytes that mean nothing, to every port', async () => {
    const all = await cluster(3)
    const [n1, n2] = all as [Agent, Agent, Agent]
    const noise = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(64, 0xff),
      Buffer.alloc(1, 0),
      Buffer.from([0x7f, 0xff, 0xff, 0xff, 1, 2, 3]),
      Buffer.alloc(100_000, 0x5a),
    ]
    for (const { port, http } of [n1, n2]) {
      for (const bytes of noise) {
        await pour(port, bytes)
        await pour(http, bytes)
      }
      await shout(port, [...noise.map(bytes => bytes.subarray(0, 1400)), Buffer.alloc(0)])
    }
    expect(await n2.hive('status')).toMatchObject({ code: 0 })
    const { notices } = await n1.reports('it counts them', report => {
      return /n1: \d+ foreign packets?/.test(report.notices.join())
    })
    expect(notices.join()).toContain('127.0.0.1')

    const api = `http://127.0.0.1:${n1.http}/v1`
    const post = (path: string, body: string) => fetch(`${api}/${path}`, { method: 'POST', body })
    for (const [path, body] of [
      ['hive/init', '{"name":'],
      ['hive/init', '[]'],
      ['hive/drain', '{"node":5}'],
      ['hive/join', '{"address":"nowhere:x"}'],
      ['hive/roles/assign', '{"node":"n1","roles":"host"}'],
    ] as const) {
      const answer = await post(path, body)
      expect({ path, body, status: answer.status }).toEqual({ path, body, status: 400 })
      expect(await answer.json()).toMatchObject({
        error: { code: 'BAD_REQUEST', message: expect.stringMatching(/./) },
      })
    }
    const huge = await post('hive/drain', JSON.stringify({ node: 'n'.repeat(2 << 20) })).catch(
      () => null,
    )
    expect(huge?.status ?? 413).toBe(413)
    expect((await fetch(`${api}/hive/nothing`)).status).toBe(404)
    for (const agent of all) {
      expect(agent.running).toBe(true)
      await agent.sees({ n1: 'ready', n2: 'ready', n3: 'ready' })
    }
  })

  test('a listener that is no agent, as a seed and as an agent', async () => {
    const port = await freePort()
    const server = createServer(socket => {
      socket.on('error', () => {})
      socket.end('SSH-2.0-OpenSSH_9.6\r\n')
    })
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', () => resolve()))
    const n1 = await node('n1')
    await n1.start('--join', `127.0.0.1:${port}`).answers()
    const tried = await n1.hive('join', `127.0.0.1:${port}`)
    expect(tried).toMatchObject({ code: 1, stdout: expect.stringContaining('still trying') })
    const asked = await hive({}, 'status', '--address', `127.0.0.1:${port}`)
    expect(asked).toMatchObject(refused(/.*does not speak HTTP/))
    server.close()
    expect(n1.running).toBe(true)
  })
})

/** Sends it to a TCP port and waits until the other side has had enough, or a little while. */
function pour(port: number, bytes: Buffer): Promise<void> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes))
    socket.setTimeout(500, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.on('close', () => resolve())
  })
}

async function shout(port: number, packets: readonly Buffer[]): Promise<void> {
  const { createSocket } = await import('node:dgram')
  const socket = createSocket('udp4')
  for (const packet of packets) {
    await new Promise<void>(resolve => socket.send(packet, port, '127.0.0.1', () => resolve()))
  }
  await new Promise<void>(resolve => socket.close(() => resolve()))
}
