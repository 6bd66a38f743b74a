import type { IncomingHttpHeaders } from 'node:http'
import { OperatorError } from '../base/errors.ts'
import { type Need, type Policy, permits, policyFor } from '../base/policy.ts'
import { actorOf, cleanActor } from './actor.ts'

/**
 * By which door a request came. The local socket's file permissions and the loopback interface say who may
 * come; from the network only a token does.
 */
export type Entrance = 'socket' | 'loopback' | 'network'

/** On whose behalf a request is made. */
export interface Caller {
  /** Undefined: came by a door that needs none. */
  readonly token?: { readonly id: string; readonly name: string }
  /** Undefined: may everything. */
  readonly policies?: readonly Policy[]
}

export const local: Caller = {}

/** Who the event log and the trace will name. Without a token it is what the request says of itself. */
export function nameOf({ token }: Caller, headers: IncomingHttpHeaders): string {
  if (!token) return actorOf(headers)
  return cleanActor(token.name === '' ? `token:${token.id}` : `token:${token.id}/${token.name}`)
}

export function may({ policies }: Caller, need: Need): boolean {
  return policies === undefined || permits(policies, need)
}

/** Throws PERMISSION, which says what would be needed. */
export function demand(caller: Caller, need: Need): void {
  if (may(caller, need)) return
  const what = typeof need === 'object' ? kvDeed(need) : needed[need]
  throw new OperatorError('PERMISSION', `this token may not ${what}`, needs(need))
}

function needs(need: Need): string {
  const { policy, also } = policyFor(need)
  const word = /^[\w:/.,@%+=-]+$/.test(policy) ? policy : `'${policy.replaceAll("'", "'\\''")}'`
  return `it needs the policy ${policy}${also}; make another token with: hive token create --api --policy ${word}`
}

const needed = {
  token: 'be used here',
  read: 'look at the cluster',
  operator: 'do what only operators may',
} as const

function kvDeed({ key, range, write }: { key: string; range: boolean; write: boolean }): string {
  const all = key === '' ? 'all keys' : `all keys that begin with ${JSON.stringify(key)}`
  const what = range ? all : JSON.stringify(key)
  return `${write ? 'write' : 'read'} ${what}`
}
