import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realClock } from '../../src/agent/process/real-clock.ts'
import { realHost } from '../../src/agent/roles/host-hands.ts'
import { openRoleMemory } from '../../src/agent/roles/role-memory.ts'
import { silentTrace } from '../../src/base/trace.ts'
import type { Host } from '../../src/roles/role.ts'
import { FakeClock } from '../roles/fake-host.ts'

let folder: string
let host: Host
const servers: Server[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hive-hands-'))
  const memory = await openRoleMemory(join(folder, 'roles', 'test.json'), () => {})
  host = realHost({ role: 'test', clock: realClock(), memory, trace: silentTrace, folder })
})

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise(resolve => server.close(resolve))
  await rm(folder, { recursive: true })
})

async function listening(server: Server): Promise<number> {
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

describe('the hands of a role', () => {
  it('read files and folders, relative to where the configuration stands', async () => {
    await mkdir(join(folder, 'services'))
    await writeFile(join(folder, 'services', 'b.toml'), 'b = 1')
    await writeFile(join(folder, 'services', 'a.toml'), 'a = 1')
    expect(await host.listFiles('services')).toEqual(['a.toml', 'b.toml'])
    expect(await host.readFile('services/a.toml')).toBe('a = 1')
    expect(await host.readFile(join(folder, 'services/b.toml'))).toBe('b = 1')
    expect(await host.readFile('none')).toBeUndefined()
    expect(await host.listFiles('none')).toBeUndefined()
    expect(await host.listFiles('services/a.toml')).toBeUndefined()
    await expect(host.readFile('services')).rejects.toThrow('EISDIR')
    await writeFile(join(folder, 'big'), Buffer.alloc(4 * 1024 * 1024 + 1))
    await expect(host.readFile('big')).rejects.toThrow('larger than')
  })

  it('open a TCP connection, or say why not', async () => {
    const port = await listening(createServer())
    await host.connectTcp('127.0.0.1', port, 1000)
    const [gone] = servers.splice(0)
    await new Promise(resolve => gone!.close(resolve))
    await expect(host.connectTcp('127.0.0.1', port, 1000)).rejects.toThrow('ECONNREFUSED')
    // TEST-NET-1 (RFC 5737): nobody answers there, or the network says so at once.
    await expect(host.connectTcp('192.0.2.1', 80, 20)).rejects.toThrow()
  })

  it('ask over HTTP, and take no more than 4 KiB of the answer', async () => {
    const port = await listening(
      createHttpServer((request, response) => {
        if (request.url === '/hang') return
        response.writeHead(request.url === '/bad' ? 503 : 200)
        if (request.url === '/endless') {
          const more = () => response.write('x'.repeat(1000)) && setImmediate(more)
          response.on('drain', more)
          more()
        } else response.end(`${request.method} ${request.headers['user-agent']}`)
      }),
    )
    const url = `http://127.0.0.1:${port}`
    expect(await host.requestHttp(`${url}/`, 'GET', 1000)).toEqual({
      status: 200,
      body: 'GET hive',
    })
    expect((await host.requestHttp(`${url}/`, 'HEAD', 1000)).body).toBe('')
    expect((await host.requestHttp(`${url}/bad`, 'GET', 1000)).status).toBe(503)
    const endless = await host.requestHttp(`${url}/endless`, 'GET', 1000)
    expect(endless.body).toBe('x'.repeat(4096))
    await expect(host.requestHttp(`${url}/hang`, 'GET', 30)).rejects.toThrow(
      'no answer within 30 ms',
    )
    await expect(host.requestHttp('http://127.0.0.1:1/', 'GET', 1000)).rejects.toThrow()
    await expect(host.requestHttp('not a url', 'GET', 1000)).rejects.toThrow()
  })

  it('follow redirects, as Consul does, ten at most and within the time of one look', async () => {
    const port = await listening(
      createHttpServer((request, response) => {
        const [, what, n = '0'] = /^\/(\w+)(?:\/(\d+))?$/.exec(request.url!)!
        const left = Number(n)
        if (what === 'slow') {
          setTimeout(() => response.writeHead(302, { location: '/slow' }).end(), 30)
        } else if (what === 'other') {
          response.writeHead(301, { location: 'ftp://127.0.0.1/' }).end()
        } else if (what === 'bare') response.writeHead(302).end()
        else if (left > 0)
          response.writeHead(307, { location: `/${what}/${left - 1}` }).end('moved')
        else response.writeHead(200).end('here')
      }),
    )
    const ask = (path: string, timeout = 2000) =>
      host.requestHttp(`http://127.0.0.1:${port}${path}`, 'GET', timeout)
    expect(await ask('/a/1')).toEqual({ status: 200, body: 'here' })
    expect(await ask('/a/10')).toEqual({ status: 200, body: 'here' })
    await expect(ask('/a/11')).rejects.toThrow('more than 10 redirects')
    await expect(ask('/slow', 100)).rejects.toThrow('no answer within 100 ms')
    await expect(ask('/other')).rejects.toThrow('ftp:')
    expect((await ask('/bare')).status).toBe(302)
  })

  it('look at so many things at a time and no more; the others wait, and their time has not begun', async () => {
    let open = 0
    let most = 0
    const held: (() => void)[] = []
    const port = await listening(
      createHttpServer((_, response) => {
        most = Math.max(most, ++open)
        held.push(() => {
          open--
          response.end('ok')
        })
      }),
    )
    const looks = Array.from({ length: 300 }, () =>
      host.requestHttp(`http://127.0.0.1:${port}/`, 'GET', 10_000),
    )
    let answered = 0
    for (const look of looks) look.then(() => answered++)
    while (answered < looks.length) {
      await new Promise(resolve => setImmediate(resolve))
      if (held.length >= Math.min(128, looks.length - answered)) held.shift()?.()
    }
    expect(most).toBe(128)
  })

  it('read files, and nothing that has no end', async () => {
    await expect(host.readFile('/dev/zero')).rejects.toThrow('not a file')
  })

  it('repeat without overlapping, whatever the task throws, until told otherwise', async () => {
    const clock = new FakeClock()
    const memory = await openRoleMemory(join(folder, 'roles', 'test.json'), () => {})
    const timed = realHost({ role: 'test', clock, memory, trace: silentTrace, folder })
    const rounds: number[] = []
    let release = () => {}
    const timer = timed.every(100, async () => {
      rounds.push(timed.now())
      if (rounds.length === 2) {
        await new Promise<void>(resolve => {
          release = resolve
        })
      }
      throw new Error('failed')
    })
    await clock.pass(1000)
    expect(rounds).toEqual([100, 200])
    release()
    await clock.pass(200)
    expect(rounds).toEqual([100, 200, 1100, 1200])
    timer.cancel()
    expect(clock.pending).toBe(0)
  })
})

describe('what a role remembers', () => {
  const path = () => join(folder, 'memory.json')
  const open = (damaged = (_: string) => {}) => openRoleMemory(path(), damaged)

  it('is there after a restart, readable by the owner alone', async () => {
    const memory = await open()
    const value = { a: [1] }
    await memory.set('x', value)
    value.a.push(2)
    expect(memory.get('x')).toEqual({ a: [1] })
    await memory.set('y', 1)
    await memory.set('y', undefined)
    expect((await open()).all()).toEqual({ x: { a: [1] } })
    expect((await stat(path())).mode & 0o777).toBe(0o600)
  })

  it('keeps the last of many changes made at once', async () => {
    const memory = await open()
    const all = Array.from({ length: 100 }, (_, i) => memory.set(`k${i % 7}`, i))
    await Promise.all(all)
    expect((await open()).all()).toEqual({ k0: 98, k1: 99, k2: 93, k3: 94, k4: 95, k5: 96, k6: 97 })
  })

  it('is set aside when it was damaged', async () => {
    await writeFile(path(), '{"x": ')
    const aside: string[] = []
    const memory = await open(where => aside.push(where))
    expect(memory.all()).toEqual({})
    expect(await readFile(aside[0]!, 'utf8')).toBe('{"x": ')
  })

  it('has a limit', async () => {
    const memory = await open()
    await memory.set('a', 1)
    await expect(memory.set('b', 'x'.repeat(17 * 1024 * 1024))).rejects.toThrow('16 MiB')
    await memory.set('b', undefined)
    expect((await open()).all()).toEqual({ a: 1 })
  })

  it('is as before where it cannot be kept: nothing that was refused comes back with the next change', async () => {
    const memory = await open()
    await memory.set('a', 1)
    await memory.set('gone', 1)
    // Where the young copy would be written stands a folder.
    await mkdir(`${path()}.new`)
    const refused = [
      memory.set('a', 2),
      memory.set('a', 3),
      memory.set('b', 1),
      memory.set('gone', undefined),
    ]
    expect(memory.get('a')).toBe(3)
    for (const one of refused) await expect(one).rejects.toThrow('EISDIR')
    expect(memory.all()).toEqual({ a: 1, gone: 1 })
    await rm(`${path()}.new`, { recursive: true })
    await expect(memory.set('big', 'x'.repeat(17 * 1024 * 1024))).rejects.toThrow('16 MiB')
    await memory.set('c', 1)
    expect((await open()).all()).toEqual({ a: 1, gone: 1, c: 1 })
  })

  it.skipIf(process.geteuid?.() === 0)('says when it cannot be written', async () => {
    const memory = await open()
    await chmod(folder, 0o500)
    await expect(memory.set('a', 1)).rejects.toThrow('EACCES')
    await chmod(folder, 0o700)
  })
})
