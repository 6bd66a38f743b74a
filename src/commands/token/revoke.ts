import { Args } from '@oclif/core'
import { AgentCommand } from '../../client/command.ts'

export default class TokenRevoke extends AgentCommand {
  static override summary = 'Revoke a token: nobody gets in with it any more.'
  static override description =
    'Nodes that it let in already stay; hive node remove NODE takes one out.'
  static override examples = ['<%= config.bin %> <%= command.id %> 4f0c']
  static override args = {
    id: Args.string({
      description: 'Id of the token, or its beginning.',
      required: true,
      ignoreStdin: true,
    }),
  }

  override async run(): Promise<{ id: string }> {
    const { args, flags } = await this.parse(TokenRevoke)
    const answer = await this.agent(flags).revokeToken(args.id)
    this.log(`revoked token ${answer.id}`)
    return answer
  }
}
