import { Flags } from '@oclif/core'
import type { RecoveryPlan } from '../../api/types.ts'
import { AgentCommand } from '../../client/command.ts'
import { renderPlan } from '../../client/recover-text.ts'
import { widthOf } from '../../dashboard/plain.ts'

export default class RecoverPlan extends AgentCommand {
  static override summary = 'Say what a rescue of a lost quorum would do; changes nothing.'
  static override description =
    'On any control node that is left: who answers, who would lead, what may be lost, what becomes of the others.'
  static override examples = ['<%= config.bin %> <%= command.id %>']
  static override flags = {
    voter: Flags.string({
      description: 'Only this one is to vote; may be repeated. Default: all that can.',
      helpValue: 'NODE',
      multiple: true,
      multipleNonGreedy: true,
    }),
  }

  override async run(): Promise<RecoveryPlan> {
    const { flags } = await this.parse(RecoverPlan)
    const plan = await this.agent(flags).recoverPlan(flags.voter)
    this.log(renderPlan(plan, widthOf(process.stdout), this.paint))
    if (!plan.possible) process.exitCode = 1
    return plan
  }
}
