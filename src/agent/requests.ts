import { MalformedError } from '../base/bytes.ts'
import { type ErrorCode, OperatorError } from '../base/errors.ts'
import { count, type Fields, fields, text } from '../base/shape.ts'
import type { Trace } from '../base/trace.ts'
import type { Answer, Gone, RequestOutcome } from '../net/link-types.ts'
import type { PeerIdentity } from '../net/types.ts'
import type { RequestId } from '../state/events.ts'

/** One request of a peer (or of this node to itself), to be answered exactly once. */
export interface PeerRequest {
  readonly from: string
  readonly body: Fields
  readonly blob: Uint8Array
  readonly answer: Answer
  /** What `from` has proved; undefined: nothing has to be proved here, or this node asks itself. */
  readonly identity?: PeerIdentity
  /** Absent: whoever asks waits in any case. */
  readonly gone?: Gone
}

export type Method = (request: PeerRequest) => void
export type Methods = Readonly<Record<string, Method>>

/** What this node answers to its peers: a table of methods, and one place where bad input ends. */
export class Requests {
  readonly #methods: Methods
  readonly #trace: Trace

  constructor(tables: readonly Methods[], trace: Trace) {
    this.#methods = Object.assign(Object.create(null), ...tables) as Methods
    this.#trace = trace
  }

  handle(
    from: string,
    method: string,
    body: unknown,
    blob: Uint8Array,
    answer: Answer,
    identity?: PeerIdentity,
    gone?: Gone,
  ): void {
    const found = this.#methods[method]
    if (!found) {
      return answer(
        refusal('BAD_REQUEST', `no such request: ${method}`, 'upgrade the older of the two nodes'),
      )
    }
    try {
      found({
        from,
        body: fields(body),
        blob,
        answer,
        ...(identity && { identity }),
        ...(gone && { gone }),
      })
    } catch (error) {
      answer(excuse(method, from, error, this.#trace))
    }
  }
}

/** What a method threw, as an answer: bad input and operators' errors have their own words. */
export function excuse(method: string, from: string, error: unknown, trace: Trace): RequestOutcome {
  if (error instanceof MalformedError) return refusal('BAD_REQUEST', `${method}: ${error.message}`)
  if (error instanceof OperatorError) return refusal(error.code, error.message, error.remedy)
  trace.error({ method, from, err: error }, 'a request failed in an unexpected way')
  return refusal(
    'INTERNAL',
    `${method} failed: ${error instanceof Error ? error.message : String(error)}`,
  )
}

/** So that it takes effect once, however often it is sent. Throws MalformedError. */
export function requestOf(body: Fields): RequestId {
  const from = fields(body.request, 'request')
  return {
    client: text(from, 'client', 80),
    serial: count(from, 'serial'),
    acked: count(from, 'acked'),
  }
}

/** The same of what a build asks that is older than that; undefined: it says nothing. */
export function onceOf(body: Fields): RequestId | undefined {
  return body.request === undefined ? undefined : requestOf(body)
}

export function refusal(
  code: ErrorCode,
  message: string,
  remedy = '',
): RequestOutcome & { ok: false } {
  return { ok: false, code, message, remedy }
}
