import type { Address } from '../base/address.ts'

/** The seam under `net`: bytes in and out. Real sockets implement it, and the simulator's network does. */

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
  /** Best effort: errors of single packets are swallowed. */
  send(to: Address, bytes: Uint8Array): void
  close(): void
}

export interface ListenHandlers {
  listening(at: Address): void
  /** Return the handlers of the new connection. */
  accepted(connection: Connection): ConnectionHandlers
  failed(error: Error): void
}

export interface Listener {
  close(): void
}

export interface ConnectionHandlers {
  opened(): void
  /** `bytes` is valid only during the call unless the receiver keeps it whole. */
  received(bytes: Uint8Array): void
  /** All bytes written so far have left the process's own queue. */
  drained(): void
  /** Exactly once, whoever closed. */
  closed(why: CloseReason): void
}

/** `refused`: nobody listens there. `reset`: the peer vanished. `timeout`: no answer to the dial. */
export type CloseReason = 'closed' | 'refused' | 'reset' | 'timeout' | 'unresolved'

export interface Connection {
  readonly remote: Address
  write(bytes: Uint8Array): void
  /** Bytes written that have not left yet: back-pressure. */
  pending(): number
  /** After what was written has left. */
  end(): void
  /** At once. */
  destroy(): void
}
