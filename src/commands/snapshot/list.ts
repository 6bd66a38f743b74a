import type { SnapshotList as List } from '../../api/types.ts'
import { AgentCommand } from '../../client/command.ts'
import { renderSnapshots } from '../../client/snapshot-text.ts'

export default class SnapshotList extends AgentCommand {
  static override summary = 'List the snapshots that this node made by the clock.'
  static override description =
    'Every control node makes its own (hive agent --snapshot-every, --snapshot-keep) and verifies each; other nodes have none.'
  static override examples = ['<%= config.bin %> <%= command.id %>']

  override async run(): Promise<List> {
    const { flags } = await this.parse(SnapshotList)
    const list = await this.agent(flags).snapshots()
    this.log(renderSnapshots(list, this.paint))
    return list
  }
}
