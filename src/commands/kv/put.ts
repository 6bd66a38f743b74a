import { Args, Flags } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'
import { kvPut } from '../../client/kv-client.ts'
import { readValue } from '../../client/read-value.ts'

export default class KvPut extends AgentCommand {
  static override summary = 'Write a key.'
  static override description = 'Acknowledged once a quorum has it on disk. Values up to 512 KiB.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> app/colour blue',
    '<%= config.bin %> <%= command.id %> app/config @config.json',
    'generate | <%= config.bin %> <%= command.id %> app/config -',
    {
      description: 'Only if it is not there yet:',
      command: '<%= config.bin %> <%= command.id %> app/lock me --cas 0',
    },
  ]
  static override args = {
    key: Args.string({ description: 'The key.', required: true, ignoreStdin: true }),
    value: Args.string({
      description: 'The value; @FILE: the content of a file; -: standard input.',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    cas: Flags.integer({
      description: 'Only if the ModifyIndex of the key is this; 0: only if absent.',
      min: 0,
    }),
    flags: Flags.integer({
      description: 'A number kept with the value, for applications.',
      min: 0,
    }),
  }

  override async run(): Promise<{ key: string; bytes: number }> {
    const { args, flags } = await this.parse(KvPut)
    const value = await readValue(args.value)
    await kvPut(this.agent(flags), { key: args.key, value, cas: flags.cas, flags: flags.flags })
    this.log(`${args.key}: ${value.length} byte${value.length === 1 ? '' : 's'} written`)
    return { key: args.key, bytes: value.length }
  }
}
