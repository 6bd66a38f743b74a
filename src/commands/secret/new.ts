import { randomBytes } from 'node:crypto'
import { HiveCommand } from '../../client/command.ts'

export default class SecretNew extends HiveCommand {
  static override summary = 'Make the secret that the nodes of a new cluster share.'
  static override description =
    '32 random bytes. Every node that is to meet the others before the init needs the same one: give each the file (--secret-file) or HIVE_SECRET. ' +
    'No agent has to run, and nothing is kept.'
  static override examples = [
    '(umask 077; <%= config.bin %> <%= command.id %> > hive.secret)',
    '<%= config.bin %> agent --bind 10.0.0.1:4483 --secret-file hive.secret',
  ]

  override async run(): Promise<{ secret: string }> {
    await this.parse(SecretNew)
    const secret = randomBytes(32).toString('base64url')
    this.log(secret)
    return { secret }
  }
}
