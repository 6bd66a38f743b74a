import { OperatorError } from '../base/errors.ts'
import { didYouMean } from '../base/similar.ts'

/**
 * oclif's complaints about a command line, in hive's words: one line of what and one of what to do. Told by their
 * shape, since in the bundle that starts fast oclif's classes are not loaded. Undefined: not one of them.
 */
export function usageErrorOf(error: unknown): OperatorError | undefined {
  if (!(error instanceof Error) || !('oclif' in error)) return undefined
  const { flags, args, parse } = error as UsageError
  if (Array.isArray(flags)) return unknownFlags(flags, Object.keys(parse?.input?.flags ?? {}))
  if (Array.isArray(args)) return misplaced(error, args)
  return new OperatorError('BAD_REQUEST', reworded(error.message), 'see --help')
}

/** The words before any flag, of which oclif made a command that does not exist. */
export function unknownCommand(argv: readonly string[], ids: readonly string[]): OperatorError {
  const end = argv.findIndex(word => word.startsWith('-'))
  const words = argv.slice(0, end < 0 ? undefined : end)
  const [first = '', second = ''] = words
  if (first === '') {
    const flag = argv[0]!.replace(/=.*/, '')
    const remedy = 'flags stand after the command, as in: hive status --json; see: hive --help'
    return new OperatorError('BAD_REQUEST', `hive itself has no flag ${flag}`, remedy)
  }
  if (ids.includes(first)) return excess(`hive ${first}`, second)
  if (ids.includes(`${first}:${second}`)) return excess(`hive ${first} ${second}`, words[2] ?? '')
  const below = ids.filter(id => id.startsWith(`${first}:`)).map(id => id.slice(first.length + 1))
  const known = below.length > 0 ? below : [...new Set(ids.map(id => id.split(':')[0]!))]
  const [where, word] = below.length > 0 ? [`hive ${first}`, second] : ['hive', first]
  const meant = didYouMean(word, known)
  const remedy = meant === undefined ? `see: ${where} --help` : `did you mean: ${where} ${meant}`
  return new OperatorError('BAD_REQUEST', `${where} has no command "${word}"`, remedy)
}

interface UsageError extends Error {
  readonly flags?: readonly string[]
  readonly args?: readonly unknown[]
  readonly parse?: { readonly input?: { readonly flags?: object } }
}

function excess(command: string, word: string): OperatorError {
  return new OperatorError('BAD_REQUEST', `${command} takes no "${word}"`, `see: ${command} --help`)
}

function unknownFlags(flags: readonly string[], known: readonly string[]): OperatorError {
  const meant = didYouMean(flags[0]!.replace(/^-+/, '').replace(/=.*/, ''), known)
  const remedy = meant === undefined ? 'see --help' : `did you mean --${meant}?`
  return new OperatorError('BAD_REQUEST', `there is no flag ${flags.join(', ')}`, remedy)
}

/** Too few words, told by what the missing ones mean; or too many, which are words themselves. */
function misplaced(error: Error, args: readonly unknown[]): OperatorError {
  const missing = args.filter(arg => typeof arg === 'object') as {
    readonly name: string
    readonly description?: string
  }[]
  if (missing.length === 0) {
    const many = args.filter(arg => typeof arg === 'string').map(arg => `"${arg}"`)
    const told = many.length > 0 ? `too many words: ${many.join(', ')}` : reworded(error.message)
    return new OperatorError('BAD_REQUEST', told, 'see --help; a text with spaces goes in quotes')
  }
  const words = missing.map(
    arg => `${arg.name.toUpperCase()} (${arg.description?.replace(/\.$/, '')})`,
  )
  const verb = missing.length > 1 ? 'are' : 'is'
  return new OperatorError('BAD_REQUEST', `${words.join(' and ')} ${verb} missing`, 'see --help')
}

function reworded(message: string): string {
  const lines = message
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('See more help'))
  return lines
    .join(' ')
    .replace(/^The following errors? occurred: /, '')
    .replace(/^Missing required flag (\S+)/, '--$1 is missing')
    .replace(/^Flag (--\S+) can only be specified once/, '$1 can be given only once')
    .replace(/^Parsing (--\S+) Expected/, '$1: expected')
    .replaceAll(/(--\S+)=true\b/g, '$1')
}
