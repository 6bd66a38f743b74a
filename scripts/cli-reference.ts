import type { Command, Interfaces } from '@oclif/core'

/** docs/cli.md, written from the manifest. Pure. */

type Flag = Command.Flag.Cached
type Arg = Command.Arg.Cached

export function referenceOf(manifest: Interfaces.Manifest, bin: string): string {
  const commands = Object.values(manifest.commands).filter(command => !command.hidden)
  const contents = commands.map(({ id, summary }) => {
    const name = `${bin} ${spoken(id)}`
    return `- [\`${name}\`](#${name.replaceAll(' ', '-')}) ${summary ?? ''}`
  })
  return [
    '# Command line reference',
    '',
    'Written from the commands themselves by `npm run manifest`; do not edit it here.',
    '',
    'Every command has `--help`. Errors are one line that says what happened and one that says what to do. Exit codes:',
    '0 success, 1 the cluster refused or did not find it, 2 wrong usage, no agent or no quorum, 70 a bug in hive.',
    '`hive status` has its own, see there. An agent is looked for in this order: `--socket`, `--address`, `HIVE_SOCKET`,',
    '`HIVE_HTTP_ADDR`, `$HIVE_DATA_DIR/agent.sock`, a `hive dev` cluster in the current directory, `~/.local/share/hive`,',
    '`/var/lib/hive`.',
    '',
    ...contents,
    '',
    ...commands.flatMap(command => sectionOf(command, bin)),
  ].join('\n')
}

function sectionOf(command: Command.Cached, bin: string): string[] {
  const name = `${bin} ${spoken(command.id)}`
  const args = Object.values(command.args)
  const flags = Object.values(command.flags)
    .filter(flag => !flag.hidden)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const aliases = [...command.aliases, ...(command.hiddenAliases ?? [])].map(
    alias => `\`${bin} ${spoken(alias)}\``,
  )
  return [
    `## ${name}`,
    '',
    command.summary ?? '',
    '',
    ...(command.description ? [command.description, ''] : []),
    ...(aliases.length > 0 ? [`Also: ${aliases.join(', ')}`, ''] : []),
    '```text',
    [name, ...args.map(usageOfArg), flags.length > 0 ? '[flags]' : ''].filter(Boolean).join(' '),
    '```',
    '',
    ...table(
      ['Argument', ''],
      args.map(arg => [`\`${arg.name.toUpperCase()}\``, aboutArg(arg)]),
    ),
    ...table(
      ['Flag', ''],
      flags.map(flag => [`\`${usageOfFlag(flag)}\``, aboutFlag(flag)]),
    ),
    ...examplesOf(command, bin),
  ]
}

function spoken(id: string): string {
  return id.replaceAll(':', ' ')
}

function usageOfArg(arg: Arg): string {
  const name = arg.name.toUpperCase() + (arg.multiple ? '…' : '')
  return arg.required ? name : `[${name}]`
}

function usageOfFlag(flag: Flag): string {
  const char = flag.char ? `-${flag.char}, ` : ''
  if (flag.type === 'boolean') return `${char}--${flag.allowNo ? '[no-]' : ''}${flag.name}`
  return `${char}--${flag.name} ${flag.helpValue ?? 'VALUE'}`
}

function aboutArg(arg: Arg): string {
  const options = arg.options ? ` One of: ${arg.options.join(', ')}.` : ''
  return (arg.description ?? '') + options
}

function aboutFlag(flag: Flag): string {
  const given = flag.type === 'option' ? flag.default : undefined
  const shown = given === undefined || given === '' ? '' : ` Default: ${given}.`
  return (flag.description ?? '') + shown
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return []
  const line = (cells: readonly string[]) =>
    `| ${cells.map(c => c.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line), '']
}

function examplesOf(command: Command.Cached, bin: string): string[] {
  const examples = command.examples ?? []
  if (examples.length === 0) return []
  const fill = (text: string) =>
    text.replaceAll('<%= config.bin %>', bin).replaceAll('<%= command.id %>', spoken(command.id))
  const lines = examples.flatMap(example =>
    typeof example === 'string'
      ? [fill(example)]
      : [`# ${example.description}`, fill(example.command)],
  )
  return ['```sh', ...lines, '```', '']
}
