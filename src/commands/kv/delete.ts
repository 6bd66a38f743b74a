import { Args, Flags } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'
import { kvDelete } from '../../client/kv-client.ts'

export default class KvDelete extends AgentCommand {
  static override summary = 'Delete a key, or with --recurse all keys with a prefix.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> app/colour',
    '<%= config.bin %> <%= command.id %> app/ --recurse',
  ]
  static override args = {
    key: Args.string({ description: 'The key, or the prefix.', required: true, ignoreStdin: true }),
  }
  static override flags = {
    recurse: Flags.boolean({ description: 'All keys that begin with KEY.', exclusive: ['cas'] }),
    cas: Flags.integer({ description: 'Only if the ModifyIndex of the key is this.', min: 0 }),
  }

  override async run(): Promise<{ key: string; recurse: boolean }> {
    const { args, flags } = await this.parse(KvDelete)
    const { recurse, cas } = flags
    await kvDelete(this.agent(flags), { key: args.key, recurse, cas })
    this.log(recurse ? `all keys below ${args.key} are gone` : `${args.key} is gone`)
    return { key: args.key, recurse }
  }
}
