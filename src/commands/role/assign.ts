import { Args } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'

export default class RoleAssign extends AgentCommand {
  static override summary = 'Give a node one or more roles.'
  static override description =
    'Committed in the event log; the node then starts the role and reports how far it is, shown by `hive role list`.'
  static override examples = ['<%= config.bin %> <%= command.id %> n3 host']
  static override args = {
    node: Args.string({
      description: 'Name or id of the node.',
      required: true,
      ignoreStdin: true,
    }),
    roles: Args.string({
      description: 'The roles.',
      required: true,
      multiple: true,
      ignoreStdin: true,
    }),
  }

  override async run(): Promise<{ seq: number | null }> {
    const { args, flags } = await this.parse(RoleAssign)
    const roles = args.roles as unknown as string[]
    const answer = await this.agent(flags).assignRoles(args.node, roles)
    this.log(
      answer.seq === null
        ? `${args.node} has ${roles.join(', ')} already`
        : `${args.node} has been assigned ${roles.join(', ')} (event ${answer.seq})`,
    )
    return answer
  }
}
