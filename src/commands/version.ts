import { HiveCommand } from '../client/command.ts'

interface VersionReport {
  readonly hive: string
  readonly node: string
  readonly platform: string
}

export default class Version extends HiveCommand {
  static override summary = 'Print the version of hive and of the Node.js that runs it.'
  static override examples = ['<%= config.bin %> <%= command.id %>']

  override async run(): Promise<VersionReport> {
    await this.parse(Version)
    const report = {
      hive: this.config.version,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
    }
    this.log(`hive ${report.hive} (node ${report.node}, ${report.platform})`)
    return report
  }
}
