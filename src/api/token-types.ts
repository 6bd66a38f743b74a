import type { EpochMillis, Millis } from '../base/time.ts'
import type { TokenUse } from '../state/events.ts'

/** Tokens and those who come with them, as operators see them. The secret is in one answer only: that of its making. */

export interface TokenWish {
  /** A note for people. */
  readonly name: string
  /** From now; null: never expires, for the API only. */
  readonly life: Millis | null
  readonly use: TokenUse
}

/** `POST /v1/hive/tokens`. */
export interface NewToken {
  readonly id: string
  /** The one time that it is shown. */
  readonly token: string
  readonly expires: EpochMillis | null
  readonly use: TokenUse
}

/** `GET /v1/hive/tokens`. */
export interface TokenReport {
  readonly id: string
  readonly name: string
  /** outdated: it names an authority that is no more. */
  readonly state: 'alive' | 'expired' | 'spent' | 'revoked' | 'outdated'
  readonly use: TokenUse
  /** Nodes that it let in. */
  readonly used: number
  readonly expires: EpochMillis | null
  readonly created: EpochMillis
  readonly by: string
}

/** `GET /v1/hive/join-requests`: a node that an operator has to decide about, or has refused. */
export interface JoinRequestReport {
  readonly id: string
  readonly name: string
  readonly address: string
  /** SHA-256 of its public key, hexadecimal; null: nodes have none here. */
  readonly key: string | null
  readonly roles: readonly string[]
  readonly dc: string
  readonly version: string
  /** Id of the token that it showed. */
  readonly token: string | null
  readonly since: EpochMillis
  readonly state: 'waits' | 'refused'
  /** Of the refusal, and who refused it. */
  readonly reason: string
  readonly by: string | null
}
