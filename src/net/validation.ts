import type { Address } from '../base/address.ts'
import type { Hello, ValidationHandler, Verdict } from './handshake.ts'

/** Runs the rules of the first validation in order: the first that is not 'welcome' decides. */
export function runHandlers(
  handlers: readonly ValidationHandler[],
  hello: Hello,
  from: Address,
): Verdict {
  for (const handler of handlers) {
    const verdict = handler(hello, from)
    if (verdict.outcome !== 'welcome') return verdict
  }
  return { outcome: 'welcome' }
}
