import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/**
 * Ports for agents on loopback. Below what the system hands out to outgoing connections (32768 and up), so that an
 * agent that is started again finds its port free.
 */
const first = 15_000
const last = 32_000
const tries = 200
const given = new Set<number>()

/** Free now for UDP and TCP, and not given to anybody in this process before. */
export async function freePort(): Promise<number> {
  for (let i = 0; i < tries; i++) {
    const port = first + Math.floor(Math.random() * (last - first))
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error(`no free port after ${tries} tries`)
}

async function isFree(port: number): Promise<boolean> {
  return (await freeForTcp(port)) && (await freeForUdp(port))
}

function freeForTcp(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function freeForUdp(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(false))
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)))
  })
}
