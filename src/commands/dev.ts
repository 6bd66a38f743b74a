import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { HiveCommand } from '../client/command.ts'

export default class Dev extends HiveCommand {
  static override enableJsonFlag = false
  static override summary = 'Run a cluster of real agents on this machine and watch it.'
  static override description =
    'Ctrl-C stops all agents and leaves their data; run again, it resumes with the same data and addresses. ' +
    'In another terminal, in the same directory, every other command finds it by itself.'
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --nodes 5 --dir /tmp/five',
  ]
  static override flags = {
    nodes: Flags.integer({
      description: 'How many agents; default: as many as before, or 3.',
      min: 1,
      max: 25,
    }),
    dir: Flags.string({
      description: 'Where their data is kept.',
      default: '.hive',
      helpValue: 'DIR',
    }),
  }

  override async run(): Promise<void> {
    const { flags } = await this.parse(Dev)
    const { runDev } = await import('../dashboard/dev.ts')
    await runDev(resolve(flags.dir ?? '.hive'), flags.nodes)
  }
}
