import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Trace } from '../base/trace.ts'
import { type Caller, nameOf } from './caller.ts'

/** Filled in as it becomes known who asks. */
export interface RequestNote {
  caller?: Caller
}

/**
 * One line for each request when its answer is out: method, route as the table has it (never the address with
 * its query), status, ms, who. hive's own changes at info, everything else at debug; undefined: nobody listens.
 */
export function noteRequest(
  trace: Trace,
  request: IncomingMessage,
  response: ServerResponse,
  route: string,
): RequestNote | undefined {
  const { method } = request
  const change = method === 'POST'
  if (!change && !trace.debugging) return undefined
  const from = performance.now()
  const note: RequestNote = {}
  response.once('close', () => {
    const ms = Math.round((performance.now() - from) * 10) / 10
    const actor = note.caller ? nameOf(note.caller, request.headers) : 'nobody'
    const fields = { method, route, status: response.statusCode, ms, actor }
    if (change) trace.info(fields, 'request')
    else trace.debug(fields, 'request')
  })
  return note
}
