import { Flags } from '@oclif/core'
import { AgentCommand } from '../client/command.ts'

export default class Leave extends AgentCommand {
  static override summary = 'Take this node out of the cluster, for good.'
  static override description =
    'Committed in the event log. Stopping an agent is not leaving: a stopped node stays a member. Refused when too few voters would be left.'
  static override examples = ['<%= config.bin %> <%= command.id %>']
  static override flags = {
    force: Flags.boolean({ description: 'Leave although the cluster loses its quorum by it.' }),
  }

  override async run(): Promise<{ left: true }> {
    const { flags } = await this.parse(Leave)
    const answer = await this.agent(flags).leave(flags.force)
    this.log('this node has left the cluster and is empty')
    return answer
  }
}
