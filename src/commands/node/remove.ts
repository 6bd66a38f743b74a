import { Args, Flags } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'
import { printable } from '../../client/paint.ts'
import { during } from '../../client/progress.ts'

export default class NodeRemove extends AgentCommand {
  static override summary = 'Take a dead node out of the cluster, for good.'
  static override description =
    'Committed in the event log; what the node proves itself by is refused from then on. Refused when it would break the quorum, and for a node that is alive.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> n3',
    {
      description: 'A dead control node, after another one has taken its vote:',
      command: '<%= config.bin %> control promote n4 && <%= config.bin %> <%= command.id %> n3',
    },
  ]
  static override args = {
    node: Args.string({
      description: 'Name or id of the node.',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    force: Flags.boolean({
      description:
        'Also a node that is alive, and although the cluster then survives no failure of a control node.',
    }),
  }

  override async run(): Promise<{ left: true; advice?: string }> {
    const { args, flags } = await this.parse(NodeRemove)
    const { node } = args
    const answer = await during(
      `${printable(node)} is taken out`,
      this.agent(flags).leave({ node, force: flags.force }),
    )
    this.log(`${printable(node)} is removed: it is no part of the cluster any more`)
    if (answer.advice) this.log(printable(answer.advice))
    return answer
  }
}
