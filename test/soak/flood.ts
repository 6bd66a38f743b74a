import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'

/**
 * An outsider in a process of its own: `flood.ts datagrams PORT SECONDS`, as many as the machine gives, half of them
 * random and half with hive's own first bytes; `flood.ts connections PORT SECONDS COUNT`, that many which say
 * nothing, each made anew when it is closed. Prints what it did as JSON.
 */
const [what, ...numbers] = process.argv.slice(2)
const [port = 0, seconds = 1, count = 0] = numbers.map(Number)
const end = performance.now() + seconds * 1000

if (what === 'datagrams') datagrams()
else connections()

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

function connections(): void {
  let [opened, closed] = [0, 0]
  const open = (): void => {
    if (performance.now() > end) return
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => opened++)
    socket.on('error', () => {})
    socket.on('close', () => {
      closed++
      setTimeout(open, 200)
    })
  }
  for (let i = 0; i < count; i++) setTimeout(open, (i * seconds * 250) / count)
  setTimeout(() => {
    console.log(JSON.stringify({ opened, closed }))
    process.exit(0)
  }, seconds * 1000)
}
