import net from 'node:net'
import tls from 'node:tls'
import { type Address, formatAddress } from '../base/address.ts'
import { maxStrangers } from './limits.ts'
import { bindDatagram } from './real-datagrams.ts'
import { accept, backlog, dial as dialPlainly, dialTimeout, Stream } from './real-streams.ts'
import {
  type Credentials,
  type Manner,
  manners,
  mannersOf,
  nameOf,
} from './security/credentials.ts'
import { counts, foreign, isDisbelief, proved, provedByToken } from './security/real-proved.ts'
import { TlsContexts } from './security/tls-contexts.ts'
import { bindError, closeReason, codeOf, plainHost } from './socket-errors.ts'
import type {
  CloseReason,
  Connection,
  ConnectionHandlers,
  Listener,
  ListenHandlers,
  PeerIdentity,
  Sockets,
} from './types.ts'

/**
 * The same seam over TLS 1.3. A dialler says by the server name as what it comes (member, holder of the secret,
 * joiner with a token); the other end answers with what proves itself to such a one, or not at all. Nothing is
 * accepted, and nobody's bytes are read, before both ends have proved what that manner asks of them.
 *
 * `open`: as long as it says so, connections are plain. It is asked at each, because a node on loopback that has
 * nothing to prove may get something.
 */
export function tlsSockets(
  credentials: () => Credentials,
  open: () => boolean = () => false,
): Sockets {
  const contexts = new TlsContexts(credentials)
  return {
    bindDatagram,
    listen: (at, handlers) => listen(at, handlers, contexts, open),
    dial: (to, handlers) => (open() ? dialPlainly(to, handlers) : new Dial(to, handlers, contexts)),
  }
}

/** From the first byte to the last of the handshake, at either end, ms. */
const handshakeTimeout = 5_000
/** Who is told that it is not believed has so long to hear it, ms. */
const lastWordTime = 1_000
/** What is spoken inside; an end that cannot answer a manner says so by refusing it (RFC 7301 §3.2). */
const protocolOf = (manner: Manner): string => `hive-${manner}/1`

function listen(
  at: Address,
  handlers: ListenHandlers,
  contexts: TlsContexts,
  open: () => boolean,
): Listener {
  /** Connected, and the handshake is not over, by address; oldest first. */
  const strangers = new Map<string, net.Socket>()
  const refuse = (socket: net.Socket, why: string): void => {
    handlers.refused?.(remoteOf(socket), { why })
    socket.destroy()
  }
  const secure = tls.createServer({
    ...contexts.common,
    handshakeTimeout,
    requestCert: true,
    // Who has no certificate may be a joiner with a token; who has a wrong one is refused below, by name.
    rejectUnauthorized: false,
    SNICallback: (name, done) => done(null, contexts.serverContext(mannerOf(name) ?? 'member')),
    ALPNCallback: ({ servername, protocols }) => {
      const manner = mannerOf(servername)
      if (!manner || !contexts.serves(manner)) return undefined
      return protocols.find(protocol => protocol === protocolOf(manner))
    },
  })
  const server = net.createServer({ noDelay: true }, socket => {
    if (open()) {
      accept(socket, handlers)
      return
    }
    const key = formatAddress(remoteOf(socket))
    strangers.set(key, socket)
    socket.on('close', () => strangers.delete(key))
    onceItSpeaks(
      socket,
      () => secure.emit('connection', socket),
      () => refuse(socket, 'connects and says nothing'),
    )
    if (strangers.size <= maxStrangers) return
    const [first, oldest] = strangers.entries().next().value!
    strangers.delete(first)
    refuse(oldest, 'too many connections that say nothing')
  })
  secure.on('secureConnection', (socket: tls.TLSSocket) => {
    const manner = spoken(socket, mannerOf(socket.servername))
    const identity = manner && proved(socket, manner, contexts.credentials)
    if (!identity) return refuse(socket, 'asks for nobody here')
    if (isDisbelief(identity))
      return turnAway(socket, handlers.refused?.(remoteOf(socket), identity))
    strangers.delete(formatAddress(remoteOf(socket)))
    const connection = new Stream(socket, remoteOf(socket), identity)
    connection.handlers = handlers.accepted(connection)
    connection.opened()
  })
  secure.on('tlsClientError', (error, socket) => {
    const code = codeOf(error) ?? 'no reason'
    if (!quiet.has(code)) handlers.refused?.(remoteOf(socket), { why: `no handshake: ${code}` })
    // Node.js only tells of one that is not over in time, and leaves it open.
    socket.destroy()
  })
  server.on('error', error => handlers.failed(bindError(error, 'TCP', at)))
  server.listen({ host: at.host, port: at.port, backlog }, () => {
    const bound = server.address()
    if (bound === null || typeof bound === 'string') return
    handlers.listening({ host: at.host, port: bound.port })
  })
  return {
    close() {
      server.close()
      for (const socket of strangers.values()) socket.destroy()
    },
  }
}

