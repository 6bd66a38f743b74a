/**
 * Completion scripts, written from the command surface. Pure. Names of nodes, roles and the like are asked of the
 * agent when somebody presses Tab: `hive completion --names KIND`; where none answers, nothing is offered.
 */

export interface Surface {
  readonly id: string
  readonly summary: string
  /** `--name`, with whether a value follows, and what it is. */
  readonly flags: readonly {
    readonly name: string
    readonly value: boolean
    readonly kind?: Kind
  }[]
  /** In order; the last one may take several. */
  readonly args: readonly Kind[]
  readonly many?: boolean
}

export const nameKinds = [
  'nodes',
  'subjects',
  'roles',
  'settings',
  'tokens',
  'requests',
  'services',
] as const
/** What the agent can list. */
export type NameKind = (typeof nameKinds)[number]
/** `file`: of this machine. `none`: only who types knows. Otherwise words that are always the same. */
export type Kind = NameKind | 'file' | 'none' | readonly string[]

/** By command and argument, or flag, as they are called there. */
export function kindOf(command: string, word: string): Kind {
  const special = kinds[`${command} ${word}`]
  return special ?? kinds[word] ?? (/(^|-)(file|dir)$/.test(word) ? 'file' : 'none')
}

const kinds: Readonly<Record<string, Kind>> = {
  node: 'nodes',
  voter: 'nodes',
  roles: 'roles',
  role: 'roles',
  config: 'file',
  socket: 'file',
  'from-snapshot': 'file',
  'admit node': 'requests',
  'refuse node': 'requests',
  'why subject': 'subjects',
  'init control': 'nodes',
  'agent log-level': ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
  'agent http-tls': ['auto', 'on'],
  'agent http-auth': ['auto', 'on'],
  'why name': 'requests',
  'settings:set name': 'settings',
  'token:revoke id': 'tokens',
  'service:deregister id': 'services',
}

export type Shell = 'bash' | 'zsh' | 'fish'

/** `topics`: what first words that are no commands are about. */
export function completionFor(
  shell: Shell,
  bin: string,
  commands: readonly Surface[],
  topics: ReadonlyMap<string, string> = new Map(),
): string {
  switch (shell) {
    case 'bash':
      return bash(bin, commands)
    case 'zsh':
      return zsh(bin, commands, topics)
    case 'fish':
      return fish(bin, commands, topics)
    default:
      return shell satisfies never
  }
}

/** First words, and second words by first word. */
function wordsOf(commands: readonly Surface[]): { first: string[]; second: Map<string, string[]> } {
  const second = new Map<string, string[]>()
  const first = new Set<string>()
  for (const { id } of commands) {
    const [topic = '', sub] = id.split(':')
    first.add(topic)
    if (sub !== undefined) second.set(topic, [...(second.get(topic) ?? []), sub])
  }
  return { first: [...first], second }
}

function flagWords(command: Surface): string {
  return command.flags.map(flag => flag.name).join(' ')
}

/** Shell words that name what is to be completed: a kind the agent lists, `file`, `none`, or `=` and the words. */
function wordOf(kind: Kind): string {
  return typeof kind === 'string' ? kind : `=${kind.join(',')}`
}

/** For each command: its flags, which of them take what, and what its arguments are (`+`: and so on). */
function tableOf(commands: readonly Surface[], indent: string): string {
  return commands
    .map(command => {
      const values = command.flags
        .filter(flag => flag.value)
        .map(flag => `${flag.name}:${wordOf(flag.kind ?? 'none')}`)
      const args = command.args.map(wordOf).join(' ') + (command.many ? ' +' : '')
      const id = command.id.replace(':', ' ')
      return `${indent}"${id}") flags="${flagWords(command)}" values="${values.join(' ')}" args="${args}" ;;`
    })
    .join('\n')
}

/**
 * In shell, the same for bash and zsh: leaves in `kind` what the word under the cursor is. Needs `past`: the words between
 * the command's name and the one under the cursor.
 */
const judge = `  local word wants="" n=0 kind="none" value
  for word in "\${past[@]}"; do
    if [ -n "$wants" ]; then wants=""; continue; fi
    case "$word" in
      -*) for value in $(echo $values); do [ "\${value%%:*}" = "$word" ] && wants="\${value#*:}"; done ;;
      *) n=$((n + 1)) ;;
    esac
  done
  if [ -n "$wants" ]; then kind="$wants"
  else
    for value in $(echo $args); do
      if [ "$value" = "+" ]; then break; fi
      kind="$value"
      if [ "$n" -eq 0 ]; then break; fi
      n=$((n - 1)); kind="none"
    done
    case "$args" in *" +") [ "$n" -ge 0 ] && [ "$kind" = none ] && kind="\${args% +}" && kind="\${kind##* }" ;; esac
  fi`

