import type { JoinRequestReport } from '../api/token-types.ts'
import { AgentCommand } from '../client/command.ts'
import { widthOf } from '../dashboard/plain.ts'
import { renderRequests } from '../dashboard/tokens.ts'

export default class JoinRequests extends AgentCommand {
  static override summary = 'List the nodes that ask to be let in, and those that were refused.'
  static override description =
    'With hive settings set join-approval yes (or hive init --approve) every new node waits for hive admit. ' +
    'Compare the beginning of the key with what hive status says on the node itself.'
  static override examples = ['<%= config.bin %> <%= command.id %>']

  override async run(): Promise<{ requests: readonly JoinRequestReport[] }> {
    const { flags } = await this.parse(JoinRequests)
    const requests = await this.agent(flags).joinRequests()
    this.log(renderRequests(requests, widthOf(process.stdout), this.paint))
    return { requests }
  }
}
