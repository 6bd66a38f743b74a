import { ask } from './ask.ts'
import { badInput } from './command.ts'

/** What cannot be undone is confirmed by the cluster's name, typed by somebody who reads. */
export async function typedName(question: string, otherwise: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw badInput('this wants to be confirmed, and this is not a terminal', otherwise)
  }
  return ask(question)
}
