import { Args, Flags } from '@oclif/core'
import type { JoinRequestReport } from '../api/token-types.ts'
import { AgentCommand } from '../client/command.ts'
import { printable } from '../client/paint.ts'

export default class Refuse extends AgentCommand {
  static override summary = 'Refuse a node that asks to be let in; see hive join-requests.'
  static override description =
    'It is told so, with the reason, and stays out until hive admit. A node that is in is taken out with hive node remove NODE.'
  static override examples = [
    '<%= config.bin %> <%= command.id %> n4 --reason "nobody knows that machine"',
  ]
  static override args = {
    node: Args.string({
      description: 'Name or id of the node, or the beginning of its id.',
      required: true,
      ignoreStdin: true,
    }),
  }
  static override flags = {
    reason: Flags.string({ description: 'For the node and the event log.', default: '' }),
  }

  override async run(): Promise<JoinRequestReport> {
    const { args, flags } = await this.parse(Refuse)
    const asked = await this.agent(flags).refuseNode(args.node, flags.reason)
    this.log(`refused ${printable(asked.name)} (${printable(asked.address)})`)
    return asked
  }
}
