import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { OperatorError } from '../base/errors.ts'
import { whyUnreadable } from '../base/unreadable.ts'

/** A token from a file, or from standard input for `-`; never from an argument, where every user could read it. */
export async function readTokenFile(file: string): Promise<string> {
  const what = file === '-' ? 'standard input' : file
  const read = await (file === '-' ? text(process.stdin) : readFile(file, 'utf8')).catch(
    (error: NodeJS.ErrnoException) => {
      throw new OperatorError(
        'BAD_REQUEST',
        `cannot read ${what}: ${whyUnreadable(error)}`,
        'give a file with a token: hive token create > FILE',
      )
    },
  )
  const token = read.trim()
  if (token !== '' && token.length <= 1024) return token
  throw new OperatorError(
    'TOKEN_WRONG',
    `${what} holds no token`,
    'make one on a node of the cluster: hive token create > FILE',
  )
}
