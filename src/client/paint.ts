import { Chalk, type ChalkInstance } from 'chalk'

/** How a piece of text is meant; what it looks like is decided here, once. */
export type Tone = 'plain' | 'strong' | 'dim' | 'good' | 'warn' | 'bad'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

export type Line = readonly Span[]

export type Painter = (text: string, tone: Tone) => string

/** Colours on a terminal only, never with NO_COLOR (no-color.org); FORCE_COLOR wins over both. */
export function painterFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): Painter {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '' && env.FORCE_COLOR !== '0'
  const wanted = stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  return forced || wanted ? colour(new Chalk({ level: 1 })) : plain
}

export const plain: Painter = text => text

export function paintLine(line: Line, paint: Painter): string {
  return line
    .map(span => paint(span.text, span.tone))
    .join('')
    .trimEnd()
}

/** Text from the network or a user, fit for a line of a terminal: a name must not move the cursor. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  return text.replace(/[\t\n\r]+/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
}

function colour(chalk: ChalkInstance): Painter {
  const styles: Partial<Record<Tone, ChalkInstance>> = {
    strong: chalk.bold,
    dim: chalk.dim,
    good: chalk.green,
    warn: chalk.yellow,
    bad: chalk.red,
  }
  return (text, tone) => styles[tone]?.(text) ?? text
}
