import { Errors, run, settings } from '@oclif/core'
import { exitCodeOf, renderError } from './failure.ts'
import { painterFor } from './paint.ts'

/** Runs one command line to its end, through oclif, and leaves its exit code. Never rejects. */
export async function start(argv: readonly string[]): Promise<void> {
  // oclif would look for TypeScript sources of a bundled program when NODE_ENV says "test".
  settings.enableAutoTranspile = false
  try {
    await run([...argv], { root: import.meta.dirname })
  } catch (error) {
    if (error instanceof Errors.ExitError) process.exitCode = error.oclif.exit ?? 0
    else fail(error)
  }
}

export function fail(error: unknown): void {
  process.stderr.write(`${renderError(error, painterFor(process.stderr))}\n`)
  if (process.env.HIVE_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  process.exitCode = exitCodeOf(error)
}
