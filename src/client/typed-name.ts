import { badInput } from './command.ts'

/** What cannot be undone is confirmed by the cluster's name, typed by somebody who reads. */
export async function typedName(question: string, otherwise: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw badInput('this wants to be confirmed, and this is not a terminal', otherwise)
  }
  const { createInterface } = await import('node:readline/promises')
  const line = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return (await line.question(question)).trim()
  } finally {
    line.close()
  }
}
