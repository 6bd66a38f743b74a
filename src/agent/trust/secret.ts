import { readFileSync, statSync } from 'node:fs'
import { OperatorError } from '../../base/errors.ts'
import type { Trace } from '../../base/trace.ts'
import { whyUnreadable } from '../../base/unreadable.ts'

type Environment = Readonly<Record<string, string | undefined>>

const remedy = 'make one with `hive secret new > FILE`, and give every node the same'

/**
 * The cluster's secret: from the file, or from HIVE_SECRET; never from an argument, where every user of the
 * machine could read it. Undefined: there is none. Throws OperatorError BAD_CONFIG, which never quotes it.
 */
export function readSecret(
  file: string | null,
  env: Environment,
  trace: Trace,
): string | undefined {
  if (file === null) {
    const text = env.HIVE_SECRET?.trim()
    return text ? checked(text, 'HIVE_SECRET') : undefined
  }
  let text: string
  try {
    text = readFileSync(file, 'utf8')
    // Containers hand out secrets that everybody inside may read; so this is no reason not to start.
    if ((statSync(file).mode & 0o007) !== 0)
      trace.warn({ file }, 'every user of this machine can reach the secret: chmod 600 it')
  } catch (error) {
    throw new OperatorError(
      'BAD_CONFIG',
      `cannot read the secret file ${file}: ${whyUnreadable(error as NodeJS.ErrnoException)}`,
      remedy,
    )
  }
  return checked(text.trim(), file)
}

/** 32 bytes at least, base64url. */
function checked(text: string, where: string): string {
  if (/^[A-Za-z0-9_-]{43,256}$/.test(text)) return text
  throw new OperatorError(
    'BAD_CONFIG',
    `what ${where} holds is no secret: it must be 32 bytes or more in base64url`,
    remedy,
  )
}
