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
  readonly state: 'alive' | 'expired' | 'spent' | 'revoked'
  readonly use: TokenUse
  /** Nodes that it let in. */
  readonly used: number
  readonly expires: EpochMillis | null
  readonly created: EpochMillis
  readonly by: string
}
