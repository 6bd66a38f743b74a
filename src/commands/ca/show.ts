import { Flags } from '@oclif/core'
import type { CaReport } from '../../api/trust-types.ts'
import { AgentCommand } from '../../client/command.ts'
import { widthOf } from '../../dashboard/plain.ts'
import { renderCa } from '../../dashboard/trust.ts'

export default class CaShow extends AgentCommand {
  static override summary = "Show the cluster's authority and the certificates of its nodes."
  static override description =
    'Nodes renew their certificates by themselves at half of their life. One that is about to end all the same is a notice in hive status.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --pem > ca.pem',
  ]
  static override flags = {
    pem: Flags.boolean({
      description: 'The authorities alone, in PEM: what clients of the HTTP API are to believe.',
      exclusive: ['json'],
    }),
  }

  override async run(): Promise<CaReport> {
    const { flags } = await this.parse(CaShow)
    const report = await this.agent(flags).ca()
    if (flags.pem) this.log(report.authorities.map(ca => ca.certificate.trim()).join('\n'))
    else this.log(renderCa(report, widthOf(process.stdout), this.paint))
    return report
  }
}
