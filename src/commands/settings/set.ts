import { Args } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'
import { printable } from '../../client/paint.ts'

export default class SettingsSet extends AgentCommand {
  static override summary = 'Change what the cluster has agreed on; recorded in the event log.'
  static override description = 'Without a value the setting goes back to its default.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> tombstone-grace 168h',
    {
      description: 'The default again:',
      command: '<%= config.bin %> <%= command.id %> tombstone-grace',
    },
  ]
  static override args = {
    name: Args.string({ description: 'Name of the setting.', required: true, ignoreStdin: true }),
    value: Args.string({ description: 'New value.', ignoreStdin: true }),
  }

  override async run(): Promise<{ seq: number }> {
    const { args, flags } = await this.parse(SettingsSet)
    const { name, value = '' } = args
    const answer = await this.agent(flags).changeSettings({ [name]: value })
    this.log(
      value === ''
        ? `${printable(name)} has its default again`
        : `${printable(name)} is ${printable(value)}`,
    )
    return answer
  }
}
