import { readFileSync, statSync } from 'node:fs'
import { OperatorError } from '../base/errors.ts'
import { whyUnreadable } from '../base/unreadable.ts'

/** Far above any list of services that a person writes. */
const maxFileBytes = 4 * 1024 * 1024

/**
 * Definitions in a file, JSON or TOML by its ending, as Consul's files have them: `service`, `services`, or the
 * definition itself. What they contain is for the agent to check. Rejects with OperatorError.
 */
export async function readServiceFile(path: string): Promise<unknown[]> {
  const content = await parseFile(path, readText(path))
  if (typeof content !== 'object' || content === null) throw bad(path, 'it holds no service')
  const { service, services } = content as { service?: unknown; services?: unknown }
  const found = [service, services].filter(part => part !== undefined).flat()
  return found.length > 0 ? found : Array.isArray(content) ? content : [content]
}

function readText(path: string): string {
  try {
    if (statSync(path).size > maxFileBytes) throw bad(path, 'it is over 4 MiB')
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof OperatorError) throw error
    throw bad(path, whyUnreadable(error as NodeJS.ErrnoException))
  }
}

async function parseFile(path: string, text: string): Promise<unknown> {
  try {
    if (path.endsWith('.json')) return JSON.parse(text)
    const { parse } = await import('smol-toml')
    return parse(text)
  } catch (error) {
    const { message, line } = error as Error & { line?: number }
    const what = message.split('\n')[0]!.replace('Invalid TOML document: ', '')
    throw bad(path, line === undefined ? what : `line ${line}: ${what}`)
  }
}

function bad(path: string, why: string): OperatorError {
  return new OperatorError(
    'BAD_REQUEST',
    `cannot use ${path}: ${why}`,
    'give a TOML or JSON file with a service',
  )
}
