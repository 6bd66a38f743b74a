import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seeded } from '../../src/base/random.ts'
import { ProxyNetwork } from '../soak/proxy.ts'

/** The network on loopback, between sockets that stand for agents. Linux alone has all of 127.0.0.0/8. */
const here = process.platform === 'linux'
const port = 4483

let network: ProxyNetwork
let ends: (() => void)[]

beforeEach(() => {
  network = new ProxyNetwork(3, seeded(1))
  ends = [() => network.close()]
})
afterEach(() => {
  for (const end of ends) end()
})

async function gossiper(i: number): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4').bind(port, network.bind(i))
  ends.push(() => socket.close())
  await once(socket, 'listening')
  return socket
}

/** Says back whatever it hears. */
async function listener(i: number): Promise<net.Server> {
  const server = net.createServer(socket => {
    socket.on('error', () => {})
    ends.push(() => socket.destroy())
    socket.write(`${socket.remoteAddress} `)
    socket.pipe(socket)
  })
  server.listen(port, network.bind(i))
  ends.push(() => server.close())
  await once(server, 'listening')
  network.started(i)
  return server
}

function dial(from: number, to: number): net.Socket {
  const localAddress = network.bind(from)
  const socket = net.connect({ host: network.address(to), port, localAddress })
  ends.push(() => socket.destroy())
  return socket.setEncoding('utf8')
}

async function heard(socket: net.Socket, enough: number): Promise<string> {
  let text = ''
  while (text.length < enough) text += (await once(socket, 'data'))[0]
  return text
}

test.runIf(here)(
  'datagrams come from where their sender is said to be, and not over a cut',
  async () => {
    const [one, two] = [await gossiper(0), await gossiper(1)]
    one.send('hello', port, network.address(1))
    const [bytes, from] = (await once(two, 'message')) as [Buffer, dgram.RemoteInfo]
    expect([String(bytes), from.address, from.port]).toEqual(['hello', network.address(0), port])

    /** By then what was sent before has come as far as it gets. */
    const otherWay = async () => {
      two.send('other way', port, network.address(0))
      expect(String((await once(one, 'message'))[0])).toBe('other way')
    }

    network.cut(0, 1)
    one.send('lost', port, network.address(1))
    await otherWay()
    network.heal()
    one.send('again', port, network.address(1))
    expect(String((await once(two, 'message'))[0])).toBe('again')

    network.lose([1], 1)
    one.send('lost, too', port, network.address(1))
    await otherWay()
    network.findAgain([1])
    network.slow([1], 20)
    one.send('late', port, network.address(1))
    expect(String((await once(two, 'message'))[0])).toBe('late')
  },
)

test.runIf(here)(
  'what is said over a connection waits while the road is cut, and is whole',
  async () => {
    await listener(1)
    const socket = dial(0, 1)
    const greeting = `${network.address(0)} `
    expect(await heard(socket, greeting.length)).toBe(greeting)
    network.cut(0, 1)
    const words = 'a'.repeat(100_000)
    let early = 0
    const count = (text: string): void => {
      early += text.length
    }
    socket.on('data', count)
    socket.write(words)
    // A second connection tells that time has passed: it goes the other way round the cut.
    const other = dial(2, 1)
    await heard(other, greeting.length)
    expect(early).toBe(0)
    socket.off('data', count)
    network.heal()
    expect(await heard(socket, words.length)).toBe(words)
  },
)

test.runIf(here)(
  'a dial over a cut hears nothing before it is healed; a dead process refuses',
  async () => {
    const server = await listener(1)
    network.cut(1, 0)
    const socket = dial(0, 1)
    await once(socket, 'connect')
    expect(socket.bytesRead).toBe(0)
    network.heal()
    await heard(socket, 1)

    server.close()
    network.ended(1)
    const refused = dial(0, 1)
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
  },
)

test.runIf(here)('where nobody listens yet a connection is reset', async () => {
  network.started(1)
  const socket = dial(0, 1)
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNRESET')
})
