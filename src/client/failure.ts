import { type ErrorCode, errorCodes, OperatorError } from '../base/errors.ts'
import { type Painter, painterFor } from './paint.ts'
import { usageErrorOf } from './usage-error.ts'

/**
 * How a command fails: what happened, what to do, an exit code that scripts can tell apart.
 * oclif's own parse errors are the operator's too (BAD_REQUEST); everything else is our bug.
 * Told by name and code: the agent is a bundle of its own, with classes of its own.
 */
export function asOperatorError(error: unknown): OperatorError {
  if (isOperatorError(error)) return error
  const usage = usageErrorOf(error)
  if (usage) return usage
  const bug = error instanceof Error ? error : new Error(String(error))
  const kind = bug.name === 'AssertionError' ? '' : `${bug.name}: `
  return new OperatorError(
    'INTERNAL',
    `${kind}${bug.message}`,
    'this is a bug in hive; HIVE_DEBUG=1 shows where',
  )
}

function isOperatorError(error: unknown): error is OperatorError {
  if (error instanceof OperatorError) return true
  return error instanceof Error && error.name === 'OperatorError' && 'code' in error
}

export function exitCodeOf(error: unknown): number {
  const { code } = asOperatorError(error)
  return code in errorCodes ? errorCodes[code as ErrorCode].exit : 1
}

export function errorJson(error: unknown): unknown {
  const { code, message, remedy } = asOperatorError(error)
  return { error: { code, message, remedy } }
}

/** One line, or two with what to do. */
export function renderError(error: unknown, paint: Painter): string {
  const { message, remedy } = asOperatorError(error)
  const first = `${paint('error:', 'bad')} ${message}`
  return remedy === '' ? first : `${first}\n${paint(`  do: ${remedy}`, 'dim')}`
}

/** The end of a command that failed. */
export function fail(error: unknown): void {
  process.stderr.write(`${renderError(error, painterFor(process.stderr))}\n`)
  if (process.env.HIVE_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  process.exitCode = exitCodeOf(error)
}
