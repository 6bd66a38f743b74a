import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { takeTime, watchBodies } from '../../src/api/slow-bodies.ts'

/** A server that waits for bodies so long, ms; answers where it listens. */
async function serve(patience: number, handle: RequestListener): Promise<number> {
  const server = createServer({ requestTimeout: 0 }, handle)
  watchBodies(server, { body: patience, look: 5 })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Sends the head of a request and then a byte so often, ms; answers what was said until the end. */
function trickle(port: number, bytes: number, pause: number): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    let said = ''
    let left = bytes
    socket.write(
      `PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`,
    )
    const timer = setInterval(() => {
      if (left-- > 0) socket.write('x')
    }, pause)
    socket.on('data', chunk => {
      said += chunk
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearInterval(timer)
      resolve(said)
    })
  })
}

test('a body that trickles in is given up, and the sender told so', async () => {
  const port = await serve(60, request => request.resume())
  expect(await trickle(port, 1_000_000, 10)).toMatch(/^HTTP\/1.1 408 [\s\S]*"TIMEOUT"/)
})

test('one that may take its time is taken in as long as it comes, and given up when it does not', async () => {
  const port = await serve(3_000, (request, response) => {
    takeTime(request)
    request.resume().on('end', () => response.end('all of it'))
  })
  expect(await trickle(port, 35, 100)).toMatch(/^HTTP\/1.1 200 [\s\S]*all of it/)
  expect(await trickle(port, 2, 1_000_000)).toMatch(/^HTTP\/1.1 408 /)
})

test('what came and was not taken yet is not held against the sender', async () => {
  const port = await serve(60, (request, response) => {
    takeTime(request)
    setTimeout(() => request.resume().on('end', () => response.end('all of it')), 500)
  })
  const size = 8 * 1024 * 1024
  const answer = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'PUT',
    body: new Uint8Array(size),
  })
  expect(await answer.text()).toBe('all of it')
})

test('a body that goes on after the answer holds the connection no longer than another', async () => {
  const port = await serve(60, (_request, response) => response.end('no'))
  expect(await trickle(port, 1_000_000, 10)).toMatch(/^HTTP\/1.1 200 [\s\S]*no/)
})
