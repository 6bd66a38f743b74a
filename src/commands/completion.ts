import { Args, Flags } from '@oclif/core'
import { AgentCommand, badInput } from '../client/command.ts'
import {
  completionFor,
  kindOf,
  type NameKind,
  nameKinds,
  type Shell,
  type Surface,
} from '../client/completion.ts'
import { listServices } from '../client/service-client.ts'

const shells = ['bash', 'zsh', 'fish'] as const

export default class Completion extends AgentCommand {
  static override summary = 'Print a script that completes hive on the command line.'
  static override description =
    'It completes commands, flags and files, and names of nodes, roles, settings, tokens and services, which it asks the agent for.'
  static override examples = [
    { description: 'In ~/.bashrc:', command: 'eval "$(<%= config.bin %> <%= command.id %> bash)"' },
    {
      description: 'In ~/.zshrc, after compinit:',
      command: 'eval "$(<%= config.bin %> <%= command.id %> zsh)"',
    },
    {
      description: 'In ~/.config/fish/config.fish:',
      command: '<%= config.bin %> <%= command.id %> fish | source',
    },
  ]
  static override args = {
    shell: Args.string({ description: 'Your shell.', options: shells, ignoreStdin: true }),
  }
  static override flags = {
    names: Flags.string({
      description: 'What the scripts ask for: the names of one kind.',
      options: nameKinds,
      hidden: true,
    }),
  }

  override async run(): Promise<{ script: string } | { names: readonly string[] }> {
    const { args, flags } = await this.parse(Completion)
    if (flags.names !== undefined) return this.#names(flags.names as NameKind, flags)
    if (args.shell === undefined)
      throw badInput('which shell?', `write one of ${shells.join(', ')}`)
    const script = completionFor(
      args.shell as Shell,
      this.config.bin,
      surfaceOf(this.config.commands.filter(command => !command.hidden)),
      new Map(this.config.topics.map(topic => [topic.name, topic.description ?? ''])),
    )
    if (!this.jsonEnabled()) process.stdout.write(script)
    return { script }
  }

  async #names(kind: NameKind, flags: Parameters<Completion['agent']>[0]) {
    const agent = this.agent(flags)
    const found: Record<NameKind, () => Promise<readonly string[]>> = {
      nodes: async () => (await agent.status()).nodes.map(node => node.name),
      subjects: async () => [
        ...(await agent.status()).nodes.map(node => node.name),
        ...['election', 'epoch', 'join'],
      ],
      roles: async () => (await agent.roles()).map(role => role.name),
      settings: async () => (await agent.settings()).map(setting => setting.name),
      tokens: async () =>
        (await agent.tokens()).filter(t => t.state !== 'revoked').map(token => token.id),
      requests: async () => (await agent.joinRequests()).map(request => request.name),
      services: async () => (await listServices(agent)).map(service => service.id),
    }
    const names = await found[kind]()
    if (names.length > 0) this.log(names.join('\n'))
    return { names }
  }
}

type Loadable = Completion['config']['commands'][number]

function surfaceOf(commands: readonly Loadable[]): Surface[] {
  return commands.map(command => ({
    id: command.id,
    summary: command.summary ?? '',
    flags: Object.entries(command.flags).flatMap(([name, flag]) => {
      if (flag.hidden) return []
      const value = flag.type === 'option'
      const kind = value ? (flag.options ?? kindOf(command.id, name)) : 'none'
      const no = flag.type === 'boolean' && flag.allowNo ? [{ name: `--no-${name}`, value }] : []
      return [{ name: `--${name}`, value, kind }, ...no]
    }),
    args: Object.entries(command.args).map(
      ([name, arg]) => arg.options ?? kindOf(command.id, name),
    ),
    many: Object.values(command.args).some(arg => arg.multiple === true),
  }))
}
