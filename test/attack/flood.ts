import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'

/**
 * An outsider in a process of its own: `flood.ts WHAT PORT SECONDS [COUNT]`. Prints what it did as JSON.
 *
 *     datagrams    as many as the machine gives, half of them random and half with hive's own first bytes
 *     sink         takes datagrams at a port, which it prints
 *     connections  COUNT that say nothing, each made anew when it is closed
 *     slowloris    COUNT requests that send a header every now and then and never end
 *     pipelined    COUNT connections that send garbage after a request, without waiting
 *     oversized    COUNT connections with headers and bodies beyond every limit
 */
const [what, ...numbers] = process.argv.slice(2)
const [port = 0, seconds = 1, count = 0] = numbers.map(Number)
const end = performance.now() + seconds * 1000
/** ms before a connection that was closed is made anew. */
const pause = 200

const attacks: Readonly<Record<string, () => void>> = {
  datagrams,
  sink: () => {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1', () => console.log(socket.address().port))
  },
  connections: () => holding(() => {}),
  slowloris: () =>
    holding(socket => {
      socket.write('GET /v1/hive/status HTTP/1.1\r\nHost: here\r\n')
      const drip = setInterval(() => socket.write(`X-${Math.random()}: 1\r\n`), 1_000)
      socket.on('close', () => clearInterval(drip))
    }),
  pipelined: () =>
    holding(socket => {
      const garbage = Buffer.concat([
        Buffer.from('GET /v1/hive/status HTTP/1.1\r\nHost: here\r\n\r\n'.repeat(50)),
        randomBytes(2_000),
      ])
      socket.on('data', () => {})
      socket.write(garbage)
    }),
  oversized: () =>
    holding(socket => {
      socket.on('data', () => {})
      socket.write(`PUT /v1/kv/x HTTP/1.1\r\nHost: here\r\nContent-Length: ${2 ** 40}\r\n\r\n`)
      const block = Buffer.alloc(2 ** 18)
      const more = (): void => {
        if (!socket.destroyed && performance.now() < end)
          socket.write(block, () => setImmediate(more))
      }
      more()
    }),
}

attacks[what!]!()

function datagrams(): void {
  const packets = Array.from({ length: 64 }, (_, i) => {
    const bytes = randomBytes(40 + ((i * 21) % 1360))
    if (i % 2) bytes.set([0x48, 0x56, 1, 1, 1])
    return bytes
  })
  const socket = createSocket('udp4')
  const burst = 200
  let sent = 0
  const go = (): void => {
    if (performance.now() > end) {
      console.log(JSON.stringify({ sent }))
      socket.close()
      return
    }
    let left = burst
    for (let i = 0; i < burst; i++) {
      socket.send(packets[sent++ % packets.length]!, () => {
        if (--left === 0) setImmediate(go)
      })
    }
  }
  socket.bind(0, () => socket.connect(port, '127.0.0.1', go))
}

function holding(behave: (socket: Socket) => void): void {
  let [opened, closed, held] = [0, 0, 0]
  const open = (): void => {
    if (performance.now() > end) return
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      opened++
      held = Math.max(held, opened - closed)
      behave(socket)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      closed++
      setTimeout(open, pause)
    })
  }
  for (let i = 0; i < count; i++) setTimeout(open, (i * seconds * 250) / count)
  setTimeout(() => {
    console.log(JSON.stringify({ opened, closed, held }))
    process.exit(0)
  }, seconds * 1000)
}