/**
 * TLS is through with its part at the other end before this one can say that it does not believe it: so it is told inside.
 * Nothing of what it says is read meanwhile; a socket that is closed over unread bytes would take the word back.
 */
function turnAway(socket: tls.TLSSocket, word: Uint8Array | undefined): void {
  if (word) socket.end(word)
  else socket.destroy()
  const timer = setTimeout(() => socket.destroy(), lastWordTime)
  socket.on('error', () => {}).on('close', () => clearTimeout(timer))
}

/**
 * What TLS takes for each connection is not given to those who say nothing: they cost a socket. What is read meanwhile is
 * the socket's, and TLS takes it from there.
 */
function onceItSpeaks(socket: net.Socket, spoke: () => void, silent: () => void): void {
  const timer = setTimeout(silent, handshakeTimeout)
  const quieten = (): void => {}
  const over = (): void => {
    clearTimeout(timer)
    socket.off('readable', heard).off('error', quieten).off('close', over)
  }
  const heard = (): void => {
    over()
    if (socket.readableLength > 0) spoke()
    else socket.destroy()
  }
  socket.on('readable', heard).on('error', quieten).on('close', over)
}

/** Somebody who connects and goes is no news, and a member may come before this node is one: it tries as another. */
const quiet = new Set(['ECONNRESET', 'EPIPE', 'ERR_SSL_NO_APPLICATION_PROTOCOL'])

/**
 * One dial: the manners that this end can come in are tried, best first, each over a connection of its own,
 * until the other end takes one. TLS 1.3 is through at this end before the other one has judged: one that hangs up
 * before it said a word did not believe us, and hears what we said in the next manner.
 */
class Dial implements Connection {
  readonly #to: Address
  readonly #handlers: ConnectionHandlers
  readonly #contexts: TlsContexts
  readonly #manners: Manner[]
  #timer: NodeJS.Timeout
  #attempt: tls.TLSSocket | undefined
  #stream: Stream | undefined
  /** Written before the other end said anything. */
  #said: Uint8Array[] = []
  #opened = false
  #heard = false
  #ending = false
  #over = false

