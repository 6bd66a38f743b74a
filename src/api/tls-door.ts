import { constants } from 'node:crypto'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { bounded, type Door, patience } from './doors.ts'
import { lastWords } from './last-words.ts'

// As in doors.ts: an ES import would load what nobody needs here.
const { createServer } = process.getBuiltinModule('node:https')

/** What a server proves itself with, as the cluster renews it. */
export interface ServerProof {
  /** PEM: the chain, and the key. Undefined: there is nothing yet, or nothing any more. */
  current(): { readonly cert: string; readonly key: string } | undefined
  onChange(listener: () => void): void
}

/** How long a connection may take until its first byte, and for its handshake, ms. */
const handshakeTimeout = 10_000
/** First byte of a TLS record that holds a handshake (RFC 8446 §5.1). */
const handshakeRecord = 22

const manner = {
  minVersion: 'TLSv1.3',
  ecdhCurve: 'X25519:P-256',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const

/**
 * A server of `door` over TLS 1.3. Connections from then on get what `proof` is then; those that are open stay. Who
 * speaks plain HTTP, or comes before there is a certificate, is told so in one answer, whatever he asked for.
 */
export function httpsServer(door: Door, proof: ServerProof): Server {
  const server = bounded(createServer({ ...patience, ...manner, handshakeTimeout }, door))
  const renew = () => {
    const now = proof.current()
    if (now) server.setSecureContext({ ...manner, ...now })
  }
  renew()
  proof.onChange(renew)
  const [handshake] = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const drop = () => socket.destroy()
    socket.on('error', drop)
    socket.setTimeout(handshakeTimeout, drop)
    socket.once('data', (first: Buffer) => {
      if (first[0] !== handshakeRecord) return socket.end(proof.current() ? plain : early)
      if (!proof.current()) return drop()
      socket.off('error', drop).setTimeout(0).off('timeout', drop)
      socket.pause()
      socket.unshift(first)
      return handshake!.call(server, socket)
    })
  })
  return server
}

const plain = lastWords(
  '400 Bad Request',
  'BAD_REQUEST',
  'this port speaks TLS',
  'use https:// and the authority that `hive ca show --pem` prints',
)
const early = lastWords(
  '503 Service Unavailable',
  'NOT_INITIALISED',
  'this node has no certificate of a cluster, so this port answers nothing',
  'use the local socket of the agent: hive init, or hive join',
)
