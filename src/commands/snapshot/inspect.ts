import { Args } from '@oclif/core'
import { HiveCommand } from '../../client/command.ts'
import { renderInspection } from '../../client/snapshot-text.ts'
import type { Inspection } from '../../snapshot/inspect.ts'

export default class SnapshotInspect extends HiveCommand {
  static override summary = 'Check a snapshot and say what is in it; no agent is asked.'
  static override description =
    'Reads all of it, compares its checksum, and opens its state in memory as a restore would. Fails when the file is damaged, cut off, ' +
    'not a snapshot, or of a newer hive.'
  static override examples = ['<%= config.bin %> <%= command.id %> prod.snapshot']
  static override args = {
    file: Args.string({ description: 'The snapshot.', required: true }),
  }

  override async run(): Promise<Inspection> {
    const { args } = await this.parse(SnapshotInspect)
    const { openSnapshot } = await import('../../snapshot/inspect.ts')
    const { inspection } = openSnapshot(args.file)
    this.log(renderInspection(inspection, this.paint))
    return inspection
  }
}
