import manifest from '../../../package.json' with { type: 'json' }
import { OperatorError } from '../../base/errors.ts'
import { fail } from '../failure.ts'
import { NeedOclif } from './definition.ts'
import type { Command } from './oclif.ts'

/** A command as the bundle has it: its oclif is the stand-in. */
export type QuickCommand = Omit<typeof Command, 'prototype'> &
  (new (
    argv: string[],
    config: unknown,
  ) => Command)

/** Takes the place of ../start.ts in the bundle that every command starts with. Never rejects. */
export async function start(
  argv: readonly string[],
  commands: Readonly<Record<string, QuickCommand>>,
): Promise<void> {
  process.stdout.on('error', outputFailed)
  // There is nowhere left to say so.
  process.stderr.on('error', () => {})
  try {
    await runQuick(argv, commands)
  } catch (error) {
    if (!(error instanceof NeedOclif)) return fail(error)
    const full = await import('./oclif.cjs' as string)
    await full.start(argv)
  }
}

async function runQuick(
  argv: readonly string[],
  commands: Readonly<Record<string, QuickCommand>>,
): Promise<void> {
  const [words, Found] = find(argv, commands)
  if (argv.includes('--help')) throw new NeedOclif('help')
  const command = new Found(argv.slice(words), config)
  try {
    const result = await command.run()
    if (result !== undefined && command.jsonEnabled()) command.logJson(result)
  } catch (error) {
    if (error instanceof NeedOclif) throw error
    await command.catch(error as Error)
  }
}

/** How many words name the command, and which it is. */
function find(
  argv: readonly string[],
  commands: Readonly<Record<string, QuickCommand>>,
): [number, QuickCommand] {
  const [first = '', second = ''] = argv
  const topical = commands[`${first}:${second}`]
  if (topical) return [2, topical]
  const direct =
    commands[first] ??
    Object.values(commands).find(one => [...one.aliases, ...one.hiddenAliases].includes(first))
  if (direct) return [1, direct]
  throw new NeedOclif('no such command')
}

/** What commands ask of oclif's Config; more is not known here. */
const config = {
  bin: 'hive',
  version: manifest.version,
  get commands(): never {
    throw new NeedOclif('the command surface')
  },
}

/** `hive log | head` ends early, and that is all right. `hive token create > FILE` on a full disk is not. */
function outputFailed({ code, message }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') return
  const remedy = 'look at where the output goes; what the command did is done'
  fail(new OperatorError('STORAGE', `the output cannot be written: ${message}`, remedy))
  process.exit()
}
