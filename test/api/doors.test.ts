import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Api, createApi } from '../../src/api/api.ts'
import { silentTrace } from '../../src/base/trace.ts'
import { FakeBackend } from './fake-backend.ts'
import { sendTo } from './served.ts'

let folder: string
let path: string
const apis: Api[] = []

async function api(): Promise<Api> {
  const made = await createApi(new FakeBackend(), { trace: silentTrace })
  apis.push(made)
  return made
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hive-doors-'))
  path = join(folder, 'agent.sock')
})

afterEach(async () => {
  await Promise.all(apis.splice(0).map(one => one.close()))
  await rm(folder, { recursive: true })
})

describe('the local socket', () => {
  it('can be opened by its owner alone, and is gone after the agent', async () => {
    const one = await api()
    await one.listenSocket(path)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await sendTo(path, 'GET', '/v1/hive/status', {})).status).toBe(200)
    await one.close()
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('replaces one that a dead agent left', async () => {
    // A process that ends without closing leaves its socket behind, as after kill -9.
    const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    expect(() => execFileSync(process.execPath, ['-e', program], { stdio: 'ignore' })).toThrow()
    expect((await stat(path)).isSocket()).toBe(true)
    await (await api()).listenSocket(path)
    expect((await sendTo(path, 'GET', '/v1/hive/status', {})).status).toBe(200)
  })

  it('leaves alone one that answers', async () => {
    await (await api()).listenSocket(path)
    const second = (await api()).listenSocket(path)
    await expect(second).rejects.toMatchObject({ code: 'PORT_IN_USE' })
    expect((await sendTo(path, 'GET', '/v1/hive/status', {})).status).toBe(200)
  })

  it('leaves alone a file that is no socket', async () => {
    await writeFile(path, 'precious')
    await expect((await api()).listenSocket(path)).rejects.toMatchObject({ code: 'DATA_DIR' })
    expect((await stat(path)).size).toBe(8)
  })

  it('says what is wrong with its path', async () => {
    const long = join(folder, 'x'.repeat(120))
    await expect((await api()).listenSocket(long)).rejects.toThrow('longer than 107 bytes')
    const nowhere = join(folder, 'none', 'agent.sock')
    await expect((await api()).listenSocket(nowhere)).rejects.toMatchObject({ code: 'DATA_DIR' })
  })

  it.skipIf(process.geteuid?.() === 0)('says that it may not be made', async () => {
    await chmod(folder, 0o500)
    await expect((await api()).listenSocket(path)).rejects.toMatchObject({ code: 'PERMISSION' })
    await chmod(folder, 0o700)
  })
})

describe('the TCP door', () => {
  it('says where it listens, and serves the same', async () => {
    const at = await (await api()).listenTcp({ host: '127.0.0.1', port: 0 })
    expect(at.port).toBeGreaterThan(0)
    const answer = await fetch(`http://127.0.0.1:${at.port}/v1/kv/a`, { method: 'PUT', body: 'x' })
    expect(await answer.text()).toBe('true')
  })

  it('says who is in the way', async () => {
    const at = await (await api()).listenTcp({ host: '127.0.0.1', port: 0 })
    await expect((await api()).listenTcp(at)).rejects.toMatchObject({ code: 'PORT_IN_USE' })
    const elsewhere = (await api()).listenTcp({ host: '192.0.2.1', port: 0 })
    await expect(elsewhere).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  })

  it('answers what is not HTTP, and goes on', async () => {
    const at = await (await api()).listenTcp({ host: '127.0.0.1', port: 0 })
    const said = await new Promise<string>(resolve => {
      let text = ''
      const socket = connect(at.port, '127.0.0.1', () => socket.end('SSH-2.0-OpenSSH\r\n\r\n'))
      socket.on('data', chunk => {
        text += chunk
      })
      socket.on('close', () => resolve(text))
    })
    expect(said).toMatch(/^HTTP\/1\.1 400 [\s\S]*"BAD_REQUEST"/)
    expect((await fetch(`http://127.0.0.1:${at.port}/v1/hive/status`)).status).toBe(200)
  })

  it('closes although a client holds its connection', async () => {
    const one = await api()
    const at = await one.listenTcp({ host: '127.0.0.1', port: 0 })
    const socket = connect(at.port, '127.0.0.1')
    await new Promise(resolve => socket.once('connect', resolve))
    socket.write('GET /v1/hive/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    await new Promise(resolve => socket.once('data', resolve))
    const closed = new Promise(resolve => socket.once('close', resolve))
    await one.close()
    await closed
  })

  it('is not confused by a port that something else holds', async () => {
    const other = createServer()
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const taken = (await api()).listenTcp({ host: '127.0.0.1', port })
    await expect(taken).rejects.toThrow(`127.0.0.1:${port}`)
    await new Promise(resolve => other.close(resolve))
  })
})
