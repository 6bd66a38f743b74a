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
  const { origin, host } = request.headers
  if (origin === undefined || origin === `http://${host}` || origin === `https://${host}`) return
  throw new OperatorError(
    'PERMISSION',
    `pages of ${origin.slice(0, 128)} may not use this agent`,
    'use the hive command, or a page that the agent itself serves',
  )
}

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
