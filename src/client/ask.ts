import { badInput } from './command.ts'

/** What the person at the terminal answers. Ctrl-C and Ctrl-D are answers too: nothing is changed then. */
export async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises')
  const line = createInterface({ input: process.stdin, output: process.stderr })
  const gone = new Promise<never>((_, reject) => {
    line.once('close', () => reject(badInput('nothing was changed', '')))
  })
  // The question itself is then abandoned, one way or the other.
  const reply = line.question(question).catch(() => gone)
  try {
    return (await Promise.race([reply, gone])).trim()
  } catch (error) {
    process.stderr.write('\n')
    throw error
  } finally {
    gone.catch(() => {})
    line.close()
  }
}

/** Rejects unless the person at the terminal types yes. */
export async function confirm(question: string): Promise<void> {
  const reply = await ask(`${question} [y/N] `)
  if (!/^y(es)?$/i.test(reply)) throw badInput('nothing was changed', 'answer y to go on')
}
