import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

/** Below the range from which systems take ports of their own accord. */
const lowest = 15_000
const highest = 32_000
let next = lowest + (process.pid % 1000) * 16

/** Ports of 127.0.0.1, free for UDP and TCP alike; none is given twice in one run. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = next++
    if (next >= highest) next = lowest
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const tcp = createServer()
  const udp = createSocket('udp4')
  try {
    await new Promise<void>((resolve, reject) =>
      tcp.once('error', reject).listen(port, '127.0.0.1', resolve),
    )
    await new Promise<void>((resolve, reject) =>
      udp.once('error', reject).bind(port, '127.0.0.1', resolve),
    )
    return true
  } catch {
    return false
  } finally {
    tcp.close()
    udp.close()
  }
}
