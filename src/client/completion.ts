/** Completion scripts, written from the command surface. Pure. */

export interface Surface {
  readonly id: string
  readonly summary: string
  /** `--name`, with whether a value follows. */
  readonly flags: readonly { readonly name: string; readonly value: boolean }[]
}

export type Shell = 'bash' | 'zsh' | 'fish'

export function completionFor(shell: Shell, bin: string, commands: readonly Surface[]): string {
  switch (shell) {
    case 'bash':
      return bash(bin, commands)
    case 'zsh':
      return zsh(bin, commands)
    case 'fish':
      return fish(bin, commands)
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

function bash(bin: string, commands: readonly Surface[]): string {
  const { first, second } = wordsOf(commands)
  const fn = `_${bin}_complete`
  const subs = [...second].map(([topic, words]) => `    ${topic}) subs="${words.join(' ')}" ;;`)
  const flags = commands.map(c => `    "${c.id.replace(':', ' ')}") flags="${flagWords(c)}" ;;`)
  return `# ${bin} completion for bash: eval "$(${bin} completion bash)"
${fn}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" first="\${COMP_WORDS[1]}" second="\${COMP_WORDS[2]}" subs="" flags=""
  case "$first" in
${subs.join('\n')}
  esac
  local id="$first"
  [ -n "$subs" ] && id="$first $second"
  case "$id" in
${flags.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "${first.join(' ')}" -- "$cur"))
  elif [ "$COMP_CWORD" -eq 2 ] && [ -n "$subs" ]; then COMPREPLY=($(compgen -W "$subs" -- "$cur"))
  elif [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  else COMPREPLY=($(compgen -f -- "$cur")); fi
}
complete -F ${fn} ${bin}
`
}

function zsh(bin: string, commands: readonly Surface[]): string {
  const { first, second } = wordsOf(commands)
  const quoted = (text: string) => text.replace(/'/g, "'\\''").replace(/:/g, '\\:')
  const about = (id: string) => commands.find(command => command.id === id)?.summary ?? ''
  const described = (words: readonly string[], prefix = '') =>
    words.map(word => `'${word}:${quoted(about(prefix + word))}'`).join(' ')
  const topics = [...second].map(([topic, words]) => {
    const list = described(words, `${topic}:`)
    return `    ${topic}) id="$id \${words[3]}"; subs=(${list}) ;;`
  })
  const flags = commands.map(c => `    '${c.id.replace(':', ' ')}') compadd -- ${flagWords(c)} ;;`)
  return `#compdef ${bin}
# ${bin} completion for zsh: eval "$(${bin} completion zsh)"
_${bin}() {
  local id="\${words[2]}"
  local -a firsts subs
  firsts=(${described(first)})
  case "$id" in
${topics.join('\n')}
  esac
  if (( CURRENT == 2 )); then _describe command firsts; return; fi
  if (( CURRENT == 3 && $#subs )); then _describe command subs; return; fi
  if [[ "\${words[CURRENT]}" != -* ]]; then _files; return; fi
  case "$id" in
${flags.join('\n')}
  esac
}
compdef _${bin} ${bin}
`
}

function fish(bin: string, commands: readonly Surface[]): string {
  const quoted = (text: string) => text.replace(/['\\]/g, '\\$&')
  const { first, second } = wordsOf(commands)
  const lines = [`# ${bin} completion for fish: ${bin} completion fish | source`]
  for (const word of first) {
    const about = commands.find(c => c.id === word)?.summary ?? ''
    lines.push(`complete -c ${bin} -n __fish_use_subcommand -f -a ${word} -d '${quoted(about)}'`)
  }
  for (const [topic, words] of second) {
    const unseen = `__fish_seen_subcommand_from ${topic}; and not __fish_seen_subcommand_from ${words.join(' ')}`
    for (const word of words) {
      const about = commands.find(c => c.id === `${topic}:${word}`)?.summary ?? ''
      lines.push(`complete -c ${bin} -n '${unseen}' -f -a ${word} -d '${quoted(about)}'`)
    }
  }
  for (const command of commands) {
    const seen = command.id
      .split(':')
      .map(word => `__fish_seen_subcommand_from ${word}`)
      .join('; and ')
    for (const flag of command.flags) {
      const value = flag.value ? ' -r' : ''
      lines.push(`complete -c ${bin} -n '${seen}' -l ${flag.name.slice(2)}${value}`)
    }
  }
  return `${lines.join('\n')}\n`
}
