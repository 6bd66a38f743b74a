/**
 * The tools of this repository that people give by hand (campaigns, benches, the soak): all have `--help`, and say in one line,
 * with exit code 2, what is wrong with a command line.
 */

/** What was written cannot be done; the message says what, and what could. */
export class UsageError extends Error {}

/** Runs a tool and sets the exit code of the process: what `main` says, or 2 when it throws UsageError or Node's own about options. */
export async function runTool(help: string, main: () => number | Promise<number>): Promise<void> {
  if (process.argv.slice(2).some(arg => arg === '--help' || arg === '-h')) {
    console.log(help.trimEnd())
    return
  }
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!isUsage(error)) throw error
    console.error(`${error.message}\n\n${help.trimEnd()}`)
    process.exitCode = 2
  }
}

/** Throws UsageError. */
export function numberIn(name: string, text: string, least: number, most = Infinity): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
  throw new UsageError(`--${name}: "${text}" must be a number ${range}`)
}

/** Throws UsageError. */
export function wholeIn(name: string, text: string, least: number, most = Infinity): number {
  const value = numberIn(name, text, least, most)
  if (Number.isSafeInteger(value)) return value
  throw new UsageError(`--${name}: "${text}" must be a whole number`)
}

/** Throws UsageError. */
export function oneOf<T extends string>(name: string, text: string, known: readonly T[]): T {
  const choice = known.find(k => k === text)
  if (choice !== undefined) return choice
  throw new UsageError(`${name}: "${text}" is unknown; known are ${known.join(', ')}`)
}

function isUsage(error: unknown): error is Error {
  if (error instanceof UsageError) return true
  const code = error instanceof Error && (error as NodeJS.ErrnoException).code
  return typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS')
}
