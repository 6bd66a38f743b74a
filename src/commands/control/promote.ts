import { Args, Flags } from '@oclif/core'
import type { ControlAnswer } from '../../api/types.ts'
import { AgentCommand } from '../../client/command.ts'
import { renderControl } from '../../client/control-text.ts'
import { printable } from '../../client/paint.ts'
import { during } from '../../client/progress.ts'

export default class ControlPromote extends AgentCommand {
  static override summary = 'Make a node a control node: it votes and keeps the log.'
  static override description =
    'It first receives the log as an observer and gets its vote when it has caught up, so the quorum is safe at every step.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> n4',
    {
      description: 'Give it the log, but no vote:',
      command: '<%= config.bin %> <%= command.id %> n4 --observer',
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
    observer: Flags.boolean({ description: 'Stop at observer: the log without a vote.' }),
    force: Flags.boolean({ description: 'Also when the verdict advises against it.' }),
  }

  override async run(): Promise<ControlAnswer> {
    const { args, flags } = await this.parse(ControlPromote)
    const { observer, force } = flags
    const answer = await during(
      `${printable(args.node)} gets the log`,
      this.agent(flags).promote({ node: args.node, observer, force }),
    )
    this.log(renderControl(answer))
    return answer
  }
}
