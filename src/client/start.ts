import { Errors, run, settings } from '@oclif/core'
import { fail } from './failure.ts'
import { unknownCommand } from './usage-error.ts'

/**
 * Runs one command line to its end, through oclif, and leaves its exit code. Never rejects. oclif finds the
 * commands by itself, as package.json says; the list is for suggestions.
 */
export async function start(argv: readonly string[], commands: object): Promise<void> {
  // oclif would look for TypeScript sources of a bundled program when NODE_ENV says "test".
  settings.enableAutoTranspile = false
  // As git and kubectl have it, `hive help drain`.
  const [first, ...rest] = argv
  const words = first === 'help' ? [...rest, '--help'] : [...argv]
  try {
    await run(words, { root: import.meta.dirname })
  } catch (error) {
    if (error instanceof Errors.ExitError) process.exitCode = error.oclif.exit ?? 0
    else fail(isUnknownCommand(error) ? unknownCommand(words, Object.keys(commands)) : error)
  }
}

/** oclif throws a plain CLIError for it; test/commands/testdata/usage.txt watches that the words stay these. */
function isUnknownCommand(error: unknown): boolean {
  return error instanceof Errors.CLIError && /^command .* not found\.?$/i.test(error.message)
}
