import { Flags } from '@oclif/core'
import type { StatusReport } from '../api/types.ts'
import { AgentCommand } from '../client/command.ts'
import { renderStatus, widthOf } from '../dashboard/plain.ts'
import { type Health, healthOf } from '../dashboard/view.ts'

const exitCodes: Record<Health, number> = { healthy: 0, degraded: 1, 'no quorum': 2 }

export default class Status extends AgentCommand {
  static override summary = 'Show the cluster: its leader, quorum, nodes and their roles.'
  static override description =
    'Exit code 0: healthy; 1: degraded (a node or role is not well) or zombie (no init yet); 2: no quorum, or no agent answers.'
  static override hiddenAliases = ['status_summary']
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --watch',
    {
      description: 'For scripts:',
      command: '<%= config.bin %> <%= command.id %> --json | jq .cluster.leader',
    },
  ]
  static override flags = {
    watch: Flags.boolean({ char: 'w', description: 'Keep showing it, until Ctrl-C.' }),
  }

  override async run(): Promise<StatusReport | undefined> {
    const { flags } = await this.parse(Status)
    const agent = this.agent(flags)
    if (flags.watch) {
      const { watchStatus } = await import('../dashboard/watch.ts')
      const last = await watchStatus(agent, { json: this.jsonEnabled() })
      process.exitCode = exitCodes[healthOf(last)]
      return undefined
    }
    const report = await agent.status()
    this.log(renderStatus(report, widthOf(process.stdout), this.paint))
    process.exitCode = exitCodes[healthOf(report)]
    return report
  }
}
