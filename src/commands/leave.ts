import { Args, Flags } from '@oclif/core'
import { AgentCommand } from '../client/command.ts'
import { printable } from '../client/paint.ts'
import { during } from '../client/progress.ts'

export default class Leave extends AgentCommand {
  static override summary =
    'Take a node out of the cluster, for good: this one, or one that cannot say it itself.'
  static override description =
    'Committed in the event log. Stopping an agent is not leaving: a stopped node stays a member. Refused when too few voters would be left. With NODE it is hive node remove NODE.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    { description: 'A node that is dead:', command: '<%= config.bin %> <%= command.id %> n3' },
  ]
  static override args = {
    node: Args.string({
      description: 'Name or id of the node; default: the one whose agent is asked.',
      ignoreStdin: true,
    }),
  }
  static override flags = {
    force: Flags.boolean({
      description:
        'Leave although the cluster then survives no failure of a control node; take another node out although it is alive.',
    }),
  }

  override async run(): Promise<{ left: true; advice?: string }> {
    const { args, flags } = await this.parse(Leave)
    const { node } = args
    const answer = await during(
      node === undefined ? 'this node leaves' : `${printable(node)} is taken out`,
      this.agent(flags).leave({ force: flags.force, ...(node !== undefined && { node }) }),
    )
    this.log(
      node === undefined
        ? 'this node has left the cluster and is empty'
        : `${printable(node)} has left the cluster`,
    )
    if (answer.advice) this.log(printable(answer.advice))
    return answer
  }
}
