import { connect } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { served } from './served.ts'

let door: Awaited<ReturnType<typeof served>>

beforeEach(async () => {
  door = await served()
})
afterEach(() => door.close())

/** Sends all at once, and answers what was said until so many answers have come. */
function pipeline(requests: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(door.path)
    let said = ''
    socket.write(requests.join(''))
    socket.on('error', reject)
    socket.on('data', chunk => {
      said += chunk
      if ((said.match(/HTTP\/1\.1 /g) ?? []).length < requests.length) return
      socket.destroy()
      resolve(said)
    })
  })
}

const put = (body: string) => `PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n${body}`
const get = 'GET /v1/kv/a?raw HTTP/1.1\r\nHost: a\r\n\r\n'

test('requests that do not wait for answers are dealt with one after the other', async () => {
  const { backend } = door
  const kvPut = backend.kvPut.bind(backend)
  // A write takes longer than a read.
  backend.kvPut = async request => {
    await new Promise(resolve => setTimeout(resolve, 20))
    return kvPut(request)
  }
  const said = await pipeline([put('1'), get, put('2'), get])
  expect(said.match(/\r\n\r\n(true|\d)/g)).toEqual(
    ['true', '1', 'true', '2'].map(v => `\r\n\r\n${v}`),
  )
})

test('who hangs up has nothing more done', async () => {
  const { backend } = door
  let release = () => {}
  let began = () => {}
  const beginning = new Promise<void>(resolve => {
    began = resolve
  })
  const kvPut = backend.kvPut.bind(backend)
  let puts = 0
  backend.kvPut = async request => {
    puts += 1
    began()
    await new Promise<void>(resolve => {
      release = resolve
    })
    return kvPut(request)
  }
  const socket = connect(door.path)
  socket.write(put('1') + put('2'))
  await beginning
  socket.destroy()
  await new Promise(resolve => socket.once('close', resolve))
  release()
  // Another connection is served, after all that could happen on the first.
  expect((await door.send('GET', '/v1/kv/a?raw')).status).toBe(200)
  expect(puts).toBe(1)
})
