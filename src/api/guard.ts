import type { IncomingMessage } from 'node:http'
import { OperatorError } from '../base/errors.ts'

/**
 * Asked before anything is done for a request, and before it is known who asks (gate.ts); throws (or rejects
 * with) OperatorError to refuse it.
 */
export type Guard = (request: IncomingMessage) => void | Promise<void>

/**
 * A web page that somebody has open must not drive the agent on the same machine: browsers say
 * where a page comes from, and what comes from elsewhere is refused.
 */
export function sameOrigin(request: IncomingMessage): void {
  const { origin, host, 'sec-fetch-site': site } = request.headers
  const own = origin === undefined || origin === `http://${host}` || origin === `https://${host}`
  // Said without an origin too, where a page asks for what it could not read: asking may have effects.
  const elsewhere = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (own && !elsewhere) return
  throw new OperatorError(
    'PERMISSION',
    `pages of ${origin?.slice(0, 128) ?? 'another site'} may not use this agent`,
    'use the hive command, or a page that the agent itself serves',
  )
}

/**
 * Where no token is needed, the request must say an address or localhost as its host. A page of evil.example that has
 * its name resolve to 127.0.0.1 all of a sudden is its own origin to the browser; the name is all that gives it away.
 */
export function byAddress(request: IncomingMessage): void {
  const { host } = request.headers
  if (host === undefined || addressed.test(host)) return
  throw new OperatorError(
    'PERMISSION',
    `without a token this port answers those who ask for an address or localhost, not for ${host.slice(0, 128)}`,
    'use http://127.0.0.1 and the port, or send a token',
  )
}

/** An IPv4 or IPv6 address, or a name that RFC 6761 §6.3 keeps for this machine; a port or none. */
const addressed = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\]|([a-z0-9-]+\.)*localhost)(:\d+)?$/i

/** Runs guards in order; undefined at once when none of them needs to wait. */
export function askGuards(
  guards: readonly Guard[],
  request: IncomingMessage,
): Promise<void> | undefined {
  for (let i = 0; i < guards.length; i++) {
    const answer = guards[i]!(request)
    if (answer !== undefined) return answer.then(() => askGuards(guards.slice(i + 1), request))
  }
  return undefined
}
