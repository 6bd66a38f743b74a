import type { Address } from '../base/address.ts'
import type { Instant, Millis } from '../base/time.ts'

/** The words of the swim room. Shapes only. */

export type MemberId = string

/**
 * What this node believes of another one. `unreachable` is its own opinion (a suspicion that nobody
 * refuted in time); `failed` and `left` come from the control plane alone, and only those two are
 * gossiped as verdicts.
 */
export type MemberStatus = 'alive' | 'suspect' | 'unreachable' | 'failed' | 'left'

/** What a member says of itself; only it raises `incarnation`. */
export interface MemberInfo {
  readonly id: MemberId
  readonly name: string
  readonly address: Address
  readonly incarnation: number
  /** Opaque to swim, ≤ 256 bytes; changes with the incarnation. */
  readonly meta: Uint8Array
}

export interface Member extends MemberInfo {
  readonly status: MemberStatus
  /** When `status` began, by this node's clock. */
  readonly since: Instant
  /** Ids of those who accuse it, while suspect or unreachable. */
  readonly accusers: readonly MemberId[]
}

/** A piece of gossip: the newest that somebody knows of a member. Retransmitted a bounded number of times. */
export type Update =
  | { readonly kind: 'alive'; readonly member: MemberInfo }
  /** `accuser` counts: independent confirmations shorten the suspicion (Lifeguard §IV-B). */
  | {
      readonly kind: 'suspect'
      readonly id: MemberId
      readonly incarnation: number
      readonly accuser: MemberId
    }
  /** A verdict of the control plane. */
  | { readonly kind: 'failed' | 'left'; readonly id: MemberId; readonly incarnation: number }

export type SwimMessage =
  /** `target` so that a node that took over an address does not answer for another. */
  | {
      readonly type: 'ping'
      readonly seq: number
      readonly target: MemberId
      readonly updates: readonly Update[]
    }
  | { readonly type: 'ack'; readonly seq: number; readonly updates: readonly Update[] }
  | {
      readonly type: 'ping-req'
      readonly seq: number
      readonly target: MemberId
      readonly address: Address
      readonly updates: readonly Update[]
    }
  /** Lifeguard §IV-A: the helper got no answer either, but it lives and so does the path to it. */
  | { readonly type: 'nack'; readonly seq: number; readonly updates: readonly Update[] }
  | { readonly type: 'gossip'; readonly updates: readonly Update[] }
  /** Anti-entropy over the stream: everything that the sender knows (or its share of it). */
  | { readonly type: 'push-pull'; readonly reply: boolean; readonly updates: readonly Update[] }

/** `datagram` may be lost; `stream` is the framed TCP connection (fallback probe, push-pull). */
export type Channel = 'datagram' | 'stream'

export type SwimInput =
  | {
      readonly type: 'message'
      readonly from: MemberId
      readonly fromAddress: Address
      readonly via: Channel
      readonly message: SwimMessage
    }
  /** These passed the first validation or came in a digest: believe in them as alive. */
  | { readonly type: 'introduce'; readonly members: readonly MemberInfo[] }
  /** The port of that member answered "nobody listens": the process is gone though the host lives. */
  | { readonly type: 'refused'; readonly id: MemberId }
  /** The control plane decided (or took a decision back: `alive` forgets a verdict). */
  | {
      readonly type: 'verdict'
      readonly id: MemberId
      readonly incarnation: number
      readonly verdict: 'failed' | 'left' | 'alive'
    }
  /** Keep about so many members from now on; a smaller cluster is known as a whole. */
  | { readonly type: 'slice'; readonly size: number }
  /** These members are none any more: forget them. For who knows the full list. */
  | { readonly type: 'forget'; readonly ids: readonly MemberId[] }
  /** The crank came around late by this much: doubt yourself before you accuse others. */
  | { readonly type: 'lag'; readonly by: Millis }
  /** Change what this node says of itself; raises its incarnation. */
  | {
      readonly type: 'update-self'
      readonly address?: Address
      readonly meta?: Uint8Array
      readonly name?: string
    }

export interface Outgoing {
  readonly to: MemberId
  readonly address: Address
  readonly via: Channel
  readonly message: SwimMessage
}

export interface SwimReady {
  readonly send: readonly Outgoing[]
  /** Whose belief changed, with the belief before; undefined: newly met. In order. */
  readonly changes: readonly {
    readonly member: Member
    readonly before: MemberStatus | undefined
  }[]
  /** This node's own incarnation rose (refutation, update): keep it durable before the next boot. */
  readonly incarnation?: number
}

/** Each knob with unit, default and the formula it feeds. */
export interface SwimConfig {
  /** One probe per period, ms. Default 500. Scaled by local health (1 + score). */
  readonly probePeriod: Millis
  /** Wait for a direct ack, ms, before asking others. Default 200. Scaled by local health. */
  readonly probeTimeout: Millis
  /** Members asked to probe in our place. Default 3. */
  readonly indirectProbes: number
  /** Suspicion lasts at least this × max(1, log10(n)) × probePeriod. Default 4. */
  readonly suspicionMultiplier: number
  /** …and at most this times the minimum, while nobody confirms. Default 6. */
  readonly suspicionMaxFactor: number
  /** An update is sent this × ceil(log10(n + 1)) times. Default 4. */
  readonly retransmitMultiplier: number
  /** Gossip to this many members… Default 3. */
  readonly gossipFanout: number
  /** …every so many ms while there is something to say. Default 100. */
  readonly gossipPeriod: Millis
  /** Full exchange with one random member, ms. Default 30 000; scaled up with log2 beyond 32 members. */
  readonly pushPullPeriod: Millis
  /** Highest local health score (Lifeguard §IV-A). Default 8. */
  readonly maxHealthScore: number
  /** Largest datagram, bytes, all headers of ours included. Default 1400. */
  readonly packetBytes: number
  /** How long a member with a verdict is remembered, so that old gossip cannot revive it, ms. Default 24 h. */
  readonly verdictMemory: Millis
  /** How many members this node keeps of a cluster that has more. Default Infinity: all. */
  readonly slice: number
}
