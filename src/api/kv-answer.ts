import { OperatorError } from '../base/errors.ts'
import type { KvEntry } from '../state/types.ts'
import { kvLimits } from './types.ts'

/** Throws TOO_LARGE where no answer could hold them. */
export function demandRoom(entries: readonly KvEntry[], prefix: string): void {
  let bytes = 0
  for (const { value } of entries) bytes += value.length
  if (bytes > kvLimits.answerBytes) throw tooMuch(prefix)
}

export function tooMuch(prefix: string): OperatorError {
  return new OperatorError(
    'TOO_LARGE',
    `the values under "${prefix}" are more than ${kvLimits.answerBytes / 2 ** 20} MiB, which is all that one answer holds`,
    'ask for a longer prefix, or with ?keys for the keys alone',
  )
}

/** Entries as Consul writes them (`/v1/kv`), by hand: JSON.stringify of objects costs a third more. */
export function entriesJson(entries: readonly KvEntry[]): string {
  let json = '['
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!
    if (i > 0) json += ','
    json += `{"LockIndex":${entry.lockIndex},"Key":${JSON.stringify(entry.key)},"Flags":${
      entry.flags
    },"Value":${base64(entry.value)},"CreateIndex":${entry.createIndex},"ModifyIndex":${
      entry.modifyIndex
    }}`
  }
  return json + ']'
}

/** Only the keys, each cut after the first `separator` that follows the prefix, without repeats. */
export function keysJson(entries: readonly KvEntry[], prefix: string, separator: string): string {
  const keys: string[] = []
  let last: string | undefined
  for (const { key } of entries) {
    const at = separator === '' ? -1 : key.indexOf(separator, prefix.length)
    const shown = at < 0 ? key : key.slice(0, at + separator.length)
    if (shown !== last) keys.push(shown)
    last = shown
  }
  return JSON.stringify(keys)
}

/** Consul gives null for an empty value. */
function base64(value: Uint8Array): string {
  if (value.length === 0) return 'null'
  return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`
}