  constructor(to: Address, handlers: ConnectionHandlers, contexts: TlsContexts) {
    this.#to = to
    this.#handlers = handlers
    this.#contexts = contexts
    const { member } = contexts.credentials
    this.#manners = [...mannersOf(contexts.credentials, !member || counts(member.chain))]
    this.#timer = setTimeout(() => this.#fail('timeout'), dialTimeout)
    process.nextTick(() => this.#next('untrusted'))
  }

  get remote(): Address {
    return this.#stream?.remote ?? this.#to
  }

  identity() {
    return this.#stream?.identity?.()
  }

  write(bytes: Uint8Array): void {
    if (!this.#heard && !this.#over && !this.#ending) this.#said.push(bytes)
    this.#stream?.write(bytes)
  }

  pending(): number {
    return this.#stream?.pending() ?? this.#said.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  end(): void {
    this.#ending = true
    this.#stream?.end()
  }

  destroy(): void {
    if (this.#stream) {
      this.#over = true
      this.#stream.destroy()
    } else this.#fail('closed')
  }

  #next(why: CloseReason): void {
    if (this.#over) return
    const manner = this.#manners.shift()
    if (!manner) {
      this.#fail(why)
      return
    }
    const socket = tls.connect({
      ...this.#contexts.common,
      host: this.#to.host,
      port: this.#to.port,
      servername: nameOf(manner),
      secureContext: this.#contexts.clientContext(manner),
      ALPNProtocols: [protocolOf(manner)],
      // By `proved`, which knows ids and tokens; names of machines prove nothing here.
      rejectUnauthorized: false,
    })
    socket.setNoDelay(true)
    this.#attempt = socket
    let connected = false
    let failure: CloseReason = 'closed'
    // Everything that the system has no word for is TLS's.
    let mayTryAgain = true
    socket.once('connect', () => {
      connected = true
    })
    const failed = (error: Error): void => {
      // Only who says so distrusts us: one that hangs up may have been killed in the middle of a word.
      failure = isDistrust(error) ? 'untrusted' : closeReason(error, false)
      mayTryAgain = failure === 'untrusted' || failure === 'closed'
    }
    const closed = (): void => {
      if (connected && mayTryAgain) this.#next(failure)
      else this.#fail(failure)
    }
    socket.on('error', failed)
    socket.on('close', closed)
    socket.once('secureConnect', () => {
      const { credentials } = this.#contexts
      if (!spoken(socket, manner)) {
        socket.destroy()
        return
      }
      const identity =
        manner === 'token'
          ? provedByToken(socket, credentials)
          : proved(socket, manner, credentials)
      if (isDisbelief(identity)) {
        failure = identity === foreign ? 'foreign' : 'untrusted'
        socket.destroy()
        return
      }
      socket.off('error', failed).off('close', closed)
      this.#open(socket, identity)
    })
  }

  #open(socket: tls.TLSSocket, identity: PeerIdentity): void {
    clearTimeout(this.#timer)
    const stream = new Stream(socket, this.#to, identity)
    const handlers = this.#handlers
    this.#stream = stream
    stream.handlers = {
      opened: () => {
        if (!this.#opened) handlers.opened()
        this.#opened = true
      },
      received: bytes => {
        this.#heard = true
        this.#said = []
        stream.handlers = handlers
        handlers.received(bytes)
      },
      drained: () => handlers.drained(),
      closed: why => this.#unheard(why),
    }
    for (const bytes of this.#said) stream.write(bytes)
    if (this.#ending) stream.end()
    stream.opened()
  }

  /** The other end hung up without a word, or this one did. */
  #unheard(why: CloseReason): void {
    if (this.#over || this.#ending || this.#manners.length === 0) return this.#handlers.closed(why)
    this.#stream = undefined
    this.#timer = setTimeout(() => this.#fail('timeout'), dialTimeout)
    this.#next(why)
  }

  #fail(why: CloseReason): void {
    if (this.#over) return
    this.#over = true
    this.#said = []
    clearTimeout(this.#timer)
    this.#attempt?.destroy()
    process.nextTick(() => this.#handlers.closed(why))
  }
}

/** An end that names no protocol is refused as well: what is meant for another one must not be taken for hive's. */
function spoken(socket: tls.TLSSocket, manner: Manner | undefined): Manner | undefined {
  return manner && socket.alpnProtocol === protocolOf(manner) ? manner : undefined
}

/**
 * The other end says (RFC 8446 §6.2; OpenSSL has it in its error's name) that it serves nobody who comes in this manner, or
 * does not believe what was shown. That a message was spoilt on the way, or that it has trouble of its own, is no word about us.
 */
function isDistrust(error: Error): boolean {
  return distrust.test(codeOf(error) ?? '')
}

const distrust =
  /^ERR_SSL_.*(ALERT_(NO_APPLICATION_PROTOCOL|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(REVOKED|EXPIRED|UNKNOWN|REQUIRED)|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE|PROTOCOL_VERSION)|UNRECOGNIZED_NAME)$/

function mannerOf(name: string | false | null | undefined): Manner | undefined {
  return manners.find(manner => nameOf(manner) === name)
}

function remoteOf(socket: net.Socket): Address {
  return { host: plainHost(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 }
}
