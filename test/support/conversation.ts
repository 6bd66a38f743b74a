import { readFileSync, writeFileSync } from 'node:fs'

/**
 * A test as a conversation: a text file of commands and what was answered. Lines that begin with `#` tell the
 * story, `! WORDS` sets the stage, `$ WORDS` is a command; what follows up to `=> CODE` is its output, with `2| `
 * before what went to stderr. REWRITE=1 writes down what is answered now, to be read in the diff.
 */
export interface Turn {
  readonly kind: 'story' | 'stage' | 'command'
  readonly text: string
  /** Of a command: output and last line, as written. */
  readonly answer: string
}

export interface Answered {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function readConversation(path: string): Turn[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const turns: Turn[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    if (line.startsWith('! ')) turns.push({ kind: 'stage', text: line.slice(2), answer: '' })
    else if (!line.startsWith('$ ')) turns.push({ kind: 'story', text: line, answer: '' })
    else {
      const end = lines.findIndex((text, at) => at > i && /^(=> |\$ )/.test(text))
      const answered = end > i && lines[end]!.startsWith('=> ')
      const answer = answered ? lines.slice(i + 1, end + 1).join('\n') : ''
      turns.push({ kind: 'command', text: line.slice(2), answer })
      if (answered) i = end
    }
  }
  return turns
}

export function writeConversation(path: string, turns: readonly Turn[]): void {
  const marks = { story: '', stage: '! ', command: '$ ' } as const
  const lines = turns.flatMap(({ kind, text, answer }) => [
    marks[kind] + text,
    ...(kind === 'command' ? [answer] : []),
  ])
  writeFileSync(path, lines.join('\n'))
}

export const rewriting = process.env.REWRITE === '1'

/** An answer as the file has it; `hide` takes out what differs from run to run. */
export function answerText(answered: Answered, hide: (text: string) => string): string {
  const prefixed = (text: string, mark: string) =>
    text === ''
      ? []
      : text
          .replace(/\n$/, '')
          .split('\n')
          .map(line => mark + line)
  const lines = [...prefixed(answered.stdout, ''), ...prefixed(answered.stderr, '2| ')]
  return hide([...lines, `=> ${answered.code}`].join('\n'))
}

/** Words of a command line; single quotes keep spaces together. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(match => match[1] ?? match[2]!)
}
