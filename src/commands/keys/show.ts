import type { KeysReport } from '../../api/trust-types.ts'
import { AgentCommand } from '../../client/command.ts'
import { renderKeys } from '../../dashboard/trust.ts'

export default class KeysShow extends AgentCommand {
  static override summary = 'Show how far the keys of gossip are; never the keys themselves.'
  static override examples = ['<%= config.bin %> <%= command.id %>']

  override async run(): Promise<KeysReport> {
    const { flags } = await this.parse(KeysShow)
    const report = await this.agent(flags).keys()
    this.log(renderKeys(report, this.paint))
    return report
  }
}
