import type { Address } from '../base/address.ts'

/**
 * The seam under `net`: bytes in and out. Real sockets implement it, and the simulator's network does. No
 * handler is called before the call that causes it (`listen`, `dial`, `write`, `destroy`…) has returned.
 */

export interface Sockets {
  /** Throws OperatorError PORT_IN_USE / PERMISSION through `failed`. */
  bindDatagram(at: Address, handlers: DatagramHandlers): DatagramSocket
  listen(at: Address, handlers: ListenHandlers): Listener
  /** `to.host` may be a name; it is resolved anew at each dial. */
  dial(to: Address, handlers: ConnectionHandlers): Connection
}

export interface DatagramHandlers {
  bound(at: Address): void
  received(from: Address, bytes: Uint8Array): void
  /** The socket cannot be used. */
  failed(error: Error): void
}

export interface DatagramSocket {
  /** Best effort: errors of single packets are swallowed. `bytes` must not be changed afterwards. */
  send(to: Address, bytes: Uint8Array): void
  close(): void
}

export interface ListenHandlers {
  listening(at: Address): void
  /** Return the handlers of the new connection. */
  accepted(connection: Connection): ConnectionHandlers
  /** Somebody who could not prove enough to be accepted. What comes back is said to it; undefined: not a word. */
  refused?(from: Address, no: Disbelief): Uint8Array | undefined
  failed(error: Error): void
}

/** Why the other end is nobody to this one. */
export interface Disbelief {
  readonly why: string
  /** Its certificate is of an authority of ours, and has run out or not begun. */
  readonly outOfTime?: true
  /** The node that its certificate names; anybody can make one that does. */
  readonly named?: string
}

export interface Listener {
  close(): void
}

export interface ConnectionHandlers {
  /** Both ends: the dialler's when the other end answered, the other one's right after `accepted`. */
  opened(): void
  /** `bytes` is never used again by the socket: the receiver may keep it, or views of it. */
  received(bytes: Uint8Array): void
  /** All bytes written so far have left the process's own queue. */
  drained(): void
  /** Exactly once, whoever closed. */
  closed(why: CloseReason): void
}

/**
 * `refused`: nobody listens there. `reset`: the peer vanished. `timeout`: no answer to the dial.
 * `untrusted`: one end cannot prove itself to the other. `foreign`: the other end proves to be of another cluster
 * than this end's token names.
 */
export type CloseReason =
  | 'closed'
  | 'refused'
  | 'reset'
  | 'timeout'
  | 'unresolved'
  | 'untrusted'
  | 'foreign'

/**
 * Whom the other end of a connection has proved to be, by the handshake below the first byte.
 * `anonymous`: it proved nothing, and knows that this end did (a joiner with a token). `secret`: it holds the
 * cluster's secret, and the key whose fingerprint is `key`. `node`: the cluster's CA says that this key is
 * that node's.
 */
export type PeerIdentity =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'secret'; readonly id: string; readonly key: string }
  | {
      readonly kind: 'node'
      readonly id: string
      readonly tag: string
      readonly key: string
      /** Of the certificate, hexadecimal. */
      readonly serial: string
    }

export interface Connection {
  readonly remote: Address
  /** Known from `opened` on. Absent, or undefined: connections prove nothing here, everybody is believed. */
  identity?(): PeerIdentity | undefined
  /** `bytes` belong to the connection from now on: they must not be changed. Ignored once closing. */
  write(bytes: Uint8Array): void
  /** Bytes written that have not left yet: back-pressure. */
  pending(): number
  /** After what was written has left. */
  end(): void
  /** At once. */
  destroy(): void
}
