import { Flags } from '@oclif/core'
import type { NewToken } from '../../api/token-types.ts'
import { parseDuration } from '../../base/duration.ts'
import { AgentCommand, badInput } from '../../client/command.ts'
import { renderNewToken } from '../../dashboard/tokens.ts'

export default class TokenCreate extends AgentCommand {
  static override summary = 'Make a token that lets new nodes into the cluster.'
  static override description =
    'It is printed once, alone on standard output, and the cluster keeps only its hash: send it straight to a file. ' +
    'A node shows it with --token-file, and believes by it that it speaks to this cluster and no other.'
  static override examples = [
    '(umask 077; <%= config.bin %> <%= command.id %> > join.token)',
    '<%= config.bin %> <%= command.id %> --uses 5 --expires 24h --name "web-*" --role host > join.token',
  ]
  static override flags = {
    role: Flags.string({
      description: 'A role for each node that it lets in; may be repeated.',
      helpValue: 'NAME',
      multiple: true,
      multipleNonGreedy: true,
    }),
    uses: Flags.integer({
      description: 'It lets in so many nodes.',
      helpValue: 'N',
      default: 1,
      min: 1,
      max: 10_000,
    }),
    expires: Flags.string({
      description: 'It counts for so long.',
      helpValue: 'TIME',
      default: '1h',
    }),
    name: Flags.string({
      description: 'It lets in only nodes of that name; * is any run of letters, ? any one.',
      helpValue: 'PATTERN',
      default: '*',
    }),
    note: Flags.string({ description: 'What it is for, in hive token list.', default: '' }),
  }

  override async run(): Promise<NewToken> {
    const { flags } = await this.parse(TokenCreate)
    const life = parseDuration(flags.expires)
    if (life === undefined || life < 1000) {
      throw badInput(
        `--expires ${flags.expires}: not a length of time`,
        'write 1h, or 30m, or 168h',
      )
    }
    const made = await this.agent(flags).createToken({
      name: flags.note,
      life,
      use: { kind: 'join', roles: flags.role ?? [], uses: flags.uses, pattern: flags.name },
    })
    this.log(made.token)
    if (!this.jsonEnabled()) process.stderr.write(`${renderNewToken(made)}\n`)
    return made
  }
}
