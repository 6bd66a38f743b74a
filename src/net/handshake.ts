import type { Address } from '../base/address.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { PeerIdentity } from './types.ts'

/** Protocol versions this build speaks, both ends included. */
export const protocol = { min: 1, max: 1 } as const

/** Who a node is to its cluster, where it has one. */
export interface Allegiance {
  /** UUID of the cluster; the identity, never the human name. */
  readonly tag: string
  readonly clusterName: string
  readonly epoch: number
  readonly metaVersion: number
  /** Which rescue of a lost quorum its history goes back to; absent: none. */
  readonly lineage?: number
  /** It knows the event log up to here. */
  readonly seen?: number
  /** It carries the log itself. */
  readonly carries?: boolean
}

/**
 * The first thing that either end of a stream says (design §4, first validation). Later
 * proofs (token, certificate, clock) have their place in `proof`.
 */
export interface Hello {
  readonly protocolMin: number
  readonly protocolMax: number
  /** Product version, semver. */
  readonly version: string
  readonly id: string
  readonly name: string
  /** Where this node can be reached; host '' means "where you see me". */
  readonly address: Address
  readonly incarnation: number
  readonly roles: readonly string[]
  readonly dc: string
  /** Absent: an empty node. */
  readonly allegiance?: Allegiance
  /** In the middle of an init or a join of its own. */
  readonly busy: boolean
  readonly proof: Readonly<Record<string, string>>
}

/** What the node asked says to a hello. */
export type Verdict =
  | { readonly outcome: 'welcome' }
  /** Not now; try another node. */
  | { readonly outcome: 'busy'; readonly reason: string }
  /** No; `code` is stable. The link closes. */
  | { readonly outcome: 'rejected'; readonly code: ErrorCode; readonly reason: string }

/** A rule of the first validation. Roles and modules add theirs; the first that is not 'welcome' decides. */
export type ValidationHandler = (
  hello: Hello,
  from: Address,
  /** Undefined: connections prove nothing here. */
  identity?: PeerIdentity,
) => Verdict

/** Where whoever says this can be dialled: as it says, or where it is seen. */
export function dialable({ address }: Pick<Hello, 'address'>, seen: Address): Address {
  return address.host === '' ? { host: seen.host, port: address.port } : address
}
