import { Args } from '@oclif/core'
import type { JoinRequestReport } from '../api/token-types.ts'
import { AgentCommand } from '../client/command.ts'
import { printable } from '../client/paint.ts'

export default class Admit extends AgentCommand {
  static override summary = 'Let a node in that asks for it; see hive join-requests.'
  static override description =
    'A node that was refused can be admitted too. It is in when it asks again, a few seconds later.'
  static override examples = ['<%= config.bin %> <%= command.id %> n4']
  static override args = {
    node: Args.string({
      description: 'Name or id of the node, or the beginning of its id.',
      required: true,
      ignoreStdin: true,
    }),
  }

  override async run(): Promise<JoinRequestReport> {
    const { args, flags } = await this.parse(Admit)
    const asked = await this.agent(flags).admitNode(args.node)
    this.log(`admitted ${printable(asked.name)} (${printable(asked.address)})`)
    return asked
  }
}
