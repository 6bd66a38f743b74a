import { AssertionError, type ErrorCode, errorCodes, OperatorError } from '../base/errors.ts'
import { type Painter, painterFor } from './paint.ts'

/**
 * How a command fails: what happened, what to do, an exit code that scripts can tell apart.
 * oclif's own parse errors are the operator's too (BAD_REQUEST); everything else is our bug.
 */
export function asOperatorError(error: unknown): OperatorError {
  if (error instanceof OperatorError) return error
  if (isUsage(error)) {
    const [first = '', ...rest] = error.message.split('\n').map(line => line.trim())
    const detail = rest.filter(line => line !== '' && !line.startsWith('See more help'))
    return new OperatorError('BAD_REQUEST', [first, ...detail].join(' '), 'see --help')
  }
  const bug = error instanceof Error ? error : new Error(String(error))
  const kind = bug instanceof AssertionError ? '' : `${bug.name}: `
  return new OperatorError(
    'INTERNAL',
    `${kind}${bug.message}`,
    'this is a bug in hive; HIVE_DEBUG=1 shows where',
  )
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

/** oclif's CLIError, told by its shape: in the fast build its class is not loaded. */
function isUsage(error: unknown): error is Error {
  return error instanceof Error && 'oclif' in error
}
