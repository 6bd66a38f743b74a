/**
 * What a token of the API lets its holder do, as text that people write and the log keeps: `read`, `operator`,
 * `kv:PREFIX:r`, `kv:PREFIX:rw`. Whatever no policy of a token allows is denied.
 */
export type Policy =
  /** Everything that only looks, but for what the KV store holds. */
  | { readonly kind: 'read' }
  /** Everything. */
  | { readonly kind: 'operator' }
  /** Keys that begin with the prefix; an empty one is all of them. */
  | { readonly kind: 'kv'; readonly prefix: string; readonly write: boolean }

/** What a request needs; each route says it. */
export type Need =
  /** Any token that counts, whatever its policies: nothing of the cluster is told or changed. */
  'token' | 'read' | 'operator' | KvNeed

export interface KvNeed {
  readonly key: string
  /** Not the key alone, but all that begin with it. */
  readonly range: boolean
  readonly write: boolean
}

/** More say nothing that fewer would not. */
export const maxPolicies = 16
/** As long as a key may be, and the words around it. */
const maxPolicyChars = 520

export const policyForms = 'read, operator, kv:PREFIX:r or kv:PREFIX:rw'

/** Undefined: it is none. */
export function parsePolicy(text: string): Policy | undefined {
  if (text.length > maxPolicyChars) return undefined
  if (text === 'read' || text === 'operator') return { kind: text }
  const [, prefix, mode] = /^kv:(.*):(rw?)$/s.exec(text) ?? []
  return prefix === undefined ? undefined : { kind: 'kv', prefix, write: mode === 'rw' }
}

/** Those that this build knows: what it does not know allows nothing. */
export function parsePolicies(texts: readonly string[]): readonly Policy[] {
  return texts.slice(0, maxPolicies).flatMap(text => parsePolicy(text) ?? [])
}

export function permits(policies: readonly Policy[], need: Need): boolean {
  return need === 'token' || policies.some(policy => covers(policy, need))
}

function covers(policy: Policy, need: Exclude<Need, 'token'>): boolean {
  switch (policy.kind) {
    case 'operator':
      return true
    case 'read':
      return need === 'read'
    case 'kv':
      // A range is everything that begins with its key, so the prefix that covers the key covers it all.
      return (
        typeof need === 'object' &&
        (policy.write || !need.write) &&
        need.key.startsWith(policy.prefix)
      )
    default:
      return policy satisfies never
  }
}

/** The narrowest policies that would do, for the one who was refused; and a word to whoever reads it. */
export function policyFor(need: Need): { readonly policy: string; readonly also: string } {
  if (need === 'token') return { policy: 'read', also: ', or any other' }
  if (need === 'read') return { policy: 'read', also: '' }
  if (need === 'operator') return { policy: 'operator', also: '' }
  const mode = need.write ? 'rw' : 'r'
  // An empty prefix is right, and looks like a slip.
  if (need.key === '') return { policy: `kv::${mode}`, also: ', which is for every key' }
  return { policy: `kv:${need.key}:${mode}`, also: ', or one for a shorter prefix' }
}
