import { readFileSync, statSync } from 'node:fs'
import { OperatorError } from '../../base/errors.ts'
import type { Trace } from '../../base/trace.ts'
import { whyUnreadable } from '../../base/unreadable.ts'
import { type JoinToken, parseJoinToken } from '../../net/security/token.ts'

/**
 * The token that the agent was started with. `needed`: without it the node has nothing to show; a node that is in
 * already needs it no more, and its file may be gone. Throws OperatorError, which never quotes it.
 */
export function readToken(
  file: string | null,
  needed: boolean,
  trace: Trace,
): JoinToken | undefined {
  if (file === null) return undefined
  try {
    const token = parseJoinToken(textOf(file))
    if ((statSync(file).mode & 0o007) !== 0)
      trace.warn({ file }, 'every user of this machine can reach the token: chmod 600 it')
    return token
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error
    if (needed) throw of(file, error)
    trace.debug({ file, code: error.code }, 'the token is not needed any more, and not to be read')
    return undefined
  }
}

/** Which of an agent's files is meant. */
function of(file: string, error: OperatorError): OperatorError {
  if (error.message.includes(file)) return error
  return new OperatorError('BAD_CONFIG', `token file ${file}: ${error.message}`, error.remedy)
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new OperatorError(
      'BAD_CONFIG',
      `cannot read the token file ${file}: ${whyUnreadable(error as NodeJS.ErrnoException)}`,
      'make a token on a node of the cluster: hive token create > FILE',
    )
  }
}