function bash(bin: string, commands: readonly Surface[]): string {
  const { first, second } = wordsOf(commands)
  const fn = `_${bin}_complete`
  const subs = [...second].map(([topic, words]) => `    ${topic}) subs="${words.join(' ')}" ;;`)
  return `# ${bin} completion for bash: eval "$(${bin} completion bash)"
${fn}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" first="\${COMP_WORDS[1]}" second="\${COMP_WORDS[2]}"
  local subs="" flags="" values="" args=""
  case "$first" in
${subs.join('\n')}
  esac
  local id="$first" from=2
  [ -n "$subs" ] && id="$first $second" from=3
  case "$id" in
${tableOf(commands, '    ')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "${first.join(' ')}" -- "$cur")); return; fi
  if [ "$COMP_CWORD" -eq 2 ] && [ -n "$subs" ]; then COMPREPLY=($(compgen -W "$subs" -- "$cur")); return; fi
  local past=("\${COMP_WORDS[@]:$from:$((COMP_CWORD - from))}")
${judge}
  if [[ "$cur" == -* && -z "$wants" ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur")); return; fi
  case "$kind" in
    none) COMPREPLY=() ;;
    file) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
    "="*) kind="\${kind#=}"; COMPREPLY=($(compgen -W "\${kind//,/ }" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$(${bin} completion --names "$kind" 2>/dev/null)" -- "$cur")) ;;
  esac
}
complete -F ${fn} ${bin}
`
}

type Topics = ReadonlyMap<string, string>

function aboutOf(commands: readonly Surface[], topics: Topics): (id: string) => string {
  return id => commands.find(command => command.id === id)?.summary ?? topics.get(id) ?? ''
}

function zsh(bin: string, commands: readonly Surface[], topics: Topics): string {
  const { first, second } = wordsOf(commands)
  const quoted = (text: string) => text.replace(/'/g, "'\\''").replace(/:/g, '\\:')
  const about = aboutOf(commands, topics)
  const described = (all: readonly string[], prefix = '') =>
    all.map(word => `'${word}:${quoted(about(prefix + word))}'`).join(' ')
  const branches = [...second].map(([topic, words]) => {
    const list = described(words, `${topic}:`)
    return `    ${topic}) id="$id \${all[3]}"; from=3; subs=(${list}) ;;`
  })
  return `#compdef ${bin}
# ${bin} completion for zsh: eval "$(${bin} completion zsh)"
_${bin}() {
  local -a all=("\${words[@]}") firsts subs
  local id="\${all[2]}" from=2 at=$CURRENT flags="" values="" args=""
  firsts=(${described(first)})
  case "$id" in
${branches.join('\n')}
  esac
  if (( at == 2 )); then _describe command firsts; return; fi
  if (( at == 3 && $#subs )); then _describe command subs; return; fi
  case "$id" in
${tableOf(commands, '    ')}
  esac
  local cur="\${all[at]}"
  local -a past=("\${(@)all[from+1,at-1]}")
${judge}
  if [[ "$cur" == -* && -z "$wants" ]]; then compadd -- \${=flags}; return; fi
  case "$kind" in
    none) ;;
    file) _files ;;
    "="*) compadd -- \${(s:,:)kind#=} ;;
    *) compadd -- \${(f)"$(${bin} completion --names "$kind" 2>/dev/null)"} ;;
  esac
}
compdef _${bin} ${bin}
`
}

function fish(bin: string, commands: readonly Surface[], topics: Topics): string {
  const about = aboutOf(commands, topics)
  const quoted = (text: string) => text.replace(/['\\]/g, '\\$&')
  const { first, second } = wordsOf(commands)
  const lines = [`# ${bin} completion for fish: ${bin} completion fish | source`]
  const offers = (kind: Kind) =>
    typeof kind !== 'string'
      ? `-f -a '${kind.join(' ')}'`
      : kind === 'file'
        ? '-F'
        : kind === 'none'
          ? '-f'
          : `-f -a '(${bin} completion --names ${kind} 2>/dev/null)'`
  for (const word of first) {
    const what = quoted(about(word))
    lines.push(`complete -c ${bin} -n __fish_use_subcommand -f -a ${word} -d '${what}'`)
  }
  for (const [topic, words] of second) {
    const unseen = `__fish_seen_subcommand_from ${topic}; and not __fish_seen_subcommand_from ${words.join(' ')}`
    for (const word of words) {
      const what = quoted(about(`${topic}:${word}`))
      lines.push(`complete -c ${bin} -n '${unseen}' -f -a ${word} -d '${what}'`)
    }
  }
  for (const command of commands) {
    const seen = command.id
      .split(':')
      .map(word => `__fish_seen_subcommand_from ${word}`)
      .join('; and ')
    // fish does not count the words: every argument is offered what the command has names for.
    for (const kind of command.args.length > 0 ? command.args : (['none'] as const))
      lines.push(`complete -c ${bin} -n '${seen}' ${offers(kind)}`)
    for (const flag of command.flags) {
      const value = flag.value ? ` -r ${offers(flag.kind ?? 'none')}` : ''
      lines.push(`complete -c ${bin} -n '${seen}' -l ${flag.name.slice(2)}${value}`)
    }
  }
  return `${lines.join('\n')}\n`
}
