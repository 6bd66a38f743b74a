import type { Address } from '../base/address.ts'
import type { Hello, ValidationHandler, Verdict } from './handshake.ts'
import type { PeerIdentity } from './types.ts'

/** Runs the rules of the first validation in order: the first that is not 'welcome' decides. */
export function runHandlers(
  handlers: readonly ValidationHandler[],
  hello: Hello,
  from: Address,
  identity?: PeerIdentity,
): Verdict {
  for (const handler of handlers) {
    const verdict = handler(hello, from, identity)
    if (verdict.outcome !== 'welcome') return verdict
  }
  return { outcome: 'welcome' }
}
