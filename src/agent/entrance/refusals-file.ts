import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MalformedError } from '../../base/bytes.ts'
import { type ErrorCode, errorCodes } from '../../base/errors.ts'
import { count, fields, text } from '../../base/shape.ts'
import type { Trace } from '../../base/trace.ts'
import type { Refusals, Refused } from './journal.ts'

/** More than a journal has: a longer file is not one of ours. */
const maxBytes = 1024 * 1024

/**
 * DATA_DIR/refusals.json: the journal over restarts of the agent. Put in place whole and not synced: what a
 * loss of power takes is the last seconds of who knocked, and one that cannot be read is begun anew.
 */
export function refusalsFile(dataDir: string, trace: Trace): Refusals {
  const path = join(dataDir, 'refusals.json')
  return {
    read() {
      try {
        const json = readFileSync(path, 'utf8')
        if (json.length > maxBytes) throw new MalformedError('too large')
        return parseRefusals(JSON.parse(json))
      } catch (error) {
        const absent = (error as NodeJS.ErrnoException).code === 'ENOENT'
        if (!absent) trace.warn({ path, err: error }, 'who was refused before is forgotten')
        return []
      }
    },
    write(entries) {
      try {
        const young = `${path}.new`
        writeFileSync(young, `${JSON.stringify(entries)}\n`, { mode: 0o600 })
        renameSync(young, path)
      } catch (error) {
        trace.debug({ path, err: error }, 'who was refused cannot be kept')
      }
    },
  }
}

/** Throws MalformedError. */
export function parseRefusals(value: unknown): readonly Refused[] {
  if (!Array.isArray(value)) throw new MalformedError('refusals must be a list')
  return value.map(one => {
    const raw = fields(one, 'refusal')
    const { whom } = raw
    if (whom !== 'us' && whom !== 'by us') throw new MalformedError('whom')
    const code = text(raw, 'code', 64)
    return {
      whom,
      name: text(raw, 'name'),
      id: text(raw, 'id'),
      address: text(raw, 'address'),
      // A newer build may have had more.
      code: Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : 'REFUSED',
      reason: text(raw, 'reason'),
      cure: text(raw, 'cure'),
      first: count(raw, 'first'),
      last: count(raw, 'last'),
      count: count(raw, 'count'),
    }
  })
}
