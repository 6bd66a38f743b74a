import type { CaReport } from '../../api/trust-types.ts'
import { AgentCommand } from '../../client/command.ts'
import { widthOf } from '../../dashboard/plain.ts'
import { renderCa } from '../../dashboard/trust.ts'

export default class CaRotate extends AgentCommand {
  static override summary = 'Give the cluster a new authority.'
  static override description =
    'Its key is sealed under a new control key. Every node gets a certificate of it; the old authority is believed until no node holds a certificate of it any more. ' +
    'Nothing is interrupted. Tokens that name the old authority no longer work once it is gone: make new ones. After a control node was stolen, rotate the gossip keys as well.'
  static override examples = ['<%= config.bin %> <%= command.id %>']

  override async run(): Promise<CaReport> {
    const { flags } = await this.parse(CaRotate)
    const report = await this.agent(flags).rotateCa()
    this.log(renderCa(report, widthOf(process.stdout), this.paint))
    return report
  }
}
