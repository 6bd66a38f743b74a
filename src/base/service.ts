import type { Millis } from './time.ts'

/** What a host offers to others, in words that the API and the `host` role share. */

export type CheckStatus = 'passing' | 'warning' | 'critical'

/** A service registration in Consul's sense. */
export interface ServiceDefinition {
  readonly id: string
  readonly name: string
  readonly tags: readonly string[]
  /** '': the node's own. */
  readonly address: string
  readonly port: number
  readonly meta: Readonly<Record<string, string>>
  readonly checks: readonly CheckDefinition[]
}

export type CheckDefinition = {
  /** Unique on the host. */
  readonly id: string
  readonly name: string
  readonly timeout: Millis
  /** Until the first result. Absent: critical. */
  readonly initial?: CheckStatus
  readonly notes?: string
  /** The service is deregistered after it has been critical by this check for so long. */
  readonly deregisterAfter?: Millis
  /** Results in a row that it takes to change for the better; default 1. */
  readonly successesNeeded?: number
  /** …and for the worse; default 1. */
  readonly failuresNeeded?: number
} & (
  | { readonly kind: 'tcp'; readonly target: string; readonly interval: Millis }
  | {
      readonly kind: 'http'
      readonly url: string
      readonly method: string
      readonly interval: Millis
    }
  | { readonly kind: 'ttl'; readonly ttl: Millis }
)

export interface CheckReport {
  readonly id: string
  readonly name: string
  readonly status: CheckStatus
  readonly output: string
}

export interface ServiceReport extends ServiceDefinition {
  /** The worst of its checks; passing without any; critical while the node drains. */
  readonly status: CheckStatus
  readonly checkStates: readonly CheckReport[]
}

/** Limits of what one registration may hold, named in errors about them. */
export const serviceLimits = {
  idBytes: 256,
  tags: 64,
  meta: 64,
  metaBytes: 512,
  checks: 32,
  /** Services of one host. */
  services: 4096,
  /** Of a check's output, kept and shown. */
  outputChars: 4096,
} as const
