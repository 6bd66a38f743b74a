import type { Address } from '../base/address.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { Clock, Millis } from '../base/time.ts'
import type { Message as RaftMessage } from '../raft/types.ts'
import type { SwimMessage } from '../swim/types.ts'
import type { Hello, Verdict } from './handshake.ts'
import type { CloseReason, PeerIdentity, Sockets } from './types.ts'

/** What the owner of the links (the agent) lends them and hears from them. */
export interface LinkHandlers {
  /** `listen` succeeded; with port 0, this says which one it became. */
  listening?(at: Address): void
  /** `listen` failed (an OperatorError), or the listener died. Without this handler it is thrown. */
  failed?(error: Error): void
  /** This node's own hello, made anew for each connection. */
  hello(): Hello
  /** First validation of a peer that dialled us (`asked`), or that we dialled. */
  validate(hello: Hello, from: Address, identity?: PeerIdentity, asked?: boolean): Verdict
  /** Somebody came as that node, which is linked and lives: it was refused. */
  copied?(hello: Hello, from: Address, reason: string): void
  /**
   * The link is up, in either direction; at most one per peer at a time. `address`: where the peer can be
   * dialled, as it says itself; `peer.address` is the same.
   */
  connected(peer: Hello, address: Address): void
  /** The link is down. `refused` and `reset` are strong evidence that the process is gone. */
  disconnected(id: string, why: CloseReason): void
  /** A dial that never became a link: to a seed (no id known yet) or to a known peer. */
  dialFailed(address: Address, id: string | undefined, failure: DialFailure): void
  /** Somebody dialled us, was welcome, and did not want us. */
  refused?(failure: DialFailure): void
  raft(from: string, message: RaftMessage, identity?: PeerIdentity): void
  swim(from: string, message: SwimMessage, identity?: PeerIdentity): void
  /** A request; answer exactly once. `body` is JSON-able, `blob` raw bytes (may be empty): a view of what was
   * read, so copy what is to be kept for long. */
  request(
    from: string,
    method: string,
    body: unknown,
    blob: Uint8Array,
    answer: Answer,
    identity?: PeerIdentity,
    gone?: Gone,
  ): void
  /** One-way, ordered. */
  notice(from: string, kind: string, body: unknown, blob: Uint8Array, identity?: PeerIdentity): void
  /** Something arrived that should not have: counted, with the last sender. */
  foreign(from: Address, why: string): void
  /** Whether that node is out, as this end knows for certain: it may hear so though nothing that it shows counts any more. */
  isOut?(id: string): boolean
}

export type DialFailure =
  | { readonly why: CloseReason }
  | {
      readonly why: 'rejected'
      readonly code: ErrorCode
      readonly reason: string
      readonly by?: Hello
      /** What the other end had proved. */
      readonly identity?: PeerIdentity
      /** It was this end that refused. */
      readonly own?: true
    }
  | { readonly why: 'busy'; readonly reason: string; readonly by?: Hello }
  | { readonly why: 'malformed' | 'handshake-timeout' }
  /** There is a link to the node that answered: nothing is wrong, and that link stays. */
  | { readonly why: 'duplicate'; readonly by: Hello }

/** Says when nobody waits for the answer any more; to be asked for by those who answer late. */
export type Gone = () => AbortSignal

export type Answer = (outcome: RequestOutcome) => void

export type RequestOutcome =
  | { readonly ok: true; readonly body: unknown; readonly blob?: Uint8Array }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly remedy?: string
      /** It never left this node: safe to ask again. Absent: the outcome at the peer is unknown, or said. */
      readonly unsent?: true
      /** The link ended before an answer came, by a fault or because it was made anew. */
      readonly lost?: true
    }

/** Every bound of a link, with its reason in the implementation. */
export interface LinkLimits {
  readonly frameBytes: number
  readonly queueBytes: number
  readonly handshakeTimeout: Millis
  readonly dialTimeout: Millis
  readonly pingIdle: Millis
}

/** One multiplexed, framed TCP connection per pair of peers. */
export interface Links {
  listen(at: Address): void
  /** Dial somebody of whom only the address is known. Outcome: `connected` or `dialFailed`. */
  dialSeed(address: Address): void
  /** Where a known peer can be reached; needed before `send` to it can dial. */
  setAddress(id: string, address: Address): void
  /** Forget the address and close the link, if any. */
  forget(id: string): void
  /** Make sure that a link exists or is being dialled, now (skips the back-off). */
  connect(id: string): void
  /** Closes the link, if there is one, and dials anew: this end has more to prove than when it was made. */
  renew(id: string): void
  /**
   * The peer was not reached for a while, and is now. A link that survived may hang on TCP's next try, which comes the later the
   * longer the way was cut: if nothing comes over it soon, it is dialled anew.
   */
  doubt(id: string): void
  isConnected(id: string): boolean
  connectedPeers(): readonly string[]
  /** What the peer proved over the link that is used now; undefined: nothing, or there is none. */
  identity(id: string): PeerIdentity | undefined
  /** What the peer said of itself when the link was made; undefined: there is none. */
  hello(id: string): Hello | undefined
  /** Where the other end of the link is, as this end sees it; undefined: there is none. */
  remote(id: string): Address | undefined
  /** False: dropped, because there is no link (a dial is begun, with back-off) or its queue is full. Raft and swim bear that. */
  sendRaft(to: string, message: RaftMessage): boolean
  sendSwim(to: string, message: SwimMessage): boolean
  notice(to: string, kind: string, body: unknown, blob?: Uint8Array): boolean
  /** Bytes queued towards a peer: what a sender of chunks looks at. */
  queued(to: string): number
  /**
   * Ask a peer; dials if needed. `done` is called exactly once: with the answer, or with
   * TIMEOUT / a PeerError-like code NO_QUORUM never; a lost link answers
   * `{ok: false, code: 'TIMEOUT', message}` and the outcome at the peer is unknown. When `signal` aborts,
   * `done` is called at once, and the peer hears that it need not wait on.
   */
  request(
    to: string,
    method: string,
    body: unknown,
    timeout: Millis,
    done: Answer,
    blob?: Uint8Array,
    signal?: AbortSignal,
  ): void
  close(): void
}

/** Made by `createLinks` in `./links.ts`; declared here so that others can be written against it. */
export type CreateLinks = (parts: {
  readonly sockets: Sockets
  readonly clock: Clock
  readonly random: Random
  readonly limits?: Partial<LinkLimits>
  readonly handlers: LinkHandlers
}) => Links
