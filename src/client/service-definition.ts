import { parseDuration } from '../base/duration.ts'
import { OperatorError } from '../base/errors.ts'

export interface ServiceFlags {
  readonly id?: string | undefined
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly tag?: readonly string[] | undefined
  readonly meta?: readonly string[] | undefined
  readonly check?: readonly string[] | undefined
  readonly interval: string
  readonly timeout: string
}

/** Consul's registration from what was typed. Throws BAD_REQUEST; the rest is for the agent to check. */
export function definitionOf(name: string, flags: ServiceFlags): Record<string, unknown> {
  for (const flag of ['interval', 'timeout'] as const) {
    if (parseDuration(flags[flag]) === undefined)
      throw new OperatorError(
        'BAD_REQUEST',
        `--${flag}: "${flags[flag]}" is not a length of time`,
        'write it like 500ms, 10s or 1m30s',
      )
  }
  return {
    Name: name,
    ...(flags.id !== undefined && { ID: flags.id }),
    ...(flags.port !== undefined && { Port: flags.port }),
    ...(flags.host !== undefined && { Address: flags.host }),
    ...(flags.tag && { Tags: flags.tag }),
    ...(flags.meta && { Meta: Object.fromEntries(flags.meta.map(metaPair)) }),
    ...(flags.check && { Checks: flags.check.map(check => checkOf(check, flags)) }),
  }
}

function metaPair(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at <= 0)
    throw new OperatorError(
      'BAD_REQUEST',
      `--meta: "${text}" has no value`,
      'write --meta KEY=VALUE',
    )
  return [text.slice(0, at), text.slice(at + 1)]
}

function checkOf(text: string, { interval, timeout }: ServiceFlags): Record<string, string> {
  if (/^https?:\/\//.test(text)) return { HTTP: text, Interval: interval, Timeout: timeout }
  if (text.startsWith('tcp:')) return { TCP: text.slice(4), Interval: interval, Timeout: timeout }
  if (text.startsWith('ttl:')) return { TTL: text.slice(4) }
  throw new OperatorError(
    'BAD_REQUEST',
    `--check: "${text}" is no kind of check`,
    'write tcp:HOST:PORT, http://HOST:PORT/PATH or ttl:30s',
  )
}
