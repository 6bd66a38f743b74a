import { tooMuch } from '../../api/kv-answer.ts'
import { type KvQuery, type KvRead, kvLimits } from '../../api/types.ts'
import { OperatorError } from '../../base/errors.ts'
import type { Answer, RequestOutcome } from '../../net/link-types.ts'
import { errorOf } from '../settled.ts'

/**
 * A read on its way from the node that knows to the node that was asked. What is under a prefix may be more than a
 * frame holds, so it goes in pages; they are of one moment, for the index of a prefix rises with every change under it:
 * where it rose between two pages, all is read anew.
 */
export interface KvPage extends KvRead {
  /** There are keys behind the last of these. */
  readonly more?: boolean
}

/** About so many bytes of keys and values in one answer: well below a frame, whatever the last value weighs. */
export const pageBytes = 2 * 2 ** 20
/** So often what changes under the reader's hands is read anew. */
const attempts = 10

/** The values travel as one blob behind the JSON, not as base64 in it. */
export function packed(read: KvPage): { body: unknown; blob: Uint8Array } {
  let size = 0
  for (const e of read.entries) size += e.value.length
  const blob = new Uint8Array(size)
  let at = 0
  const entries = read.entries.map(({ value, ...rest }) => {
    blob.set(value, at)
    at += value.length
    return { ...rest, length: value.length }
  })
  return { body: { ...read, entries }, blob }
}

function unpacked({ body, blob = new Uint8Array(0) }: RequestOutcome & { ok: true }): KvPage {
  const from = body as Omit<KvPage, 'entries'> & {
    entries: (Omit<KvRead['entries'][number], 'value'> & { length: number })[]
  }
  let at = 0
  const entries = from.entries.map(({ length, ...rest }) => {
    const value = blob.slice(at, at + length)
    at += length
    return { ...rest, value }
  })
  return { ...from, entries }
}

/** `ask` sends it to whoever may answer. */
export function readPages(
  query: KvQuery,
  ask: (query: KvQuery & { readonly pages: true; readonly after?: string }, done: Answer) => void,
): Promise<KvRead> {
  return new Promise((resolve, reject) => {
    let attempt = 1
    let bytes = 0
    const look = (held: KvQuery, before?: KvPage): void => {
      const after = before?.entries.at(-1)?.key
      ask({ ...held, pages: true, ...(after !== undefined && { after }) }, outcome => {
        if (!outcome.ok) {
          return reject(errorOf(outcome))
        }
        const page = unpacked(outcome)
        // It came, so it is waited for no longer.
        const { index: _index, wait: _wait, ...rest } = held
        if (before && page.index !== before.index) {
          attempt += 1
          return attempt > attempts ? reject(tooLively(query.key)) : look(rest)
        }
        bytes = (before ? bytes : 0) + (outcome.blob?.length ?? 0)
        if (bytes > kvLimits.answerBytes) return reject(tooMuch(query.key))
        const whole = before ? { ...page, entries: [...before.entries, ...page.entries] } : page
        if (page.more) return look(rest, whole)
        const { entries, index, leaderKnown } = whole
        resolve({ entries, index, leaderKnown })
      })
    }
    look(query)
  })
}

function tooLively(prefix: string): OperatorError {
  return new OperatorError(
    'BUSY',
    `what is under «${prefix}» changes faster than it can be read from here`,
    'ask for less of it, or ask the agent of the leader',
  )
}
