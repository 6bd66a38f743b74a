import * as z from 'zod/mini'
import { maxWait, parseWait } from './waiting.ts'

/** Pieces that several routes' bodies and queries are made of. */

/** A node, by name or id. */
export const nodeText = z.string().check(z.minLength(1), z.maxLength(128))
export const roleTexts = z
  .array(z.string().check(z.minLength(1), z.maxLength(63)))
  .check(z.minLength(1), z.maxLength(64))
export const addressText = z.string().check(z.minLength(1), z.maxLength(300))
export const tokenText = z.string().check(z.minLength(1), z.maxLength(1024))
export const reasonText = z.string().check(z.maxLength(500))

/** Absent: false. */
export const flag = z._default(z.boolean(), false)

/** Bare (`?stale`), or true or false; absent: false. */
export const queryFlag = z._default(
  z.pipe(
    z.enum(['', 'true', 'false']),
    z.transform((text: '' | 'true' | 'false') => text !== 'false'),
  ),
  false,
)

/** A whole number in a query. */
export function queryCount(most: number) {
  const message = `must be a whole number from 0 to ${most}`
  return z.pipe(
    z.string().check(z.refine(text => /^\d{1,15}$/.test(text) && Number(text) <= most, message)),
    z.transform((text: string) => Number(text)),
  )
}

/** `10s`, or milliseconds without a unit; what is longer than ten minutes is ten minutes. */
export const queryWait = z.pipe(
  z
    .string()
    .check(z.refine(text => parseWait(text) !== undefined, 'must be a duration such as 10s')),
  z.transform((text: string) => parseWait(text) ?? maxWait),
)
