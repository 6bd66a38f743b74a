import type { IncomingMessage } from 'node:http'
import { OperatorError } from '../base/errors.ts'

/** What is thrown away of a body that is too large, so that the client can read why; then it is cut off. */
const discardBytes = 16 * 1024 * 1024

/** The whole body, at most `limit` bytes. `what` is named in the error. */
export function readBody(
  request: IncomingMessage,
  limit: number,
  what: string,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined
    let rest: Buffer[] | undefined
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > limit) {
        first = rest = undefined
        reject(tooLarge(what, limit))
        if (length > discardBytes) request.destroy()
      } else if (first === undefined) first = chunk
      else if (rest === undefined) rest = [first, chunk]
      else rest.push(chunk)
    })
    request.on('end', () => {
      resolve(rest === undefined ? (first ?? new Uint8Array(0)) : Buffer.concat(rest, length))
    })
    request.on('error', reject)
    // An error is dear because of its stack, and every request closes: only of those that broke off one is made.
    request.on('close', () => {
      if (!request.complete) reject(new OperatorError('BAD_REQUEST', 'the body broke off'))
    })
  })
}

function tooLarge(what: string, limit: number): OperatorError {
  return new OperatorError(
    'TOO_LARGE',
    `${what} is larger than ${limit} bytes (${limit / 1024} KiB)`,
    'store something smaller, or split it over several keys',
  )
}
