import { Args, Flags } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'
import { kvKeys } from '../../client/kv-client.ts'
import { freshness, freshnessOf } from '../../client/kv-text.ts'
import { printable } from '../../client/paint.ts'

export default class KvList extends AgentCommand {
  static override summary = 'List keys, all or those with a prefix.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'One level, as folders:',
      command: '<%= config.bin %> <%= command.id %> app/ --separator /',
    },
  ]
  static override args = {
    prefix: Args.string({
      description: 'Only keys that begin with this.',
      ignoreStdin: true,
    }),
  }
  static override flags = {
    separator: Flags.string({
      description: 'Cut keys after the first of these behind the prefix.',
      helpValue: 'CHAR',
    }),
    ...freshness,
  }

  override async run(): Promise<{ keys: readonly string[] }> {
    const { args, flags } = await this.parse(KvList)
    const keys = await kvKeys(
      this.agent(flags),
      args.prefix ?? '',
      flags.separator,
      freshnessOf(flags),
    )
    if (keys.length > 0) this.log(keys.map(printable).join('\n'))
    return { keys }
  }
}
