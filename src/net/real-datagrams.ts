import dgram from 'node:dgram'
import dns from 'node:dns'
import net from 'node:net'
import type { Address } from '../base/address.ts'
import { NameCache } from './name-cache.ts'
import { bindError, plainHost } from './socket-errors.ts'
import type { DatagramHandlers, DatagramSocket } from './types.ts'

/** A burst of gossip must not be lost while this process collects garbage. The kernel may give less. */
const bufferBytes = 2 * 2 ** 20

export function bindDatagram(at: Address, handlers: DatagramHandlers): DatagramSocket {
  const family = net.isIPv6(at.host) ? 6 : 4
  // Node asks `lookup` for each packet; an address needs no resolver and no thread.
  const socket = dgram.createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    lookup: (host, options, done) => {
      if (net.isIP(host)) done(null, host, family)
      else dns.lookup(host, { ...options, family, all: false }, done)
    },
  })
  const names = new NameCache(family)
  let bound = false
  let closed = false

  socket.on('message', (bytes, from) => {
    handlers.received({ host: plainHost(from.address), port: from.port }, bytes)
  })
  socket.on('error', error => {
    // Of a bound socket it is about one packet: the next one may fare better.
    if (bound || closed) return
    closed = true
    handlers.failed(bindError(error, 'UDP', at))
    socket.close()
  })
  socket.on('listening', () => {
    bound = true
    widen(socket)
    handlers.bound({ host: at.host, port: socket.address().port })
  })
  // A lookup that answers at once would make `bind` call the handlers before this function returns.
  process.nextTick(() => {
    if (!closed) socket.bind({ address: at.host, port: at.port })
  })

  function sendTo(host: string, port: number, bytes: Uint8Array): void {
    if (closed || port < 1 || port > 65535) return
    const target = family === 6 && net.isIPv4(host) ? `::ffff:${host}` : host
    if (family === 4 && net.isIPv6(target)) return
    // Without somebody to call back: of one packet nothing is worth a turn of the loop; errors come to `error`.
    socket.send(bytes, port, target)
  }

  return {
    send(to, bytes) {
      if (!bound || closed) return
      if (net.isIP(to.host)) sendTo(to.host, to.port, bytes)
      else names.resolve(to.host, host => sendTo(host, to.port, bytes))
    },
    close() {
      if (closed) return
      closed = true
      socket.close()
    },
  }
}

function widen(socket: dgram.Socket): void {
  try {
    socket.setRecvBufferSize(bufferBytes)
    socket.setSendBufferSize(bufferBytes)
  } catch {
    // Some systems refuse instead of giving what they can; the default works, only less well.
  }
}
