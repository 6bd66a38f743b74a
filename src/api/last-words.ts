import type { ErrorCode } from '../base/errors.ts'

/** An answer to what was no request, as bytes; in ASCII. */
export function lastWords(
  status: string,
  code: ErrorCode,
  message: string,
  remedy: string,
): string {
  const body = JSON.stringify({ error: { code, message, remedy } })
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
