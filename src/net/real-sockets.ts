import { bindDatagram } from './real-datagrams.ts'
import { dial, listen } from './real-streams.ts'
import type { Sockets } from './types.ts'

/** The operating system's sockets: a dumb door to node:dgram and node:net. */
export function realSockets(): Sockets {
  return { bindDatagram, listen, dial }
}
