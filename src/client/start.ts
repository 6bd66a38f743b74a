import { Errors, run, settings } from '@oclif/core'
import { fail } from './failure.ts'

/**
 * Runs one command line to its end, through oclif, and leaves its exit code. Never rejects. oclif finds the
 * commands by itself, as package.json says; quick/start.ts, which takes this file's place in the bundle that
 * every command starts with, does not.
 */
export async function start(argv: readonly string[], _commands: object): Promise<void> {
  // oclif would look for TypeScript sources of a bundled program when NODE_ENV says "test".
  settings.enableAutoTranspile = false
  try {
    await run([...argv], { root: import.meta.dirname })
  } catch (error) {
    if (error instanceof Errors.ExitError) process.exitCode = error.oclif.exit ?? 0
    else fail(error)
  }
}
