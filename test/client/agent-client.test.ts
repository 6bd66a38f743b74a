import { mkdtempSync, rmSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { AgentClient, localActor, queryOf } from '../../src/client/agent-client.ts'
import type { Door } from '../../src/client/door.ts'
import { exchange, maxAnswerBytes } from '../../src/client/http.ts'

/** What the client makes of everybody who may sit behind a socket. */

let folder: string
const open: Server[] = []
let count = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hive-client-'))
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

async function listen(server: Server): Promise<Door> {
  const path = join(folder, `${count++}.sock`)
  await new Promise<void>(resolve => server.listen(path, resolve))
  open.push(server)
  return { kind: 'socket', path }
}

/** Somebody who does this with a connection. */
const peer = (behave: (socket: Socket) => void): Promise<Door> =>
  listen(
    createServer(socket => {
      socket.on('error', () => {})
      behave(socket)
    }),
  )

const httpPeer = (answer: RequestListener): Promise<Door> => listen(createHttpServer(answer))

const says = (status: number, body: string): Promise<Door> =>
  httpPeer((_, response) => response.writeHead(status).end(body))

const status = (...doors: Door[]) => new AgentClient(doors, 'me@here').status()

describe('strangers', () => {
  test.each([
    ['another protocol', () => peer(s => s.end('SSH-2.0-OpenSSH_9.6\r\n')), /does not speak HTTP/],
    ['a web server', () => says(502, '<html>Bad Gateway</html>'), /HTTP 502/],
    ['a web page', () => says(200, '<html>hello</html>'), /not JSON/],
    ['errors of another shape', () => says(404, '{"error":"nope"}'), /HTTP 404/],
    ['an error without a word', () => says(500, ''), /HTTP 500/],
    ['who hangs up', () => peer(s => s.destroy()), /broke the connection off/],
    [
      'who hangs up half way',
      () =>
        httpPeer((_, response) => {
          response.writeHead(200, { 'content-length': 100 })
          response.write('{"cluster"', () => response.destroy())
        }),
      /broke the connection off/,
    ],
  ])('%s', async (_, behind, message) => {
    const failure = status(await behind())
    await expect(failure).rejects.toThrow(message)
    await expect(failure).rejects.toMatchObject({ code: 'NO_AGENT' })
  })

  test('an answer that does not end is not read to its end', async () => {
    let sent = 0
    const door = await httpPeer((_, response) => {
      const chunk = Buffer.alloc(1024 * 1024)
      const more = () => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
      }
      response.on('drain', more)
      more()
    })
    await expect(status(door)).rejects.toThrow(/does not end/)
    expect(sent).toBeLessThan(2 * maxAnswerBytes)
  })

  test('who never answers is given up on, and nothing is claimed about the outcome', async () => {
    const door = await peer(() => {})
    const ask = exchange(door, { method: 'GET', path: '/', timeout: 50 })
    await expect(ask).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: expect.stringContaining('may still happen'),
    })
  })
})

describe('an agent’s own errors', () => {
  test('are passed on with their code and remedy', async () => {
    const error = { code: 'NO_QUORUM', message: 'two of three are away', remedy: 'start n2' }
    await expect(status(await says(503, JSON.stringify({ error })))).rejects.toMatchObject(error)
  })

  test('of a newer agent, with a code that is not known here, too', async () => {
    const error = { code: 'TOO_LATE', message: 'a new one', remedy: '' }
    await expect(status(await says(409, JSON.stringify({ error })))).rejects.toMatchObject(error)
  })
})

describe('several doors', () => {
  const nobody: Door = { kind: 'socket', path: '/nowhere/agent.sock' }

  test('the first behind which somebody listens is used, and kept', async () => {
    const asked: string[] = []
    const door = (name: string) =>
      httpPeer((_, response) => {
        asked.push(name)
        response.end('{}')
      })
    const client = new AgentClient([nobody, await door('second'), await door('third')], 'me@here')
    await client.status()
    await client.status()
    expect(asked).toEqual(['second', 'second'])
  })

  test('whoever answers wrongly ends the search: the request may have been heard', async () => {
    const failure = status(nobody, await says(500, ''), await says(200, '{}'))
    await expect(failure).rejects.toThrow(/HTTP 500/)
  })

  test('all are named when nobody is there', async () => {
    const other: Door = { kind: 'tcp', address: { host: '127.0.0.1', port: 1 } }
    await expect(status(nobody, other)).rejects.toMatchObject({
      code: 'NO_AGENT',
      message: 'no agent answers at /nowhere/agent.sock, 127.0.0.1:1',
    })
  })

  test('a dev cluster that does not run is one place, and says how it is started', async () => {
    const dev = (n: number): Door => ({
      kind: 'socket',
      path: `/x/.hive/n${n}/agent.sock`,
      dev: true,
    })
    await expect(status(dev(1), dev(2), nobody)).rejects.toMatchObject({
      message: 'no agent answers at .hive, /nowhere/agent.sock',
      remedy: 'start the cluster in .hive again with: hive dev',
    })
  })
})

test('every request says who asks, in characters that a header can carry', async () => {
  const actors: unknown[] = []
  const door = await httpPeer((request, response) => {
    actors.push(request.headers['x-hive-actor'])
    response.end('{}')
  })
  await new AgentClient([door]).status()
  expect(actors).toEqual([localActor()])
  expect(localActor()).toMatch(/^[\x21-\x7e]+@[\x21-\x7e]+$/)
})

test('queries', () => {
  expect(queryOf({})).toBe('')
  expect(queryOf({ cas: 0, keys: true, stale: false, type: undefined, separator: '/&' })).toBe(
    '?cas=0&keys&separator=%2F%26',
  )
})

test('an upload waits for the agent as often as need be, and leaves nothing behind each time', async () => {
  const door = await httpPeer((request, response) => {
    let size = 0
    request.on('data', (bytes: Buffer) => {
      size += bytes.length
      request.pause()
      setImmediate(() => request.resume())
    })
    request.on('end', () => response.end(String(size)))
  })
  const warnings: Error[] = []
  const hear = (warning: Error) => warnings.push(warning)
  process.on('warning', hear)
  async function* upload() {
    for (let i = 0; i < 60; i++) yield new Uint8Array(256 * 1024)
  }
  const { body } = await exchange(door, {
    method: 'POST',
    path: '/',
    timeout: 10_000,
    upload: upload(),
  })
  await new Promise(resolve => setImmediate(resolve))
  process.off('warning', hear)
  expect(body.toString()).toBe(String(60 * 256 * 1024))
  expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([])
})
