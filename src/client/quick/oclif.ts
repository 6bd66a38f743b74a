import type { ArgDefinition, FlagDefinition } from './definition.ts'
import { type Parsed, parseQuick } from './parse.ts'

/**
 * Stands in for `@oclif/core` in the bundle that every command starts with: oclif takes twice as long to load as
 * hive takes to ask an agent. The commands are the same classes, written against oclif; scripts/build.ts bundles
 * them twice, and whatever this one does not know (NeedOclif) is done by the other.
 */
const option =
  (kind: Partial<FlagDefinition>) =>
  (given: Partial<FlagDefinition> = {}) => ({
    ...given,
    ...kind,
  })

export const Flags = {
  boolean: option({ type: 'boolean' }),
  string: option({ type: 'option' }),
  integer: option({ type: 'option', integer: true }),
}

export const Args = {
  string: (given: ArgDefinition = {}) => given,
}

interface Definitions {
  readonly flags?: Record<string, FlagDefinition>
  readonly baseFlags?: Record<string, FlagDefinition>
  readonly args?: Record<string, ArgDefinition>
  readonly enableJsonFlag?: boolean
}

export abstract class Command {
  static flags: Record<string, FlagDefinition> = {}
  static baseFlags: Record<string, FlagDefinition> = {}
  static args: Record<string, ArgDefinition> = {}
  static enableJsonFlag = false
  static aliases: readonly string[] = []
  static hiddenAliases: readonly string[] = []

  readonly argv: string[]
  readonly config: unknown

  constructor(argv: string[], config: unknown) {
    this.argv = argv
    this.config = config
  }

  abstract run(): Promise<unknown>

  async parse(of: Definitions): Promise<Parsed> {
    const flags: Record<string, FlagDefinition> = { ...of.baseFlags, ...of.flags }
    if (of.enableJsonFlag) flags.json = { type: 'boolean' }
    return parseQuick(this.argv, flags, of.args ?? {})
  }

  jsonEnabled(): boolean {
    const { enableJsonFlag } = this.constructor as typeof Command
    return enableJsonFlag && this.argv.includes('--json')
  }

  log(text = ''): void {
    if (!this.jsonEnabled()) process.stdout.write(`${text}\n`)
  }

  logJson(json: unknown): void {
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`)
  }

  async catch(error: Error): Promise<void> {
    throw error
  }
}
