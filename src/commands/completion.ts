import { Args } from '@oclif/core'
import { HiveCommand } from '../client/command.ts'
import { completionFor, type Shell, type Surface } from '../client/completion.ts'

const shells = ['bash', 'zsh', 'fish'] as const

export default class Completion extends HiveCommand {
  static override summary = 'Print a script that completes hive on the command line.'
  static override examples = [
    { description: 'In ~/.bashrc:', command: 'eval "$(<%= config.bin %> <%= command.id %> bash)"' },
    {
      description: 'In ~/.config/fish/config.fish:',
      command: '<%= config.bin %> <%= command.id %> fish | source',
    },
  ]
  static override args = {
    shell: Args.string({
      description: 'Your shell.',
      options: shells,
      required: true,
      ignoreStdin: true,
    }),
  }

  override async run(): Promise<{ script: string }> {
    const { args } = await this.parse(Completion)
    const script = completionFor(
      args.shell as Shell,
      this.config.bin,
      surfaceOf(this.config.commands),
    )
    if (!this.jsonEnabled()) process.stdout.write(script)
    return { script }
  }
}

type Loadable = HiveCommand['config']['commands'][number]

function surfaceOf(commands: readonly Loadable[]): Surface[] {
  return commands.map(command => ({
    id: command.id,
    summary: command.summary ?? '',
    flags: Object.entries(command.flags).flatMap(([name, flag]) => {
      const value = flag.type === 'option'
      const no = flag.type === 'boolean' && flag.allowNo ? [{ name: `--no-${name}`, value }] : []
      return [{ name: `--${name}`, value }, ...no]
    }),
  }))
}
