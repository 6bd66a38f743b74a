import { Flags } from '@oclif/core'
import type { RecoveryAnswer } from '../../api/types.ts'
import { OperatorError } from '../../base/errors.ts'
import { ask } from '../../client/ask.ts'
import { AgentCommand, badInput } from '../../client/command.ts'
import { printable } from '../../client/paint.ts'
import { during } from '../../client/progress.ts'
import { renderPlan, renderRecovered } from '../../client/recover-text.ts'
import { widthOf } from '../../dashboard/plain.ts'

export default class RecoverApply extends AgentCommand {
  static override summary = 'Rescue a lost quorum: what is left goes on without the others.'
  static override description =
    'Shows the plan and has the name of the cluster typed. The survivor with the furthest log goes on alone, the others that are left get ' +
    'the log anew, without a restart. What only the lost nodes acknowledged is lost, and they are refused when they come back: ' +
    'so only when they will not.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> --reason "rack 4 burnt"',
    {
      description: 'Without a terminal:',
      command: '<%= config.bin %> <%= command.id %> --reason "rack 4 burnt" --yes-i-mean prod',
    },
  ]
  static override flags = {
    reason: Flags.string({
      description: 'Why; it is kept in the event log.',
      helpValue: 'TEXT',
      required: true,
    }),
    voter: Flags.string({
      description: 'Only this one is to vote; may be repeated. Default: all that can.',
      helpValue: 'NODE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'yes-i-mean': Flags.string({
      description: 'The name of the cluster, instead of typing it when asked.',
      helpValue: 'NAME',
    }),
  }

  override async run(): Promise<RecoveryAnswer> {
    const { flags } = await this.parse(RecoverApply)
    const agent = this.agent(flags)
    const { voter } = flags
    let name = flags['yes-i-mean']
    if (name === undefined) {
      mustBeTerminal()
      const plan = await agent.recoverPlan(voter)
      if (!plan.possible) throw new OperatorError('REFUSED', plan.why, 'look at hive status')
      process.stderr.write(`${renderPlan(plan, widthOf(process.stderr), this.paint)}\n\n`)
      name = await ask(
        `If you mean it, type the name of the cluster (${printable(plan.cluster)}): `,
      )
    }
    const answer = await during(
      'the survivor takes over, and new voters get the log',
      agent.recoverApply({
        name,
        reason: flags.reason,
        ...(voter && { voters: voter }),
      }),
    )
    this.log(renderRecovered(answer))
    return answer
  }
}

function mustBeTerminal(): void {
  if (process.stdin.isTTY) return
  throw badInput(
    'a rescue wants to be confirmed, and this is not a terminal',
    'read hive recover plan first; if you mean it: --yes-i-mean NAME of the cluster',
  )
}
