import type { TokenReport } from '../../api/token-types.ts'
import { AgentCommand } from '../../client/command.ts'
import { widthOf } from '../../dashboard/plain.ts'
import { renderTokens } from '../../dashboard/tokens.ts'

export default class TokenList extends AgentCommand {
  static override summary = 'List the tokens of the cluster; never their secrets.'
  static override description =
    'Those that expired or were revoked are shown for a week more. Whom a token let in is in the event log: hive log --type NodeAdmitted.'
  static override examples = ['<%= config.bin %> <%= command.id %>']

  override async run(): Promise<{ tokens: readonly TokenReport[] }> {
    const { flags } = await this.parse(TokenList)
    const tokens = await this.agent(flags).tokens()
    this.log(renderTokens(tokens, widthOf(process.stdout), this.paint))
    return { tokens }
  }
}
