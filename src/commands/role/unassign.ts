import { Args } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'

export default class RoleUnassign extends AgentCommand {
  static override summary = 'Take one or more roles from a node.'
  static override description =
    'Committed in the event log; the node then stops the role, see `hive role list`.'
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

  override async run(): Promise<{ seq: number }> {
    const { args, flags } = await this.parse(RoleUnassign)
    const roles = args.roles as unknown as string[]
    const answer = await this.agent(flags).unassignRoles(args.node, roles)
    this.log(`${args.node} no longer has ${roles.join(', ')} (event ${answer.seq})`)
    return answer
  }
}
