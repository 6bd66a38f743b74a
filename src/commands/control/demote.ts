import { Args, Flags } from '@oclif/core'
import type { ControlAnswer } from '../../api/types.ts'
import { AgentCommand } from '../../client/command.ts'
import { renderControl } from '../../client/control-text.ts'
import { printable } from '../../client/paint.ts'
import { during } from '../../client/progress.ts'

export default class ControlDemote extends AgentCommand {
  static override summary = "Take a control node's vote; it stays a member of the cluster."
  static override description = 'A leader hands over first. Refused when the quorum would break.'
  static override examples = ['<%= config.bin %> <%= command.id %> n4']
  static override args = {
    node: Args.string({
      description: 'Name or id of the node.',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    force: Flags.boolean({ description: 'Also when fewer failures can be borne afterwards.' }),
  }

  override async run(): Promise<ControlAnswer> {
    const { args, flags } = await this.parse(ControlDemote)
    const answer = await during(
      `${printable(args.node)} gives its vote up`,
      this.agent(flags).demote({ node: args.node, force: flags.force }),
    )
    this.log(renderControl(answer))
    return answer
  }
}
